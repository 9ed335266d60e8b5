//! The byte order of Canton's scripts for an offline root key.
//!
//! They write the version of a wrapper in front of its data, and the kinds of mappings of a delegation in the order in which
//! they were asked for. The hash covers both. Source: reference, offline root key, section 2.

use prost::Message;
use strongroom_crypto::Signature;
use strongroom_topology::{Draft, Mapping, MappingCode, MappingError, Operation, Transaction};

use super::{
    transaction::{NAME as TRANSACTION, write_draft},
    v30::{self, enums::TopologyChangeOp, topology_mapping},
    write_mapping::write_specific,
};
use crate::{ProtoError, public_key::decode_wrapped, v30 as crypto, versioned, wire};

const DATA: u32 = 1;
const VERSION: u32 = 2;

/// The transaction of a draft, in the bytes that `prepare-cert.sh` would write. `order` is that of the kinds of mappings
/// of a delegation restricted to some; empty keeps them sorted.
#[must_use]
pub fn encode_transaction_as_script(draft: Draft, order: &[MappingCode]) -> Transaction {
    let mut message = write_draft(&draft);
    let delegation = message.mapping.as_mut().and_then(|it| it.mapping.as_mut());
    if let Some(topology_mapping::Mapping::NamespaceDelegation(delegation)) = delegation
        && !order.is_empty()
        && matches!(&draft.mapping, Mapping::NamespaceDelegation(_))
    {
        delegation.restriction = Some(write_specific(order.iter().copied()));
    }
    let bytes = wrap(&message.encode_to_vec());
    Transaction::received(draft, bytes)
}

/// The removal of what `revoked` delegates, in the bytes that `prepare-cert.sh --revoke-delegation` would write: all that stands
/// in it is kept as it was, legacy fields and the order of kinds included.
///
/// # Errors
/// [`ProtoError::InvalidMapping`] behind the last serial.
pub fn revoke_as_script(revoked: &Transaction) -> Result<Transaction, ProtoError> {
    let last = revoked.serial();
    let serial = last.next().ok_or(ProtoError::InvalidMapping {
        message: TRANSACTION,
        source: MappingError::Serial {
            serial: last.get().saturating_add(1),
        },
    })?;
    let mut message: v30::TopologyTransaction = decode_wrapped(TRANSACTION, revoked.bytes())?;
    message.operation = TopologyChangeOp::Remove.into();
    message.serial = serial.get();
    let draft = Draft {
        operation: Operation::Remove,
        serial,
        mapping: revoked.mapping().clone(),
    };
    Ok(Transaction::received(draft, wrap(&message.encode_to_vec())))
}

/// A certificate in the bytes that `assemble-cert.sh` would write.
#[must_use]
pub fn assemble_as_script(transaction: &Transaction, signature: &Signature) -> Vec<u8> {
    let signature = crypto::Signature::from(signature).encode_to_vec();
    let mut message = Vec::new();
    wire::put_bytes(&mut message, 1, transaction.bytes());
    wire::put_message(&mut message, 2, &signature);
    wrap(&message)
}

fn wrap(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + 16);
    wire::put_integer(&mut bytes, VERSION, versioned::VERSION);
    wire::put_message(&mut bytes, DATA, message);
    bytes
}
