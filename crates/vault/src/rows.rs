//! What each row means, as bytes that a tag is computed over.
//!
//! Every column of a security-relevant row is in its encoding, so that a row that was edited or swapped carries the
//! wrong tag. A row of another vault does as well: keys of tags derive from data keys, and those are of one vault.
//!
//! Encodings are short on purpose: opening a vault computes one for each row.

use strongroom_crypto::{HashBuilder, KeyPurpose, KeySpec, KeyUsages, encoding::Encoder};
use strongroom_store::{
    ApprovalRecord, BackupRecord, DataKeyRecord, IdentityRecord, KmsJournalRecord,
    PrivateKeyRecord, PublicKeyRecord, RotationRecord, RowCode, StoredKey, TopologyRow,
    VaultRecord, WrapRecord,
};

use subtle::ConstantTimeEq;

use crate::{
    data_keys::{DataKeys, OpenedDataKey},
    error::VaultError,
};

/// A tag over a row: stored beside the row, or standing for it in the digest.
pub(crate) type Tag = [u8; 32];

pub(crate) const APPROVALS: &str = "approvals";
pub(crate) const BACKUPS: &str = "backups";
pub(crate) const DATA_KEYS: &str = "data_keys";
pub(crate) const IDENTITY: &str = "identity";
pub(crate) const KMS_JOURNAL: &str = "kms_journal";
pub(crate) const PRIVATE_KEYS: &str = "private_keys";
pub(crate) const PUBLIC_KEYS: &str = "public_keys";
pub(crate) const ROTATIONS: &str = "rotations";
pub(crate) const TOPOLOGY: &str = "topology";
pub(crate) const WRAPS: &str = "wraps";

/// The first byte of an encoding: rows of two tables never have the same one.
#[repr(u8)]
enum Table {
    Vault = 1,
    DataKeys = 2,
    Wraps = 3,
    PublicKeys = 4,
    PrivateKeys = 5,
    Identity = 6,
    Rotations = 7,
    Topology = 8,
    KmsJournal = 9,
    Backups = 10,
    /// Not a table: what a backup file holds.
    BackupManifest = 11,
    Approvals = 12,
}

pub(crate) fn tag_vault(record: &VaultRecord, current: &OpenedDataKey) -> Tag {
    let mut encoder = start(Table::Vault);
    encoder
        .raw(record.id.as_bytes())
        .long(record.created_at.as_micros())
        .raw(record.current_data_key.as_bytes());
    current.row_tag(encoder.as_slice())
}

pub(crate) fn tag_data_key(record: &DataKeyRecord, current: &OpenedDataKey) -> Tag {
    let mut encoder = start(Table::DataKeys);
    encoder
        .raw(record.id.as_bytes())
        .raw(&record.commitment)
        .byte(record.state.code())
        .long(record.created_at.as_micros());
    current.row_tag(encoder.as_slice())
}

pub(crate) fn tag_wrap(record: &WrapRecord, current: &OpenedDataKey) -> Tag {
    let mut encoder = start(Table::Wraps);
    encoder
        .raw(record.data_key_id.as_bytes())
        .string(&record.kms)
        .string(&record.wrapper_key_id)
        .bytes(&record.ciphertext)
        .long(record.created_at.as_micros());
    current.row_tag(encoder.as_slice())
}

pub(crate) fn tag_public_key(
    record: &PublicKeyRecord,
    data_keys: &DataKeys,
    encoder: &mut Encoder,
) -> Result<Tag, VaultError> {
    restart(encoder, Table::PublicKeys);
    encoder
        .raw(record.data_key_id.as_bytes())
        .raw(record.fingerprint.as_bytes())
        .byte(record.spec.code())
        .byte(record.usages.map_or(0, KeyUsages::bits))
        .long(record.created_at.as_micros())
        .bytes(&record.spki)
        .string(record.name.as_ref().map_or("", |name| name.as_str()));
    Ok(data_keys
        .named(&record.data_key_id)?
        .row_tag(encoder.as_slice()))
}

