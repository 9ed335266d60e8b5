//! Signatures and ciphertexts as messages.

use strongroom_crypto::{
    AsymmetricEncrypted, EncryptionAlgorithm, Fingerprint, Signature, SignatureFormat,
    SigningAlgorithm,
};
use strongroom_proto::{
    ProtoError, decode_asymmetric_encrypted, decode_signature, encode_asymmetric_encrypted,
    encode_signature, read_asymmetric_encrypted, read_signature, v30,
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
fn a_signature_by_a_session_key_is_refused_as_long_as_it_cannot_be_checked() {
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
