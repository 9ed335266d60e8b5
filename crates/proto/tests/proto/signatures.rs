//! Signatures and ciphertexts as messages.

use strongroom_crypto::{
    AsymmetricEncrypted, EncryptionAlgorithm, Fingerprint, KeyUsage, KeyUsages, PrivateKey,
    ProtocolSignature, SessionSignature, Signature, SignatureDelegation, SignatureFormat,
    SigningAlgorithm, SigningKeySpec, SystemRandom, Timestamp, ValidityPeriod,
};
use strongroom_proto::{
    ProtoError, decode_asymmetric_encrypted, decode_protocol_signature, decode_signature,
    encode_asymmetric_encrypted, encode_protocol_signature, encode_signature,
    read_asymmetric_encrypted, read_protocol_signature, read_signature, v30,
};

use crate::support::{field, inside, with_unknown_fields, wrap};

const SIGNER: Fingerprint = Fingerprint::from_bytes([0xab; 32]);

fn signature(algorithm: Option<SigningAlgorithm>, format: SignatureFormat) -> Signature {
    Signature {
        bytes: vec![7; 64],
        format,
        signed_by: SIGNER,
        algorithm,
    }
}

fn message(algorithm: SigningAlgorithm) -> v30::Signature {
    (&signature(Some(algorithm), algorithm.format())).into()
}

fn all_signatures() -> Vec<Signature> {
    let known = SigningAlgorithm::ALL
        .into_iter()
        .map(|algorithm| signature(Some(algorithm), algorithm.format()));
    let unknown =
        [SignatureFormat::Der, SignatureFormat::Concat].map(|format| signature(None, format));
    known.chain(unknown).collect()
}

#[test]
fn a_signature_survives_with_and_without_its_algorithm() {
    for signature in all_signatures() {
        assert_eq!(
            decode_signature(&encode_signature(&signature)).unwrap(),
            signature
        );
    }
}

#[test]
fn a_written_signature_has_the_numbers_of_the_contract() {
    let written = message(SigningAlgorithm::EcDsaSha384);
    assert_eq!((written.format, written.signing_algorithm_spec), (2, 3));
    assert_eq!(written.signed_by, format!("1220{}", "ab".repeat(32)));
    assert_eq!(
        v30::Signature::from(&signature(None, SignatureFormat::Concat)).signing_algorithm_spec,
        0
    );
}

#[test]
fn a_legacy_raw_signature_reads_as_the_signature_of_today() {
    for signature in all_signatures()
        .into_iter()
        .filter(|signature| signature.algorithm.is_some())
    {
        let legacy = v30::Signature {
            format: 1,
            ..(&signature).into()
        };
        assert_eq!(read_signature(legacy.clone()).unwrap(), signature);
    }
    let check = |length: usize, expected| {
        let legacy = v30::Signature {
            format: 1,
            signature: vec![0; length],
            ..(&signature(None, SignatureFormat::Der)).into()
        };
        assert_eq!(
            read_signature(legacy.clone()).unwrap().format,
            expected,
            "{length} bytes"
        );
    };
    check(64, SignatureFormat::Concat);
    check(63, SignatureFormat::Der);
    check(70, SignatureFormat::Der);
    check(3309, SignatureFormat::Der);
}

#[test]
fn each_broken_field_of_a_signature_has_its_error() {
    let check = |change: fn(&mut v30::Signature), expected: (&str, &str)| {
        let mut changed = message(SigningAlgorithm::Ed25519);
        change(&mut changed);
        assert_eq!(
            field(&read_signature(changed.clone()).unwrap_err()),
            expected
        );
    };
    check(|message| message.format = 0, ("not set", "format"));
    check(|message| message.format = 4, ("unrecognized", "format"));
    check(|message| message.format = 10_000, ("symbolic", "format"));
    check(
        |message| message.signing_algorithm_spec = 5,
        ("unrecognized", "signing_algorithm_spec"),
    );
    check(
        |message| message.signed_by.clear(),
        ("invalid", "signed_by"),
    );
    check(
        |message| message.signed_by = "1220".to_owned(),
        ("invalid", "signed_by"),
    );
    check(
        |message| message.signed_by.make_ascii_uppercase(),
        ("invalid", "signed_by"),
    );
}

#[test]
fn a_signature_by_a_session_key_is_refused_where_only_a_long_term_key_signs() {
    let delegated = v30::Signature {
        signature_delegation: Some(v30::SignatureDelegation::default()),
        ..message(SigningAlgorithm::Ed25519)
    };
    assert!(matches!(
        read_signature(delegated.clone()),
        Err(ProtoError::UnsupportedDelegation)
    ));
    assert!(matches!(
        decode_signature(&wrap(&delegated)),
        Err(ProtoError::UnsupportedDelegation)
    ));
}

