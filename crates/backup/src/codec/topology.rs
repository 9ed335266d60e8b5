//! Topology transactions.

use strongroom_crypto::{
    Timestamp,
    encoding::{Decoder, Encoder},
};
use strongroom_store::{DataKeyId, TopologyRow};

use super::{Malformed, flag, optional_text};

pub(super) fn encode(row: &TopologyRow, encoder: &mut Encoder) {
    encoder
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
        .bytes(&row.transaction)
        .raw(row.data_key_id.as_bytes())
        .raw(&row.mac);
}

/// The topology store and the ordinal, by which the rows are found.
pub(crate) fn position_of(bytes: &[u8]) -> Result<(&str, u64), Malformed> {
    let mut decoder = Decoder::new(bytes);
    Ok((decoder.string()?, u64::from_be_bytes(decoder.array()?)))
}

pub(crate) fn decode(bytes: &[u8]) -> Result<TopologyRow, Malformed> {
    let mut decoder = Decoder::new(bytes);
    let row = TopologyRow {
        store: decoder.string()?.to_owned(),
        ordinal: u64::from_be_bytes(decoder.array()?),
        sequenced: Timestamp::from_micros(decoder.long()?),
        valid_from: Timestamp::from_micros(decoder.long()?),
        valid_until: decoder.optional(Decoder::long)?.map(Timestamp::from_micros),
        operation: decoder.byte()?,
        mapping_code: decoder.byte()?,
        serial: u32::from_be_bytes(decoder.array()?),
        namespace: decoder.string()?.to_owned(),
        identifier: decoder.string()?.to_owned(),
        unique_key: decoder.array()?,
        transaction_hash: decoder.array()?,
        proposal: flag(&mut decoder)?,
        rejection: optional_text(&mut decoder)?,
        transaction: decoder.bytes()?.to_owned(),
        data_key_id: DataKeyId::from_bytes(decoder.array()?),
        mac: decoder.array()?,
    };
    decoder.finish()?;
    Ok(row)
}
