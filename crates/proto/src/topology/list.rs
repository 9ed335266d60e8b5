//! Lists of signed transactions.

use strongroom_topology::{PhysicalSynchronizerId, SignedTransaction};

use super::{
    signed::{decode_signed_transaction, encode_signed_transaction},
    text::field,
};
use crate::{ProtoError, versioned, wire};

pub(super) const LIST: &str = "SignedTopologyTransactions";
pub(super) const SIGNED_TRANSACTION: u32 = 1;

const BROADCAST: &str = "TopologyTransactionsBroadcast";
const SYNCHRONIZER: u32 = 1;
const TRANSACTIONS: u32 = 2;

fn malformed(message: &'static str) -> impl Fn(wire::WireError) -> ProtoError {
    move |source| ProtoError::MalformedSecret { message, source }
}

/// Reads a wrapped `SignedTopologyTransactions`.
///
/// # Errors
/// [`ProtoError`]; of several broken transactions the first one's.
pub fn decode_signed_transactions(bytes: &[u8]) -> Result<Vec<SignedTransaction>, ProtoError> {
    read_list(versioned::unwrap_message(bytes)?.data)
}

fn read_list(message: &[u8]) -> Result<Vec<SignedTransaction>, ProtoError> {
    let mut transactions = Vec::new();
    for item in wire::fields(message) {
        let item = item.map_err(malformed(LIST))?;
        if let (SIGNED_TRANSACTION, Some(bytes)) = (item.number, item.value.bytes()) {
            transactions.push(decode_signed_transaction(bytes)?);
        }
    }
    Ok(transactions)
}

/// The wrapped `SignedTopologyTransactions`.
#[must_use]
pub fn encode_signed_transactions<'a>(
    transactions: impl IntoIterator<Item = &'a SignedTransaction>,
) -> Vec<u8> {
    versioned::wrap_message(&write_list(transactions))
}

fn write_list<'a>(transactions: impl IntoIterator<Item = &'a SignedTransaction>) -> Vec<u8> {
    let mut message = Vec::new();
    for signed in transactions {
        let encoded = encode_signed_transaction(signed);
        wire::put_message(&mut message, SIGNED_TRANSACTION, &encoded);
    }
    message
}

/// Reads a wrapped `TopologyTransactionsBroadcast`.
///
/// # Errors
/// [`ProtoError`] naming the first field that is missing or invalid.
pub fn decode_broadcast(
    bytes: &[u8],
) -> Result<(PhysicalSynchronizerId, Vec<SignedTransaction>), ProtoError> {
    // A message that stands there twice is one message, and its lists are one list.
    let (mut synchronizer, mut transactions) = (None, None::<Vec<SignedTransaction>>);
    for item in wire::fields(versioned::unwrap_message(bytes)?.data) {
        let item = item.map_err(malformed(BROADCAST))?;
        match (item.number, item.value.bytes()) {
            (SYNCHRONIZER, Some(bytes)) => synchronizer = Some(bytes),
            (TRANSACTIONS, Some(list)) => {
                transactions
                    .get_or_insert_default()
                    .append(&mut read_list(list)?);
            }
            _ => {}
        }
    }
    let place = field(BROADCAST, "physical_synchronizer_id");
    // Bytes that are no text name no synchronizer either.
    let synchronizer = synchronizer
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .ok_or(place.not_set())?;
    let transactions = transactions.ok_or(field(BROADCAST, "signed_transactions").not_set())?;
    Ok((place.parse(synchronizer)?, transactions))
}

/// The wrapped `TopologyTransactionsBroadcast`.
#[must_use]
pub fn encode_broadcast<'a>(
    synchronizer: &PhysicalSynchronizerId,
    transactions: impl IntoIterator<Item = &'a SignedTransaction>,
) -> Vec<u8> {
    let mut message = Vec::new();
    wire::put_bytes(
        &mut message,
        SYNCHRONIZER,
        synchronizer.to_string().as_bytes(),
    );
    wire::put_message(&mut message, TRANSACTIONS, &write_list(transactions));
    versioned::wrap_message(&message)
}
