use std::sync::Arc;

use crate::{
    error::TopologyError,
    mapping::Mapping,
    signed::SignedTransaction,
    store::TopologyStore,
    transaction::{Draft, Operation, Serial},
};

/// What is to be signed.
#[derive(Clone, Debug)]
pub enum Drafted {
    /// A new transaction.
    New(Draft),
    /// The very statement is in force: it can only get more signatures.
    Existing(Arc<SignedTransaction>),
}

/// Drafts the transaction that comes next. Without a `serial` it takes the one that is due.
///
/// Source: reference, topology rules, section 2.
///
/// # Errors
/// [`TopologyError::SerialMismatch`]; [`TopologyError::MappingAlreadyExists`] when the statement is in force at another
/// serial; [`TopologyError::MaxSerialReached`].
pub fn draft(
    store: &TopologyStore,
    operation: Operation,
    mapping: &Mapping,
    serial: Option<Serial>,
) -> Result<Drafted, TopologyError> {
    let Some(existing) = store.in_store(&mapping.unique_key()) else {
        return drafted(operation, mapping, serial, Serial::FIRST);
    };
    let transaction = existing.signed.transaction();
    let before = transaction.serial();
    if transaction.operation() == operation && transaction.mapping() == mapping {
        return if serial.is_none_or(|serial| serial == before) {
            Ok(Drafted::Existing(Arc::clone(&existing.signed)))
        } else {
            Err(TopologyError::MappingAlreadyExists)
        };
    }
    let due = before.next().ok_or(TopologyError::MaxSerialReached)?;
    drafted(operation, mapping, serial, due)
}

fn drafted(
    operation: Operation,
    mapping: &Mapping,
    serial: Option<Serial>,
    due: Serial,
) -> Result<Drafted, TopologyError> {
    match serial {
        Some(serial) if serial != due => Err(TopologyError::SerialMismatch {
            actual: serial.get(),
            expected: due.get(),
        }),
        _ => Ok(Drafted::New(Draft {
            operation,
            serial: due,
            mapping: mapping.clone(),
        })),
    }
}
