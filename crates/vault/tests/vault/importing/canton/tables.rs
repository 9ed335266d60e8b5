//! Rows as Canton writes them.

use data_encoding::HEXLOWER;
use strongroom_crypto::{EncryptionKeySpec, KeyPurpose, KeySpec, PrivateKey, SigningKeySpec};
use strongroom_kms::{KmsKeyId, KmsProvider, WrapContext};
use strongroom_kms_local::LocalKms;
use strongroom_proto::{
    encode_stored_private_key, encode_stored_public_key,
    tables::{PrivateKeyData, PrivateKeyRow, PublicKeyRow},
};
use strongroom_test_support::SeededRandom;
use strongroom_vault::{ImportedKey, Vault};

use crate::house::{House, foreign_key, name, protocol, secret};

pub(crate) fn all_specs() -> impl Iterator<Item = KeySpec> {
    let signing = SigningKeySpec::ALL.into_iter().map(KeySpec::Signing);
    let encryption = EncryptionKeySpec::ALL.into_iter();
    signing.chain(encryption.map(KeySpec::Encryption))
}

/// A key of this spec, the same each time but for RSA, called as its spec.
pub(crate) fn pair(spec: KeySpec) -> ImportedKey {
    pair_of(spec, spec.name())
}

/// A key of this spec and name; another name is another key.
pub(crate) fn pair_of(spec: KeySpec, label: &str) -> ImportedKey {
    let bytes = label.bytes();
    // The same curve serves both purposes, and no key does.
    let begin = if spec.purpose() == KeyPurpose::Signing {
        7
    } else {
        11
    };
    let seed = bytes.fold(begin, |seed: i64, byte| {
        seed.wrapping_mul(31) + i64::from(byte)
    });
    let private = PrivateKey::generate(spec, &SeededRandom::new(seed)).unwrap();
    let usages = (spec.purpose() == KeyPurpose::Signing).then(protocol);
    ImportedKey {
        public: private.public_key(usages).unwrap(),
        private,
        name: name(label),
    }
}

fn number(key: &ImportedKey) -> i16 {
    match key.public.spec().purpose() {
        KeyPurpose::Signing => 0,
        KeyPurpose::Encryption => 1,
    }
}

fn label(key: &ImportedKey) -> Option<String> {
    key.name.as_ref().map(|name| name.as_str().to_owned())
}

/// The clear row of a key.
pub(crate) fn private_row(key: &ImportedKey) -> PrivateKeyRow {
    let message = encode_stored_private_key(&key.private, &key.public).unwrap();
    PrivateKeyRow {
        key_id: key.public.fingerprint().to_string(),
        purpose: number(key),
        data: PrivateKeyData::Clear(message),
        name: label(key),
    }
}

pub(crate) fn public_row(key: &ImportedKey) -> PublicKeyRow {
    PublicKeyRow {
        key_id: key.public.fingerprint().to_string(),
        purpose: number(key),
        data: encode_stored_public_key(&key.public),
        name: label(key),
    }
}

/// The row as a node has it that encrypts its keys with the KMS of this house, under the wrapper key of this vault.
pub(crate) async fn encrypted(house: &House, vault: &Vault, row: PrivateKeyRow) -> PrivateKeyRow {
    let wrapper_key = KmsKeyId::try_new(vault.wraps()[0].wrapper_key_id.as_str()).unwrap();
    encrypted_under(&house.kms, &wrapper_key, row).await
}

/// The row as a node has it that encrypts its keys with this wrapper key.
pub(crate) async fn encrypted_under(
    kms: &LocalKms,
    wrapper_key: &KmsKeyId,
    row: PrivateKeyRow,
) -> PrivateKeyRow {
    let PrivateKeyData::Clear(message) = &row.data else {
        panic!("{row:?} is encrypted");
    };
    let wrapper = kms.key_wrapper().unwrap();
    let context = WrapContext::none();
    let wrapped = wrapper.wrap_key(wrapper_key, &context, message).await;
    PrivateKeyRow {
        data: PrivateKeyData::Encrypted {
            wrapper_key_id: wrapper_key.as_str().to_owned(),
            ciphertext: wrapped.unwrap().ciphertext,
        },
        ..row
    }
}

/// Namespace keys that a node of Canton exported: the message in the export is that of a row.
pub(crate) fn known_answers() -> Vec<PrivateKeyRow> {
    let row = |(key_id, pkcs8): (&str, &str)| {
        let id = HEXLOWER.encode(key_id.as_bytes());
        let row = format!("0a7f0a44{id}10051a30{pkcs8}2a01013001101e");
        PrivateKeyRow {
            key_id: key_id.to_owned(),
            purpose: 0,
            data: PrivateKeyData::Clear(secret(&HEXLOWER.decode(row.as_bytes()).unwrap())),
            name: None,
        }
    };
    KNOWN_ANSWERS.map(row).into()
}

/// Fingerprint and PKCS#8.
const KNOWN_ANSWERS: [(&str, &str); 3] = [
    (
        "12200929934059da3e012af672ee8a5d26a7e4b3e5084920be298f791f7619843c78",
        "302e020100300506032b6570042204203044ecf35846315a7d55f24cdfb0c94e9e71fbb66c100725cef8a0b8af1c840f",
    ),
    (
        "122039efbd409e450a543063698d95e54396c68a548e7982a08958cf9d8a85917a60",
        "302e020100300506032b657004220420f7f7e9e26d4ff24d67cb88cb9def3dcea06f354760a36b96a0f39c05a8c4d957",
    ),
    (
        "1220a7efff523b55f92bebb60b0c8e972971383d002bd01278b23fa4473df1bf38fa",
        "302e020100300506032b6570042204202c43ce889f73fe98f46d20b351ca9daf24e481d5be2b5dc9b9888209f7cc09d7",
    ),
];

/// An Ed25519 key as nodes of old wrote it: bare bytes, a scheme instead of a spec, no usages.
pub(crate) fn legacy_rows() -> (PrivateKeyRow, PublicKeyRow) {
    let key = foreign_key(4711);
    let key_id = key.public.fingerprint().to_string();
    let wrap = |message: Vec<u8>| {
        let length = u8::try_from(message.len()).unwrap();
        [&[0x0a, length], &message[..], &[0x10, 30]].concat()
    };
    // format = 3 (RAW), the key, scheme = 1 (Ed25519)
    let message = |id: &str, key: &[u8]| {
        let id = if id.is_empty() {
            Vec::new()
        } else {
            [&[0x0a, 68], id.as_bytes()].concat()
        };
        wrap([&id[..], &[0x10, 3, 0x1a, 32], key, &[0x20, 1]].concat())
    };
    // EXPOSE: a key of a test.
    let seed = message(&key_id, key.private.stored().expose());
    let spki = key.public.spki();
    let private = PrivateKeyRow {
        key_id: key_id.clone(),
        purpose: 0,
        data: PrivateKeyData::Clear(secret(&seed)),
        name: None,
    };
    let public = PublicKeyRow {
        key_id: key_id.clone(),
        purpose: 0,
        data: message(&key_id, &spki[spki.len() - 32..]),
        name: None,
    };
    (private, public)
}
