//! Delegations of session keys: what is hashed, and what is none.

use strongroom_crypto::{
    DelegationError, KeyUsage, KeyUsages, SessionSignature, SignatureDelegation, SigningAlgorithms,
    SigningKeySpec, SigningPublicKey, Timestamp, ValidityPeriod, VerifyError, delegation_hash,
};

use crate::support::{generate, hex, pair, protocol};

const SYNCHRONIZER: &str =
    "da::12200000000000000000000000000000000000000000000000000000000000000000";
const FROM: Timestamp = Timestamp::from_micros(1_782_907_200_000_000);
const ALLOWED: KeyUsages = KeyUsages::only(KeyUsage::Protocol);

fn five_minutes() -> ValidityPeriod {
    ValidityPeriod::new(FROM, 300.try_into().unwrap())
}

/// The answers were computed by another program, from the description of the hash.
#[test]
fn the_hash_of_a_delegation_is_the_one_that_was_computed_elsewhere() {
    let ed25519 = hex(
        "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    );
    let p256 = hex(concat!(
        "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    ));
    let key = |spec, spki: &[u8]| SigningPublicKey::from_spki(spec, spki, protocol()).unwrap();
    let ed25519 = key(SigningKeySpec::EcCurve25519, &ed25519);
    let moment = ValidityPeriod::new(Timestamp::from_micros(-1), 1.try_into().unwrap());
    for (key, validity, expected) in [
        (
            &ed25519,
            five_minutes(),
            "12202bbaf7f7e4385e7bef9d8e6e929d27a5aae429e88394ad9546e7a6b302b70bbf",
        ),
        (
            &ed25519,
            moment,
            "12208d71d8374a7f0a7d5d21d60c5615616e0e8a7315e7d9eb9fd89def8c794d1aa3",
        ),
        (
            &key(SigningKeySpec::EcP256, &p256),
            five_minutes(),
            "1220062d3d16d7524ab700de516937042d6fe4847f9bcff7429aa2213ab40e666895",
        ),
    ] {
        let hash = delegation_hash(key, validity, SYNCHRONIZER);
        assert_eq!(hash.to_string(), expected);
    }
}

#[test]
fn a_delegation_verifies_for_its_synchronizer_validity_key_and_signer_only() {
    let (long_term, long_term_public) = pair(SigningKeySpec::EcP256, 1);
    let (_, other) = pair(SigningKeySpec::EcP256, 2);
    let (_, session) = pair(SigningKeySpec::EcCurve25519, 3);
    let (_, other_session) = pair(SigningKeySpec::EcCurve25519, 4);
    let hash = delegation_hash(&session, five_minutes(), SYNCHRONIZER);
    let signature = long_term.sign(&hash.to_multihash(), ALLOWED).unwrap();
    let delegation = |key: &SigningPublicKey, validity| {
        SignatureDelegation::try_new(key.clone(), validity, signature.clone()).unwrap()
    };
    let made = delegation(&session, five_minutes());
    let all = SigningAlgorithms::ALL;
    assert_eq!(made.long_term_key(), long_term_public.fingerprint());
    made.verify(&long_term_public, SYNCHRONIZER, all).unwrap();
    let longer = ValidityPeriod::new(FROM, 301.try_into().unwrap());
    let later = ValidityPeriod::new(
        Timestamp::from_micros(FROM.as_micros() + 1),
        300.try_into().unwrap(),
    );
    for forged in [
        delegation(&session, longer),
        delegation(&session, later),
        delegation(&other_session, five_minutes()),
    ] {
        let verified = forged.verify(&long_term_public, SYNCHRONIZER, all);
        assert_eq!(verified, Err(VerifyError::InvalidSignature));
    }
    let elsewhere = made.verify(&long_term_public, "da::1220", all);
    assert_eq!(elsewhere, Err(VerifyError::InvalidSignature));
    let by_another = made.verify(&other, SYNCHRONIZER, all);
    assert!(matches!(
        by_another,
        Err(VerifyError::SignatureWithWrongKey { .. })
    ));
}

#[test]
fn what_a_namespace_key_signed_is_no_delegation() {
    let private = generate(SigningKeySpec::EcCurve25519, 1);
    let namespace = KeyUsages::try_new([KeyUsage::Namespace]).unwrap();
    let public = private.signing_public_key(namespace).unwrap();
    let key = strongroom_crypto::SigningKey::new(&private, &public).unwrap();
    let (_, session) = pair(SigningKeySpec::EcCurve25519, 2);
    let hash = delegation_hash(&session, five_minutes(), SYNCHRONIZER).to_multihash();
    let signature = key.sign(&hash, namespace).unwrap();
    let delegation = SignatureDelegation::try_new(session, five_minutes(), signature).unwrap();
    let verified = delegation.verify(&public, SYNCHRONIZER, SigningAlgorithms::ALL);
    assert!(matches!(verified, Err(VerifyError::InvalidKeyUsage { .. })));
}

#[test]
fn a_session_key_is_for_messages_of_the_protocol_only_and_not_delegated_by_itself() {
    let (key, session) = pair(SigningKeySpec::EcCurve25519, 1);
    let signature = key.sign(b"anything", ALLOWED).unwrap();
    let of = |key: SigningPublicKey| {
        SignatureDelegation::try_new(key, five_minutes(), signature.clone()).map(drop)
    };
    let itself = session.fingerprint();
    assert_eq!(of(session), Err(DelegationError::ToItself { key: itself }));
    let private = generate(SigningKeySpec::EcCurve25519, 2);
    for usages in [
        KeyUsages::ALL,
        KeyUsages::try_new([KeyUsage::Namespace]).unwrap(),
        KeyUsages::try_new([KeyUsage::SequencerAuthentication]).unwrap(),
        KeyUsages::try_new([KeyUsage::Protocol, KeyUsage::SequencerAuthentication]).unwrap(),
    ] {
        let public = private.signing_public_key(usages).unwrap();
        assert_eq!(of(public), Err(DelegationError::Usages { usages }));
    }
}

#[test]
fn a_session_signature_counts_as_one_by_the_session_key_whoever_made_it() {
    let (long_term, _) = pair(SigningKeySpec::EcCurve25519, 1);
    let (_, session) = pair(SigningKeySpec::EcCurve25519, 2);
    let signature = long_term.sign(b"message", ALLOWED).unwrap();
    let delegation =
        SignatureDelegation::try_new(session.clone(), five_minutes(), signature.clone()).unwrap();
    let signed = SessionSignature::new(signature, delegation.into());
    assert_eq!(signed.signature().signed_by, session.fingerprint());
    let verified = session.verify(b"message", signed.signature(), ALLOWED);
    assert_eq!(verified, Err(VerifyError::InvalidSignature));
}
