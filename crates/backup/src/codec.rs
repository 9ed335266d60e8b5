//! Rows as bytes and back.
//!
//! The encodings are those of the deterministic encoder. They are of version 1 of the format and never change.

mod keys;
mod metadata;
mod topology;

use strongroom_crypto::{
    KeyName, KeyUsages,
    encoding::{Decoder, Encoder, EncodingError},
};
use strongroom_store::RowCode;

use crate::{error::BackupError, row::Row, seal::Seal};

pub(crate) use keys::{decode as decode_key, fingerprint_of};
pub(crate) use metadata::{
    decode_approval, decode_audit, decode_backup, decode_data_key, decode_identity, decode_journal,
    decode_rotation, decode_vault, decode_wrap,
};
pub(crate) use topology::{decode as decode_topology, position_of};

/// Bytes that are no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl From<EncodingError> for Malformed {
    fn from(_error: EncodingError) -> Self {
        Self
    }
}

pub(crate) fn encode(row: &Row, seal: &dyn Seal, encoder: &mut Encoder) -> Result<(), BackupError> {
    match row {
        Row::DataKey(record) => metadata::encode_data_key(record, encoder),
        Row::Wrap(record) => metadata::encode_wrap(record, encoder),
        Row::Vault(record) => metadata::encode_vault(record, encoder),
        Row::Identity(record) => metadata::encode_identity(record, encoder),
        Row::Key(row) => return keys::encode(row, seal, encoder),
        Row::Rotation(record) => metadata::encode_rotation(record, encoder),
        Row::KmsJournal(record) => metadata::encode_journal(record, encoder),
        Row::Topology(row) => topology::encode(row, encoder),
        Row::Audit(row) => metadata::encode_audit(row, encoder),
        Row::Backup(record) => metadata::encode_backup(record, encoder),
        Row::Approval(record) => metadata::encode_approval(record, encoder),
    }
    Ok(())
}

fn code<T: RowCode>(decoder: &mut Decoder<'_>) -> Result<T, Malformed> {
    T::from_code(decoder.byte()?).ok_or(Malformed)
}

fn flag(decoder: &mut Decoder<'_>) -> Result<bool, Malformed> {
    match decoder.byte()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed),
    }
}

fn encode_usages(usages: Option<KeyUsages>, encoder: &mut Encoder) {
    encoder.byte(usages.map_or(0, KeyUsages::bits));
}

fn decode_usages(decoder: &mut Decoder<'_>) -> Result<Option<KeyUsages>, Malformed> {
    match decoder.byte()? {
        0 => Ok(None),
        bits => match KeyUsages::from_bits(bits) {
            Ok(usages) => Ok(Some(usages)),
            Err(_unknown) => Err(Malformed),
        },
    }
}

fn encode_name(name: Option<&KeyName>, encoder: &mut Encoder) {
    encoder.string(name.map_or("", KeyName::as_str));
}

fn decode_name(decoder: &mut Decoder<'_>) -> Result<Option<KeyName>, Malformed> {
    KeyName::parse_optional(decoder.string()?).map_err(|_refused| Malformed)
}

fn optional_text(decoder: &mut Decoder<'_>) -> Result<Option<String>, Malformed> {
    Ok(decoder.optional(Decoder::string)?.map(str::to_owned))
}
