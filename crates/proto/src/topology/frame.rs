//! The frame of an item: messages around a transaction, told apart without looking into it.

use super::stream::ReceivedItem;
use crate::wire::{self, Value};

/// Fields of `UntypedVersionedMessage`.
const DATA: u32 = 1;
const VERSION: u32 = 2;

/// Fields of `SignedTopologyTransaction`.
const TRANSACTION: u32 = 1;
const SIGNATURES: u32 = 2;
const PROPOSAL: u32 = 3;
const MULTI_SIGNATURES: u32 = 4;

/// Fields of `Item` in a snapshot.
const ITEM_TRANSACTION: u32 = 3;
const ITEM_FIELDS: std::ops::RangeInclusive<u32> = 1..=5;

/// Whether the item has the frame of its container.
pub(super) fn check(item: &ReceivedItem) -> Result<(), String> {
    match item {
        ReceivedItem::Row(bytes) => row(bytes),
        ReceivedItem::Transaction(bytes) => signed(bytes),
    }
}

fn row(bytes: &[u8]) -> Result<(), String> {
    let mut transaction = None;
    for field in wire::fields(bytes) {
        let field = field.map_err(|error| error.to_string())?;
        let value = field.value.bytes();
        match (field.number, value) {
            (ITEM_TRANSACTION, Some(value)) => transaction = Some(value),
            (number, Some(_)) if ITEM_FIELDS.contains(&number) => {}
            (number, _) => return Err(format!("field {number} does not belong into a row")),
        }
    }
    signed(transaction.ok_or("a row without a transaction is none")?)
}

fn signed(bytes: &[u8]) -> Result<(), String> {
    let (mut transactions, mut signatures) = (0, 0);
    for field in wire::fields(envelope(bytes)?) {
        let field = field.map_err(|error| error.to_string())?;
        match (field.number, field.value) {
            (TRANSACTION, Value::Bytes(transaction)) => {
                envelope(transaction)?;
                transactions += 1;
            }
            (SIGNATURES | MULTI_SIGNATURES, Value::Bytes(_)) => signatures += 1,
            (PROPOSAL, Value::Integer(_)) => {}
            (number, _) => {
                return Err(format!(
                    "field {number} does not belong to a signed transaction"
                ));
            }
        }
    }
    match (transactions, signatures) {
        (1, 1..) => Ok(()),
        (1, 0) => Err("nobody has signed it".to_owned()),
        _ => Err("it does not hold one transaction".to_owned()),
    }
}

/// The message in an envelope that has nothing else, and nothing twice.
pub(super) fn envelope(bytes: &[u8]) -> Result<&[u8], String> {
    let (mut data, mut has_version) = (None, false);
    for field in wire::fields(bytes) {
        let field = field.map_err(|error| error.to_string())?;
        match (field.number, field.value) {
            (DATA, Value::Bytes(bytes)) if data.is_none() => data = Some(bytes),
            (VERSION, Value::Integer(_)) if !has_version => has_version = true,
            _ => return Err("it is not in one versioned envelope".to_owned()),
        }
    }
    data.ok_or_else(|| "it is in no versioned envelope".to_owned())
}