pub(crate) fn tag_private_key(
    record: &PrivateKeyRecord,
    data_keys: &DataKeys,
    encoder: &mut Encoder,
) -> Result<Tag, VaultError> {
    restart(encoder, Table::PrivateKeys);
    encoder
        .raw(record.data_key_id.as_bytes())
        .raw(record.fingerprint.as_bytes())
        .byte(record.custody.code())
        .byte(record.sealing.code())
        .byte(record.state.code())
        .byte(u8::from(record.exposed))
        .long(record.created_at.as_micros());
    match &record.key {
        StoredKey::Sealed(sealed) => encoder.byte(1).bytes(sealed),
        StoredKey::External(key) => encoder.byte(2).string(&key.kms).string(&key.key_id),
        StoredKey::Copied { held, copy } => encoder
            .byte(4)
            .string(&held.kms)
            .string(&held.key_id)
            .bytes(copy),
        StoredKey::Clear(secret) => {
            // EXPOSE: a clear row is authenticated like any other. The encoding gets a digest of the key, since the
            // memory of an encoder is neither locked nor wiped.
            let digest = HashBuilder::without_purpose().raw(secret.expose()).finish();
            encoder.byte(3).raw(digest.as_bytes())
        }
    };
    encoder.string(record.wrapper_key_id.as_deref().unwrap_or(""));
    Ok(data_keys
        .named(&record.data_key_id)?
        .row_tag(encoder.as_slice()))
}

pub(crate) fn tag_identity(
    record: &IdentityRecord,
    data_keys: &DataKeys,
) -> Result<Tag, VaultError> {
    let mut encoder = start(Table::Identity);
    encoder
        .raw(record.data_key_id.as_bytes())
        .string(&record.member)
        .long(record.created_at.as_micros());
    Ok(data_keys
        .named(&record.data_key_id)?
        .row_tag(encoder.as_slice()))
}

pub(crate) fn tag_rotation(
    record: &RotationRecord,
    data_keys: &DataKeys,
) -> Result<Tag, VaultError> {
    let mut encoder = start(Table::Rotations);
    encoder
        .raw(record.data_key_id.as_bytes())
        .raw(record.old.as_bytes())
        .raw(record.new.as_bytes())
        .string(&record.member)
        .raw(&record.position.to_be_bytes())
        .long(record.created_at.as_micros());
    Ok(data_keys
        .named(&record.data_key_id)?
        .row_tag(encoder.as_slice()))
}

pub(crate) fn tag_journal(
    record: &KmsJournalRecord,
    data_keys: &DataKeys,
) -> Result<Tag, VaultError> {
    let mut encoder = start(Table::KmsJournal);
    encoder
        .raw(record.data_key_id.as_bytes())
        .raw(record.id.as_bytes())
        .string(&record.kms)
        .byte(record.step.code())
        .string(record.kms_key_id.as_deref().unwrap_or(""))
        .byte(record.spec.code())
        .byte(record.usages.map_or(0, KeyUsages::bits))
        .string(record.name.as_ref().map_or("", |name| name.as_str()))
        .long(record.created_at.as_micros());
    // Last, and only if they say something: entries without them keep the tags that they ever had.
    if let Some(due) = record.due_at {
        encoder.long(due.as_micros());
    }
    if let Some(key) = record.fingerprint {
        encoder.raw(key.as_bytes());
    }
    Ok(data_keys
        .named(&record.data_key_id)?
        .row_tag(encoder.as_slice()))
}

pub(crate) fn tag_backup(record: &BackupRecord, data_keys: &DataKeys) -> Result<Tag, VaultError> {
    let mut encoder = start(Table::Backups);
    encoder
        .raw(record.data_key_id.as_bytes())
        .raw(record.id.as_bytes())
        .long(record.created_at.as_micros())
        .raw(&record.generation.to_be_bytes())
        .raw(&record.file_hash)
        .list(record.needs.iter(), |encoder, id| {
            encoder.raw(id.as_bytes())
        })
        .optional(record.verified_at, |encoder, at| {
            encoder.long(at.as_micros())
        });
    Ok(data_keys
        .named(&record.data_key_id)?
        .row_tag(encoder.as_slice()))
}

