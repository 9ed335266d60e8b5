//! What each row means, as bytes that a tag is computed over.
//!
//! Every column of a security-relevant row is in its encoding, and the vault's id is in all of them, so that a row
//! that was edited, swapped or brought from another vault carries the wrong tag.

use strongroom_crypto::{KeyPurpose, KeySpec, encoding::Encoder};
use strongroom_store::{
    DataKeyRecord, PrivateKeyRecord, PublicKeyRecord, StoredKey, VaultId, VaultRecord, WrapRecord,
};

use crate::{
    data_keys::{DataKeys, OpenedDataKey},
    error::VaultError,
};

pub(crate) const DATA_KEYS: &str = "data_keys";
pub(crate) const PRIVATE_KEYS: &str = "private_keys";
pub(crate) const PUBLIC_KEYS: &str = "public_keys";
const VAULT: &str = "vault";
pub(crate) const WRAPS: &str = "wraps";

/// A row as the vault authenticates it.
pub(crate) struct Tagged {
    /// What is stored beside the row, or would be.
    pub(crate) tag: [u8; 32],
    /// What stands in the digest for it; secret.
    pub(crate) element: [u8; 32],
}

impl Tagged {
    fn new(data_key: &OpenedDataKey, encoding: &[u8]) -> Self {
        let tag = data_key.row_tag(encoding);
        Self {
            element: data_key.element(&tag),
            tag,
        }
    }
}

pub(crate) fn tag_vault(record: &VaultRecord, data_key: &OpenedDataKey) -> Tagged {
    let mut encoder = start(VAULT, record.id);
    encoder
        .long(record.created_at.as_micros())
        .raw(record.current_data_key.as_bytes());
    Tagged::new(data_key, &encoder.into_vec())
}

pub(crate) fn tag_data_key(
    vault: VaultId,
    record: &DataKeyRecord,
    current: &OpenedDataKey,
) -> Tagged {
    let mut encoder = start(DATA_KEYS, vault);
    encoder
        .raw(record.id.as_bytes())
        .raw(&record.commitment)
        .string(record.state.name())
        .long(record.created_at.as_micros());
    Tagged::new(current, &encoder.into_vec())
}

pub(crate) fn tag_wrap(vault: VaultId, record: &WrapRecord, current: &OpenedDataKey) -> Tagged {
    let mut encoder = start(WRAPS, vault);
    encoder
        .raw(record.data_key_id.as_bytes())
        .string(&record.kms)
        .string(&record.wrapper_key_id)
        .bytes(&record.ciphertext)
        .long(record.created_at.as_micros());
    Tagged::new(current, &encoder.into_vec())
}

pub(crate) fn tag_public_key(
    vault: VaultId,
    record: &PublicKeyRecord,
    data_keys: &DataKeys,
) -> Result<Tagged, VaultError> {
    let mut encoder = start(PUBLIC_KEYS, vault);
    encoder.raw(record.fingerprint.as_bytes());
    encode_spec(&mut encoder, record.spec);
    encoder
        .byte(record.usages.map_or(0, strongroom_crypto::KeyUsages::bits))
        .bytes(&record.spki)
        .string(record.name.as_ref().map_or("", |name| name.as_str()))
        .long(record.created_at.as_micros())
        .raw(record.data_key_id.as_bytes());
    Ok(Tagged::new(
        data_keys.named(&record.data_key_id)?,
        &encoder.into_vec(),
    ))
}

pub(crate) fn tag_private_key(
    vault: VaultId,
    record: &PrivateKeyRecord,
    data_keys: &DataKeys,
) -> Result<Tagged, VaultError> {
    let mut encoder = start(PRIVATE_KEYS, vault);
    encoder
        .raw(record.fingerprint.as_bytes())
        .string(record.custody.name())
        .string(record.sealing.name())
        .string(record.state.name())
        .byte(u8::from(record.exposed))
        .string(record.wrapper_key_id.as_deref().unwrap_or(""));
    match &record.key {
        // EXPOSE: a clear row is authenticated like any other; the encoding is dropped with the tag.
        StoredKey::Clear(secret) => encoder.byte(0).bytes(secret.expose()),
        StoredKey::Sealed(sealed) => encoder.byte(1).bytes(sealed),
        StoredKey::Absent => encoder.byte(2),
    };
    encoder
        .long(record.created_at.as_micros())
        .raw(record.data_key_id.as_bytes());
    Ok(Tagged::new(
        data_keys.named(&record.data_key_id)?,
        &encoder.into_vec(),
    ))
}

/// Appends what a key is: purpose and spec by their stable names.
pub(crate) fn encode_spec(encoder: &mut Encoder, spec: KeySpec) {
    let purpose = match spec.purpose() {
        KeyPurpose::Signing => 0,
        KeyPurpose::Encryption => 1,
    };
    encoder.byte(purpose).string(spec.name());
}

fn start(table: &str, vault: VaultId) -> Encoder {
    let mut encoder = Encoder::with_capacity(320);
    encoder.string(table).raw(vault.as_bytes());
    encoder
}
