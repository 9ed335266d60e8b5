//! Snapshots: rows of a topology store, one after the other.

use std::io;

use bytes::Buf;
use prost::Message;
use prost_types::Timestamp as WireTime;
use strongroom_crypto::Timestamp;
use strongroom_topology::SignedTransaction;

use super::{
    admin::{TopologyTransactions, topology_transactions::Item},
    signed::{decode_signed_transaction, encode_signed_transaction},
    text::{Field, field},
};
use crate::{ProtoError, public_key::decode, versioned, wire};

const ITEM: &str = "Item";
pub(super) const ITEMS: u32 = 1;
const MICROS: i64 = 1_000_000;
const NANOS: i32 = 1_000;

/// A row of a topology store.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "mirrors the message, which has exactly these fields"
)]
pub struct SnapshotItem {
    /// When it was sequenced.
    pub sequenced: Timestamp,
    /// From when on it holds.
    pub valid_from: Timestamp,
    /// Until when; none if it still holds.
    pub valid_until: Option<Timestamp>,
    /// The transaction.
    pub signed: SignedTransaction,
    /// Why it does not hold.
    pub rejection: Option<String>,
}

/// Reads a bare `Item`. Nothing of [`bytes::Bytes`] is copied on the way.
///
/// # Errors
/// [`ProtoError`] naming the first field that is missing or invalid.
pub fn decode_snapshot_item(bytes: impl Buf) -> Result<SnapshotItem, ProtoError> {
    let item: Item = decode(ITEM, bytes)?;
    let required = |name: &'static str, time: &Option<WireTime>| {
        let place = field(ITEM, name);
        let time = time.as_ref().ok_or(place.not_set())?;
        read_time(place, time)
    };
    Ok(SnapshotItem {
        sequenced: required("sequenced", &item.sequenced)?,
        valid_from: required("valid_from", &item.valid_from)?,
        valid_until: match &item.valid_until {
            Some(time) => Some(read_time(field(ITEM, "valid_until"), time)?),
            None => None,
        },
        signed: decode_signed_transaction(&item.transaction)?,
        rejection: item.rejection_reason,
    })
}

fn encode_item(item: &SnapshotItem) -> Vec<u8> {
    item_message(item).encode_to_vec()
}

fn item_message(item: &SnapshotItem) -> Item {
    Item {
        valid_from: Some(write_time(item.valid_from)),
        valid_until: item.valid_until.map(write_time),
        transaction: encode_signed_transaction(&item.signed).into(),
        sequenced: Some(write_time(item.sequenced)),
        rejection_reason: item.rejection.clone(),
    }
}

/// A snapshot as an rpc carries it.
#[must_use]
pub fn snapshot_message(items: &[SnapshotItem]) -> TopologyTransactions {
    TopologyTransactions {
        items: items.iter().map(item_message).collect(),
    }
}

/// The time in a field of a message.
///
/// # Errors
/// [`ProtoError::InvalidTime`] for one that is out of range, or finer than a microsecond.
pub fn read_timestamp(
    message: &'static str,
    name: &'static str,
    time: &WireTime,
) -> Result<Timestamp, ProtoError> {
    read_time(field(message, name), time)
}

/// A time as a message carries it.
#[must_use]
pub fn write_timestamp(time: Timestamp) -> WireTime {
    write_time(time)
}

/// Writes a snapshot in the first format: one wrapped message.
///
/// # Errors
/// Those of `out`.
pub fn write_snapshot_v1<'a>(
    items: impl IntoIterator<Item = &'a SnapshotItem>,
    mut out: impl io::Write,
) -> io::Result<()> {
    let mut message = Vec::new();
    for item in items {
        wire::put_message(&mut message, ITEMS, &encode_item(item));
    }
    out.write_all(&versioned::wrap_message(&message))
}

/// Writes a snapshot in the second format: each item wrapped, behind its length.
///
/// # Errors
/// Those of `out`.
pub fn write_snapshot_v2<'a>(
    items: impl IntoIterator<Item = &'a SnapshotItem>,
    mut out: impl io::Write,
) -> io::Result<()> {
    for item in items {
        out.write_all(&snapshot_record(item))?;
    }
    Ok(())
}

/// What stands for an item in the second format: these one after the other are a snapshot.
#[must_use]
pub fn snapshot_record(item: &SnapshotItem) -> Vec<u8> {
    let wrapped = versioned::wrap_message(&encode_item(item));
    let mut record = Vec::with_capacity(wrapped.len() + 4);
    wire::put_varint(&mut record, wrapped.len() as u64);
    record.extend_from_slice(&wrapped);
    record
}

/// A time on the wire; what is below a microsecond is refused, since it could not be written again.
pub(super) fn read_time(place: Field, time: &WireTime) -> Result<Timestamp, ProtoError> {
    let invalid = ProtoError::InvalidTime {
        message: place.message,
        field: place.field,
    };
    if !(0..1_000_000_000).contains(&time.nanos) || time.nanos % NANOS != 0 {
        return Err(invalid);
    }
    // Wider than both, since the smallest times fit only as a whole.
    let micros = i128::from(time.seconds) * i128::from(MICROS) + i128::from(time.nanos / NANOS);
    i64::try_from(micros)
        .map(Timestamp::from_micros)
        .map_err(|_out_of_range| invalid)
}

pub(super) fn write_time(time: Timestamp) -> WireTime {
    let micros = time.as_micros();
    let nanos = micros.rem_euclid(MICROS) * i64::from(NANOS);
    WireTime {
        seconds: micros.div_euclid(MICROS),
        // Below a thousand million.
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}
