//! Key pairs under a password, and symmetric keys.

use prost::Message;
use strongroom_crypto::{SecretBytes, SymmetricKey, SystemRandom};
use strongroom_errors::{Category, Coded};
use strongroom_proto::{
    ProtoError, decode_encrypted_key_pair, decode_key_pair, decode_symmetric_key,
    encode_encrypted_key_pair, encode_key_pair, encode_symmetric_key, v30,
};

use crate::support::{ED25519, P256, field, inside, sample, samples, wrap};

/// The message through another encoder than ours.
#[derive(Clone, PartialEq, prost::Message)]
struct SymmetricKeyMessage {
    #[prost(int32, tag = "1")]
    format: i32,
    #[prost(bytes = "vec", tag = "2")]
    key: Vec<u8>,
    #[prost(int32, tag = "3")]
    scheme: i32,
}

fn password(text: &str) -> SecretBytes {
    SecretBytes::from_slice(text.as_bytes())
}

fn export() -> Vec<u8> {
    let sample = sample(P256);
    encode_encrypted_key_pair(
        &sample.private,
        &sample.public,
        &password("pässword"),
        &SystemRandom,
    )
    .unwrap()
}

#[test]
fn a_key_pair_of_every_spec_survives_under_a_password() {
    for sample in samples() {
        let secret = password("correct horse");
        let bytes =
            encode_encrypted_key_pair(&sample.private, &sample.public, &secret, &SystemRandom)
                .unwrap();
        let read = decode_encrypted_key_pair(&bytes, &secret).unwrap();
        assert_eq!(read.public, sample.public);
        assert_eq!(read.private.stored(), sample.private.stored());
    }
}

#[test]
fn the_container_has_the_fields_of_the_contract() {
    let message = v30::PasswordBasedEncrypted::decode(inside(&export()).as_slice()).unwrap();
    assert_eq!(
        (
            message.symmetric_key_scheme,
            message.pbkdf_scheme,
            message.salt.len()
        ),
        (1, 1, 16)
    );
    let sample = sample(P256);
    let plain = encode_key_pair(&sample.private, &sample.public).unwrap();
    assert_eq!(message.ciphertext.len(), 12 + plain.len() + 16);
    assert_ne!(export(), export());
}

#[test]
fn a_wrong_password_and_changed_bytes_look_the_same() {
    let wrong = decode_encrypted_key_pair(&export(), &password("password")).unwrap_err();
    let mut message = v30::PasswordBasedEncrypted::decode(inside(&export()).as_slice()).unwrap();
    *message.ciphertext.last_mut().unwrap() ^= 1;
    let changed = decode_encrypted_key_pair(&wrap(&message), &password("pässword")).unwrap_err();
    message.ciphertext.truncate(5);
    let cut = decode_encrypted_key_pair(&wrap(&message), &password("pässword")).unwrap_err();
    for error in [wrong, changed, cut] {
        assert_eq!(
            error.to_string(),
            "Failed to decrypt encrypted keypair with password"
        );
        assert_eq!(error.code().name(), "PASSWORD_REJECTED");
    }
}

#[test]
fn an_encrypted_export_without_a_password_asks_for_it() {
    let error = decode_key_pair(&export()).unwrap_err();
    assert!(matches!(error, ProtoError::KeyPairEncrypted));
    assert!(
        error
            .to_string()
            .starts_with("Failed to parse crypto key pair:")
    );
    assert_eq!(error.code().category(), Category::InvalidRequest);
}

#[test]
fn a_plain_export_with_a_password_is_refused() {
    let sample = sample(ED25519);
    let plain = encode_key_pair(&sample.private, &sample.public).unwrap();
    assert!(decode_encrypted_key_pair(plain.expose(), &password("x")).is_err());
    // The oldest form of plain exports has no encrypted counterpart.
    assert!(decode_encrypted_key_pair(&inside(&export()), &password("pässword")).is_err());
}

#[test]
fn each_broken_field_has_its_error() {
    let check = |change: fn(&mut v30::PasswordBasedEncrypted), expected: (&str, &str)| {
        let mut message =
            v30::PasswordBasedEncrypted::decode(inside(&export()).as_slice()).unwrap();
        change(&mut message);
        let error = decode_encrypted_key_pair(&wrap(&message), &password("pässword")).unwrap_err();
        assert_eq!(field(&error), expected);
    };
    check(
        |message| message.symmetric_key_scheme = 0,
        ("not set", "symmetric_key_scheme"),
    );
    check(
        |message| message.symmetric_key_scheme = 2,
        ("unrecognized", "symmetric_key_scheme"),
    );
    check(
        |message| message.pbkdf_scheme = 0,
        ("not set", "pbkdf_scheme"),
    );
    check(
        |message| message.pbkdf_scheme = 2,
        ("unrecognized", "pbkdf_scheme"),
    );
    check(|message| message.salt.push(0), ("invalid", "salt"));
    check(|message| message.salt.truncate(15), ("invalid", "salt"));
    check(|message| message.salt.clear(), ("invalid", "salt"));
}

#[test]
fn a_symmetric_key_survives_and_opens_what_it_sealed() {
    let key = SymmetricKey::generate(&SystemRandom).unwrap();
    let bytes = encode_symmetric_key(&key);
    let message = SymmetricKeyMessage::decode(inside(bytes.expose()).as_slice()).unwrap();
    assert_eq!(
        (message.format, message.key.as_slice(), message.scheme),
        (3, key.secret().expose(), 1)
    );
    let read = decode_symmetric_key(bytes.expose()).unwrap();
    let sealed = key.seal(b"foobar", &SystemRandom).unwrap();
    assert_eq!(read.open(&sealed).unwrap().expose(), b"foobar");
}

#[test]
fn each_broken_field_of_a_symmetric_key_has_its_error() {
    let check = |format, length, scheme, expected: (&str, &str)| {
        let message = SymmetricKeyMessage {
            format,
            key: vec![1; length],
            scheme,
        };
        assert_eq!(
            field(&decode_symmetric_key(&wrap(&message)).unwrap_err()),
            expected
        );
    };
    check(0, 16, 1, ("not set", "format"));
    check(2, 16, 1, ("unrecognized", "format"));
    check(4, 16, 1, ("unrecognized", "format"));
    check(10_000, 16, 1, ("symbolic", "format"));
    check(3, 16, 0, ("not set", "scheme"));
    check(3, 16, 2, ("unrecognized", "scheme"));
    for length in [0, 15, 17, 32] {
        check(3, length, 1, ("invalid", "key"));
    }
}
