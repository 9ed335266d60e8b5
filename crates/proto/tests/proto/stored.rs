//! Rows of Canton's table of private keys.

use prost::Message;
use strongroom_crypto::{EncryptionKeySpec, KeyPurpose, KeySpec};
use strongroom_proto::{ProtoError, decode_stored_private_key, encode_stored_private_key};

use crate::canton::{EncryptionPrivateKey, SigningPrivateKey};
use crate::support::{P256, field, inside, sample, samples, wrap};

fn row(spec: KeySpec) -> Vec<u8> {
    let sample = sample(spec);
    encode_stored_private_key(&sample.private, &sample.public)
        .unwrap()
        .expose()
        .to_vec()
}

#[test]
fn a_row_of_every_spec_survives() {
    for sample in samples() {
        let spec = sample.private.spec();
        let read = decode_stored_private_key(spec.purpose(), &row(spec)).unwrap();
        assert_eq!(read.private.stored(), sample.private.stored(), "{spec}");
        assert_eq!(read.public, sample.public);
    }
}

#[test]
fn a_row_holds_the_key_itself_and_not_the_choice_of_two() {
    let signing = SigningPrivateKey::decode(inside(&row(P256)).as_slice()).unwrap();
    assert_eq!(
        (signing.format, signing.key_spec, signing.usage),
        (5, 2, vec![4, 5])
    );
    let spec = KeySpec::Encryption(EncryptionKeySpec::Rsa2048);
    let encryption = EncryptionPrivateKey::decode(inside(&row(spec)).as_slice()).unwrap();
    assert_eq!((encryption.format, encryption.key_spec), (5, 2));
    assert_eq!(encryption.id, sample(spec).public.fingerprint().to_string());
}

#[test]
fn a_legacy_encryption_row_is_read_and_flagged() {
    let spec = KeySpec::Encryption(EncryptionKeySpec::EcP256);
    let key = EncryptionPrivateKey::decode(inside(&row(spec)).as_slice()).unwrap();
    for scheme in [1, 2] {
        let legacy = EncryptionPrivateKey {
            format: 2,
            key_spec: 0,
            scheme,
            ..key.clone()
        };
        let read = decode_stored_private_key(KeyPurpose::Encryption, &wrap(&legacy)).unwrap();
        assert!(read.was_legacy);
        assert_eq!(read.public, sample(spec).public);
    }
}

#[test]
fn each_broken_field_of_an_encryption_key_has_its_error() {
    let check = |change: fn(&mut EncryptionPrivateKey), expected: (&str, &str)| {
        let spec = KeySpec::Encryption(EncryptionKeySpec::EcP256);
        let mut key = EncryptionPrivateKey::decode(inside(&row(spec)).as_slice()).unwrap();
        change(&mut key);
        let error = decode_stored_private_key(KeyPurpose::Encryption, &wrap(&key)).unwrap_err();
        assert_eq!(field(&error), expected, "{error:?}");
    };
    check(|key| key.format = 0, ("not set", "format"));
    check(|key| key.format = 9, ("unrecognized", "format"));
    check(|key| key.format = 4, ("invalid", "key"));
    check(|key| key.private_key.clear(), ("invalid", "key"));
    check(|key| key.key_spec = 0, ("not set", "key_spec and scheme"));
    check(|key| key.key_spec = 2, ("invalid", "key"));
    check(|key| key.key_spec = 5, ("unrecognized", "key_spec"));
    check(
        |key| (key.key_spec, key.scheme) = (0, 9),
        ("unrecognized", "scheme"),
    );
}

#[test]
fn a_row_for_another_purpose_or_without_a_wrapper_is_refused() {
    for sample in samples() {
        let spec = sample.private.spec();
        for wrong in KeyPurpose::ALL
            .into_iter()
            .filter(|wrong| *wrong != spec.purpose())
        {
            assert!(
                decode_stored_private_key(wrong, &row(spec)).is_err(),
                "{spec}"
            );
        }
        assert!(
            decode_stored_private_key(spec.purpose(), &inside(&row(spec))).is_err(),
            "{spec}"
        );
    }
}

#[test]
fn an_encrypted_row_is_refused() {
    let error = decode_stored_private_key(KeyPurpose::Signing, &[0xd7; 200]).unwrap_err();
    assert!(
        matches!(error, ProtoError::MalformedSecret { .. }),
        "{error:?}"
    );
}

#[test]
fn a_truncated_row_is_refused_or_is_the_same_key() {
    for sample in samples() {
        let (row, purpose) = (row(sample.private.spec()), sample.private.spec().purpose());
        for length in 0..row.len() {
            if let Ok(read) = decode_stored_private_key(purpose, &row[..length]) {
                // Only the version can be missing without harm.
                assert!(read.public == sample.public && length + 2 >= row.len());
            }
        }
    }
}
