//! Records to store, told apart by a number.
//!
//! MACs, hashes and ciphertexts are made up: stores do not look into them.

#![expect(
    clippy::expect_used,
    reason = "the samples are fixed, and known to be valid"
)]

use strongroom_crypto::{
    EncryptionKeySpec, Fingerprint, KeyName, KeySpec, KeyUsage, KeyUsages, SecretBytes,
    SigningKeySpec, Timestamp,
};
use strongroom_store::{
    AuditRow, Custody, DataKeyId, DataKeyRecord, DataKeyState, KeyRow, KeyState, PrivateKeyRecord,
    PublicKeyRecord, Sealing, StoredKey, VaultId, VaultRecord, WrapRecord,
};

/// The `number`-th data key's id.
#[must_use]
pub fn data_key_id(number: u8) -> DataKeyId {
    DataKeyId::from_bytes([number; 16])
}

/// A data key, the later made the higher its number.
#[must_use]
pub fn data_key(number: u8) -> DataKeyRecord {
    DataKeyRecord {
        id: data_key_id(number),
        commitment: [number ^ 0xff; 32],
        state: DataKeyState::Active,
        created_at: time(number.into()),
        mac: [number; 32],
    }
}

/// A vault whose current data key is number 1.
#[must_use]
pub fn vault() -> VaultRecord {
    VaultRecord {
        id: VaultId::from_bytes([0xfe; 16]),
        created_at: time(0),
        current_data_key: data_key_id(1),
        state: b"generation 1".to_vec(),
    }
}

/// A wrap of data key 1 by a wrapper key of provider `kms`.
#[must_use]
pub fn wrap(kms: &str, wrapper_key_id: &str) -> WrapRecord {
    WrapRecord {
        data_key_id: data_key_id(1),
        kms: kms.to_owned(),
        wrapper_key_id: wrapper_key_id.to_owned(),
        ciphertext: vec![0xc1; 200],
        created_at: time(5),
    }
}

/// The `number`-th fingerprint; they come in the order of their numbers.
#[must_use]
pub fn fingerprint(number: u32) -> Fingerprint {
    let mut bytes = [0x5a; 32];
    if let Some(start) = bytes.first_chunk_mut() {
        *start = number.to_be_bytes();
    }
    Fingerprint::from_bytes(bytes)
}

/// A named Ed25519 key for protocol messages.
#[must_use]
pub fn public_key(number: u32) -> PublicKeyRecord {
    PublicKeyRecord {
        fingerprint: fingerprint(number),
        spec: KeySpec::Signing(SigningKeySpec::EcCurve25519),
        usages: Some(protocol()),
        spki: vec![0x30; 44].into(),
        name: Some(KeyName::try_new(format!("key {number}")).expect("a short name")),
        created_at: time(number.into()),
        data_key_id: data_key_id(1),
        mac: [0x11; 32],
    }
}

/// An encryption key without a name.
#[must_use]
pub fn encryption_key(number: u32) -> PublicKeyRecord {
    PublicKeyRecord {
        spec: KeySpec::Encryption(EncryptionKeySpec::EcP256),
        usages: None,
        name: None,
        ..public_key(number)
    }
}

/// The private half of [`public_key`], sealed under data key 1.
#[must_use]
pub fn private_key(number: u32) -> PrivateKeyRecord {
    PrivateKeyRecord {
        fingerprint: fingerprint(number),
        custody: Custody::Envelope,
        sealing: Sealing::DataKey,
        state: KeyState::Active,
        exposed: false,
        wrapper_key_id: None,
        data_key_id: data_key_id(1),
        key: StoredKey::Sealed(vec![0xee; 80]),
        created_at: time(number.into()),
        mac: [0x22; 32],
    }
}

/// The private half of [`public_key`], sealed by the KMS itself.
#[must_use]
pub fn directly_sealed_key(number: u32) -> PrivateKeyRecord {
    PrivateKeyRecord {
        sealing: Sealing::Direct,
        wrapper_key_id: Some("arn:aws:kms:eu-central-1:1:key/7".to_owned()),
        ..private_key(number)
    }
}

/// The private half of [`public_key`], readable.
#[must_use]
pub fn clear_key(number: u32) -> PrivateKeyRecord {
    PrivateKeyRecord {
        custody: Custody::Clear,
        sealing: Sealing::None,
        exposed: true,
        key: StoredKey::Clear(SecretBytes::from_slice(&CLEAR_KEY)),
        ..private_key(number)
    }
}

/// The private half of [`public_key`], kept by a KMS.
#[must_use]
pub fn external_key(number: u32) -> PrivateKeyRecord {
    PrivateKeyRecord {
        custody: Custody::External,
        sealing: Sealing::None,
        key: StoredKey::Absent,
        ..private_key(number)
    }
}

/// The bytes of [`clear_key`], to search for where they must not be.
pub const CLEAR_KEY: [u8; 32] = *b"this is a readable private key!!";

/// A key pair.
#[must_use]
pub fn key_pair(number: u32) -> KeyRow {
    (public_key(number), Some(private_key(number)))
}

/// An audit record.
#[must_use]
pub fn audit(sequence: u64) -> AuditRow {
    AuditRow {
        sequence,
        body: format!("record {sequence}").into_bytes(),
        hash: [0xad; 32],
    }
}

/// So many seconds after some moment.
#[must_use]
pub fn time(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000 + seconds * 1_000_000)
}

fn protocol() -> KeyUsages {
    KeyUsages::try_new([KeyUsage::Protocol]).expect("a valid set")
}
