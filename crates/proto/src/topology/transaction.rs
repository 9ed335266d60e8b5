//! Transactions without signatures.

use prost::Message;
use strongroom_topology::{Draft, Operation, Serial, Transaction};

use super::{
    mapping::refused,
    read_mapping::read_mapping,
    text::field,
    v30::{self, enums::TopologyChangeOp},
    write_mapping::write_mapping,
};
use crate::{ProtoError, public_key::decode_wrapped, versioned};

pub(super) const NAME: &str = "TopologyTransaction";

/// Reads a wrapped `TopologyTransaction` and keeps its bytes.
///
/// # Errors
/// [`ProtoError`] naming the first field that is missing, unknown or invalid.
pub fn decode_transaction(bytes: &[u8]) -> Result<Transaction, ProtoError> {
    let message: v30::TopologyTransaction = decode_wrapped(NAME, bytes)?;
    let draft = read_draft(&message)?;
    Ok(Transaction::received(draft, bytes))
}

fn read_draft(message: &v30::TopologyTransaction) -> Result<Draft, ProtoError> {
    let operation = field(NAME, "operation");
    let operation = match TopologyChangeOp::try_from(message.operation) {
        Ok(TopologyChangeOp::AddReplace) => Operation::AddReplace,
        Ok(TopologyChangeOp::Remove) => Operation::Remove,
        Ok(TopologyChangeOp::Unspecified) => return Err(operation.not_set()),
        Err(_unknown) => return Err(operation.unknown(message.operation)),
    };
    let mapping = message
        .mapping
        .as_ref()
        .ok_or(field(NAME, "mapping").not_set())?;
    Ok(Draft {
        operation,
        serial: Serial::try_new(message.serial).map_err(refused(NAME))?,
        mapping: read_mapping(mapping)?,
    })
}

/// The transaction of a draft, in the bytes that Canton would write.
#[must_use]
pub fn encode_transaction(draft: Draft) -> Transaction {
    let bytes = versioned::wrap_message(&write_draft(&draft).encode_to_vec());
    Transaction::received(draft, bytes)
}

pub(super) fn write_draft(draft: &Draft) -> v30::TopologyTransaction {
    v30::TopologyTransaction {
        operation: match draft.operation {
            Operation::AddReplace => TopologyChangeOp::AddReplace,
            Operation::Remove => TopologyChangeOp::Remove,
        }
        .into(),
        serial: draft.serial.get(),
        mapping: Some(write_mapping(&draft.mapping)),
    }
}