pub(crate) fn tag_approval(
    record: &ApprovalRecord,
    data_keys: &DataKeys,
) -> Result<Tag, VaultError> {
    let mut encoder = start(Table::Approvals);
    encoder
        .raw(record.data_key_id.as_bytes())
        .raw(record.id.as_bytes())
        .bytes(&record.body);
    Ok(data_keys
        .named(&record.data_key_id)?
        .row_tag(encoder.as_slice()))
}

/// Shows that a holder of the data key made a backup, and which.
pub(crate) fn tag_manifest(manifest: &[u8], data_key: &OpenedDataKey) -> Tag {
    let mut encoder = start(Table::BackupManifest);
    encoder.bytes(manifest);
    data_key.row_tag(encoder.as_slice())
}

/// The columns that only help a query (namespace, serial, hashes) are in it as well: what a query answers must be true.
pub(crate) fn tag_topology(
    row: &TopologyRow,
    data_keys: &DataKeys,
    encoder: &mut Encoder,
) -> Result<Tag, VaultError> {
    restart(encoder, Table::Topology);
    encoder
        .raw(row.data_key_id.as_bytes())
        .string(&row.store)
        .raw(&row.ordinal.to_be_bytes())
        .long(row.sequenced.as_micros())
        .long(row.valid_from.as_micros())
        .optional(row.valid_until, |encoder, until| {
            encoder.long(until.as_micros())
        })
        .byte(row.operation)
        .byte(row.mapping_code)
        .raw(&row.serial.to_be_bytes())
        .string(&row.namespace)
        .string(&row.identifier)
        .raw(&row.unique_key)
        .raw(&row.transaction_hash)
        .byte(u8::from(row.proposal))
        .optional(row.rejection.as_deref(), |encoder, rejection| {
            encoder.string(rejection)
        })
        .bytes(&row.transaction);
    Ok(data_keys
        .named(&row.data_key_id)?
        .row_tag(encoder.as_slice()))
}

/// What stands in the digest for a key, both halves together: secret.
pub(crate) fn key_element(current: &OpenedDataKey, public: &Tag, private: Option<&Tag>) -> Tag {
    let mut tags = [0; 64];
    let (first, second) = tags.split_at_mut(32);
    first.copy_from_slice(public);
    // No tag is all zeros but by a chance of 2^-256.
    second.copy_from_slice(private.unwrap_or(&[0; 32]));
    current.element(&tags)
}

/// Appends what a key is: purpose and spec by their stable names.
pub(crate) fn encode_spec(encoder: &mut Encoder, spec: KeySpec) {
    let purpose = match spec.purpose() {
        KeyPurpose::Signing => 0,
        KeyPurpose::Encryption => 1,
    };
    encoder.byte(purpose).string(spec.name());
}

fn start(table: Table) -> Encoder {
    let mut encoder = Encoder::new();
    restart(&mut encoder, table);
    encoder
}

/// Begins a new encoding in the room of an old one: there are many rows of keys.
fn restart(encoder: &mut Encoder, table: Table) {
    encoder.clear();
    encoder.byte(table as u8);
}

/// Accepts a row only if its stored tag is the computed one.
///
/// # Errors
/// [`VaultError::RowNotAuthentic`].
pub(crate) fn check_tag(
    computed: &Tag,
    stored: &Tag,
    table: &'static str,
    row: &dyn std::fmt::Display,
) -> Result<(), VaultError> {
    if computed.ct_eq(stored).into() {
        Ok(())
    } else {
        Err(not_authentic(table, row))
    }
}

pub(crate) fn not_authentic(table: &'static str, row: &dyn std::fmt::Display) -> VaultError {
    VaultError::RowNotAuthentic {
        table,
        row: row.to_string(),
    }
}
