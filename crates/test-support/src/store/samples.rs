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
    ApprovalId, ApprovalRecord, AuditRow, BackupId, BackupRecord, Custody, DataKeyId,
    DataKeyRecord, DataKeyState, IdentityRecord, JournalId, JournalStep, KeyRow, KeyState,
    KmsJournalRecord, KmsKeyRef, PrivateKeyRecord, PublicKeyRecord, RotationRecord, Sealing,
    StoredKey, TopologyExpiry, TopologyRow, VaultId, VaultRecord, WrapRecord,
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
        key: StoredKey::External(KmsKeyRef {
            kms: "cloud".to_owned(),
            key_id: format!("key/{number}"),
        }),
        ..private_key(number)
    }
}

/// The private half of [`public_key`], kept by a KMS, with the sealed key that was here before.
#[must_use]
pub fn copied_key(number: u32) -> PrivateKeyRecord {
    PrivateKeyRecord {
        sealing: Sealing::DataKey,
        key: StoredKey::Copied {
            held: KmsKeyRef {
                kms: "cloud".to_owned(),
                key_id: format!("key/{number}"),
            },
            copy: vec![0xee; 80],
        },
        ..external_key(number)
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

/// An accepted topology transaction without an end, at a position of the topology store `store`.
#[must_use]
pub fn topology(store: &str, ordinal: u64) -> TopologyRow {
    let seconds = i64::try_from(ordinal).unwrap_or_default();
    TopologyRow {
        store: store.to_owned(),
        ordinal,
        sequenced: time(seconds),
        valid_from: time(seconds + 1),
        valid_until: None,
        operation: 1,
        mapping_code: 4,
        serial: 1,
        namespace: format!("1220{}", "5a".repeat(32)),
        identifier: format!("participant{ordinal}"),
        unique_key: [0x33; 32],
        transaction_hash: [0x44; 32],
        proposal: false,
        rejection: None,
        transaction: vec![0x0a; 700],
        data_key_id: data_key_id(1),
        mac: [0x55; 32],
    }
}

/// The end of [`topology`], so many seconds after its beginning.
#[must_use]
pub fn topology_expiry(store: &str, ordinal: u64, seconds: i64) -> TopologyExpiry {
    let begin = topology(store, ordinal).valid_from.as_micros();
    TopologyExpiry {
        store: store.to_owned(),
        ordinal,
        valid_until: Timestamp::from_micros(begin + seconds * 1_000_000),
        mac: [0x56; 32],
    }
}

/// Whose keys the vault keeps.
#[must_use]
pub fn identity() -> IdentityRecord {
    IdentityRecord {
        member: format!("PAR::participant1::1220{}", "5a".repeat(32)),
        created_at: time(3),
        data_key_id: data_key_id(1),
        mac: [0x66; 32],
    }
}

/// A rotation from one key to another, at the position of the old one's number.
#[must_use]
pub fn rotation(old: u32, new: u32) -> RotationRecord {
    RotationRecord {
        old: fingerprint(old),
        new: fingerprint(new),
        member: identity().member,
        position: old,
        created_at: time(4),
        data_key_id: data_key_id(1),
        mac: [0x77; 32],
    }
}

/// The `number`-th journal entry's id.
#[must_use]
pub fn journal_id(number: u8) -> JournalId {
    JournalId::from_bytes([number; 16])
}

/// A signing key that the KMS is about to be asked for.
#[must_use]
pub fn journal_entry(number: u8) -> KmsJournalRecord {
    KmsJournalRecord {
        id: journal_id(number),
        kms: "cloud".to_owned(),
        step: JournalStep::Intended,
        kms_key_id: None,
        spec: KeySpec::Signing(SigningKeySpec::EcP256),
        usages: Some(protocol()),
        name: KeyName::try_new("signing").ok(),
        fingerprint: None,
        due_at: None,
        created_at: time(number.into()),
        data_key_id: data_key_id(1),
        mac: [0x88; 32],
    }
}

/// An encryption key without a name that the KMS has made.
#[must_use]
pub fn created_journal_entry(number: u8) -> KmsJournalRecord {
    KmsJournalRecord {
        step: JournalStep::Created,
        kms_key_id: Some(format!("key/{number}")),
        spec: KeySpec::Encryption(EncryptionKeySpec::Rsa2048),
        usages: None,
        name: None,
        ..journal_entry(number)
    }
}

/// A key of the vault that is being brought into the KMS.
#[must_use]
pub fn importing_journal_entry(number: u8) -> KmsJournalRecord {
    KmsJournalRecord {
        fingerprint: Some(fingerprint(number.into())),
        ..created_journal_entry(number)
    }
}

/// A key that has left the vault, and that the KMS is to destroy.
#[must_use]
pub fn scheduled_journal_entry(number: u8) -> KmsJournalRecord {
    KmsJournalRecord {
        step: JournalStep::Scheduled,
        due_at: Some(time(number.saturating_add(1).into())),
        ..importing_journal_entry(number)
    }
}

/// The `number`-th backup, which nobody has verified.
#[must_use]
pub fn backup(number: u8) -> BackupRecord {
    BackupRecord {
        id: BackupId::from_bytes([number; 16]),
        created_at: time(number.into()),
        generation: u64::from(number) + 1,
        file_hash: [0x99; 32],
        needs: vec![data_key_id(1), data_key_id(2)],
        verified_at: None,
        data_key_id: data_key_id(1),
        mac: [0xaa; 32],
    }
}

/// The `number`-th backup, verified.
#[must_use]
pub fn verified_backup(number: u8) -> BackupRecord {
    BackupRecord {
        verified_at: Some(time(100)),
        mac: [0xab; 32],
        ..backup(number)
    }
}

/// The `number`-th approval.
#[must_use]
pub fn approval(number: u8) -> ApprovalRecord {
    ApprovalRecord {
        id: ApprovalId::from_bytes([number; 16]),
        body: vec![0xbb; 100],
        data_key_id: data_key_id(1),
        mac: [0xcc; 32],
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
