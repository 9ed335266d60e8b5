//! Keys as the vectors describe them, and how to get at the parts of a vector.

use data_encoding::{BASE64, HEXLOWER};
use prost::Message;
use serde_json::Value;
use strongroom_crypto::{EncryptionPublicKey, SigningPublicKey};
use strongroom_proto::{read_encryption_public_key, read_signing_public_key, v30};

pub(crate) fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name]
        .as_str()
        .unwrap_or_else(|| panic!("no text {name} in {vector}"))
}

pub(crate) fn hex(vector: &Value, name: &str) -> Vec<u8> {
    HEXLOWER.decode(text(vector, name).as_bytes()).unwrap()
}

pub(crate) fn base64(vector: &Value, name: &str) -> Vec<u8> {
    BASE64.decode(text(vector, name).as_bytes()).unwrap()
}

pub(crate) fn integer(vector: &Value, name: &str) -> i32 {
    vector[name]
        .as_i64()
        .and_then(|value| value.try_into().ok())
        .unwrap_or_else(|| panic!("no {name} in {vector}"))
}

pub(crate) fn integers(vector: &Value, name: &str) -> Vec<i32> {
    let integer = |value: &Value| value.as_i64().unwrap().try_into().unwrap();
    items(vector, name).map(integer).collect()
}

/// The elements of a list that must be there.
pub(crate) fn items<'a>(vector: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    vector[name]
        .as_array()
        .unwrap_or_else(|| panic!("no list {name} in {vector}"))
        .iter()
}

/// The elements of a list that only some vectors have.
pub(crate) fn optional_items<'a>(vector: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    vector
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The signing key that a vector describes by its fields, sent through the wire; its fingerprint is checked.
#[expect(
    deprecated,
    reason = "the keys of live networks have nothing but a scheme"
)]
pub(crate) fn signing_key(vector: &Value) -> SigningPublicKey {
    let message = v30::SigningPublicKey {
        format: integer(vector, "format"),
        public_key: hex(vector, "public_key_hex"),
        scheme: integer(vector, "scheme"),
        usage: integers(vector, "usage"),
        key_spec: integer(vector, "key_spec"),
    };
    let received = v30::SigningPublicKey::decode(message.encode_to_vec().as_slice()).unwrap();
    let read = read_signing_public_key(&received).unwrap();
    assert_eq!(read.was_legacy, message.format < 4);
    assert_eq!(
        read.key.fingerprint().to_string(),
        text(vector, "fingerprint")
    );
    read.key
}

/// As [`signing_key`], for an encryption key.
#[expect(
    deprecated,
    reason = "the keys of live networks have nothing but a scheme"
)]
pub(crate) fn encryption_key(vector: &Value) -> EncryptionPublicKey {
    let message = v30::EncryptionPublicKey {
        format: integer(vector, "format"),
        public_key: hex(vector, "public_key_hex"),
        scheme: integer(vector, "scheme"),
        key_spec: integer(vector, "key_spec"),
    };
    let received = v30::EncryptionPublicKey::decode(message.encode_to_vec().as_slice()).unwrap();
    let read = read_encryption_public_key(&received).unwrap();
    assert_eq!(read.was_legacy, message.format < 4);
    assert_eq!(
        read.key.fingerprint().to_string(),
        text(vector, "fingerprint_derived_not_in_source")
    );
    read.key
}

/// A bare Ed25519 key, read as the legacy message that would carry it.
pub(crate) fn raw_ed25519(public_key: Vec<u8>) -> SigningPublicKey {
    let message = v30::SigningPublicKey {
        format: 3,
        public_key,
        key_spec: 1,
        ..Default::default()
    };
    read_signing_public_key(&message).unwrap().key
}