/// A signature by a session key with a delegation by [`SIGNER`]; neither is valid, only well-formed.
fn session_signature() -> ProtocolSignature {
    let random = SystemRandom;
    let private = PrivateKey::generate(SigningKeySpec::EcP256.into(), &random).unwrap();
    let usages = KeyUsages::try_new([KeyUsage::Protocol]).unwrap();
    let session_key = private.signing_public_key(usages).unwrap();
    let from = Timestamp::from_micros(-7);
    let validity = ValidityPeriod::new(from, 300.try_into().unwrap());
    let by_long_term = signature(Some(SigningAlgorithm::Ed25519), SignatureFormat::Concat);
    let delegation = SignatureDelegation::try_new(session_key, validity, by_long_term).unwrap();
    let message = signature(Some(SigningAlgorithm::EcDsaSha256), SignatureFormat::Der);
    ProtocolSignature::Session(SessionSignature::new(message, delegation.into()))
}

#[test]
fn a_signature_of_the_protocol_survives_with_and_without_a_delegation() {
    let plain = all_signatures()
        .into_iter()
        .map(ProtocolSignature::LongTerm);
    for signature in plain.chain([session_signature()]) {
        let encoded = encode_protocol_signature(&signature);
        assert_eq!(decode_protocol_signature(&encoded).unwrap(), signature);
    }
}

#[test]
fn a_written_delegation_has_the_fields_of_the_contract() {
    let signature = session_signature();
    let delegation = signature.delegation().unwrap();
    let written = v30::Signature::from(&signature);
    // The key that lent its right; the session key is in the delegation.
    assert_eq!(written.signed_by, SIGNER.to_string());
    assert_eq!((written.format, written.signing_algorithm_spec), (2, 2));
    let written = written.signature_delegation.unwrap();
    assert_eq!(written.session_key, delegation.session_key().spki());
    assert_eq!(written.session_key_spec, 2);
    assert_eq!(written.validity_period_from_inclusive, -7);
    assert_eq!(written.validity_period_duration_seconds, 300);
    assert_eq!((written.format, written.signing_algorithm_spec), (3, 1));
    assert_eq!(written.signature, vec![7; 64]);
}

#[test]
fn a_delegation_with_a_broken_field_is_refused_and_the_field_named() {
    let check = |change: fn(&mut v30::SignatureDelegation), expected: &str| {
        let mut message = v30::Signature::from(&session_signature());
        change(message.signature_delegation.as_mut().unwrap());
        let error = read_protocol_signature(message).unwrap_err();
        let all = format!("{error}: {:?}", std::error::Error::source(&error));
        assert!(all.contains(expected), "{all}");
    };
    check(|it| it.session_key_spec = 0, "session_key_spec");
    check(
        |it| it.session_key_spec = 9,
        "session_key_spec of SignatureDelegation has",
    );
    check(|it| it.session_key_spec = 1, "SignatureDelegation");
    check(|it| it.session_key.truncate(9), "SignatureDelegation");
    check(|it| it.session_key.clear(), "SignatureDelegation");
    check(|it| it.validity_period_duration_seconds = 0, "NoPeriod");
    check(|it| it.format = 0, "format");
    check(|it| it.signing_algorithm_spec = 9, "signing_algorithm_spec");
    // A key that delegates to itself.
    let mut message = v30::Signature::from(&session_signature());
    let own = session_signature();
    let key = own.delegation().unwrap().session_key().clone();
    message.signature_delegation = Some(own.delegation().unwrap().as_ref().into());
    message.signed_by = key.fingerprint().to_string();
    let error = read_protocol_signature(message).unwrap_err();
    assert!(
        matches!(error, ProtoError::InvalidDelegation { .. }),
        "{error:?}"
    );
}

#[test]
fn a_ciphertext_survives() {
    for algorithm in EncryptionAlgorithm::ALL {
        let encrypted = AsymmetricEncrypted {
            ciphertext: vec![1, 2, 3],
            algorithm,
            encrypted_for: SIGNER,
        };
        assert_eq!(
            decode_asymmetric_encrypted(&encode_asymmetric_encrypted(&encrypted)).unwrap(),
            encrypted
        );
    }
}

#[test]
fn each_broken_field_of_a_ciphertext_has_its_error() {
    let check = |change: fn(&mut v30::AsymmetricEncrypted), expected: (&str, &str)| {
        let algorithm = EncryptionAlgorithm::RsaOaepSha256;
        let encrypted = AsymmetricEncrypted {
            ciphertext: vec![1],
            algorithm,
            encrypted_for: SIGNER,
        };
        let mut message = v30::AsymmetricEncrypted::from(&encrypted);
        assert_eq!(message.encryption_algorithm_spec, 2);
        change(&mut message);
        assert_eq!(
            field(&read_asymmetric_encrypted(&message).unwrap_err()),
            expected
        );
    };
    check(
        |message| message.encryption_algorithm_spec = 0,
        ("not set", "encryption_algorithm_spec"),
    );
    check(
        |message| message.encryption_algorithm_spec = 3,
        ("unrecognized", "encryption_algorithm_spec"),
    );
    check(
        |message| message.fingerprint.clear(),
        ("invalid", "fingerprint"),
    );
}

#[test]
fn unknown_fields_are_skipped() {
    let signature = signature(None, SignatureFormat::Der);
    let message = with_unknown_fields(inside(&encode_signature(&signature)));
    let wrapped = strongroom_proto::versioned::wrap_message(&message);
    assert_eq!(
        decode_signature(&with_unknown_fields(wrapped)).unwrap(),
        signature
    );
}
