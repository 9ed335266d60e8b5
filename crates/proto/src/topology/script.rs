//! The byte order of Canton's scripts for an offline root key.
//!
//! They write the version of a wrapper in front of its data, and the kinds of mappings of a delegation in the order in which
//! they were asked for. The hash covers both. Source: reference, offline root key, section 2.

use std::collections::BTreeSet;

use prost::Message;
use strongroom_crypto::{Signature, SigningPublicKey};
use strongroom_topology::{
    Draft, Mapping, MappingCode, MappingError, Namespace, NamespaceDelegation, Operation,
    Restriction, Serial, Transaction,
};

use super::{
    mapping::refused,
    transaction::{decode_transaction, write_draft},
    v30::topology_mapping,
    write_mapping::write_specific,
};
use crate::{
    ProtoError,
    public_key::{SIGNING_PUBLIC_KEY, decode_wrapped, read_signing_public_key},
    v30 as crypto, versioned, wire,
};

const DATA: u32 = 1;
const VERSION: u32 = 2;

const TRANSACTION: &str = "TopologyTransaction";
const OPERATION: u32 = 1;
const SERIAL: u32 = 2;
const MAPPING: u32 = 3;

/// A public key in the form in which the scripts put it into a delegation.
#[derive(Clone, Debug)]
pub struct DelegationTarget {
    key: SigningPublicKey,
    message: crypto::SigningPublicKey,
}

impl DelegationTarget {
    /// A key that came without a message, in the message that the scripts make of it.
    #[must_use]
    pub fn new(key: SigningPublicKey) -> Self {
        let message = (&key).into();
        Self { key, message }
    }

    /// The key of a file that Canton's console wrote, a wrapped `SigningPublicKey`. What the message says stays as it is,
    /// the order of its usages too.
    ///
    /// # Errors
    /// [`ProtoError`] naming the first field that is missing, unknown or invalid.
    pub fn from_key_file(bytes: &[u8]) -> Result<Self, ProtoError> {
        let message: crypto::SigningPublicKey = decode_wrapped(SIGNING_PUBLIC_KEY, bytes)?;
        let key = read_signing_public_key(&message)?.key;
        Ok(Self { key, message })
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &SigningPublicKey {
        &self.key
    }
}

/// The transaction of a draft, in the bytes that `prepare-cert.sh` would write. `order` is that of the kinds of mappings
/// of a delegation restricted to some; anything else keeps them sorted.
#[must_use]
pub fn encode_transaction_as_script(draft: Draft, order: &[MappingCode]) -> Transaction {
    write(draft, order, None)
}

/// A delegation of `namespace` to `target`, in the bytes that `prepare-cert.sh` would write; it always writes the first serial.
/// `order` is as for [`encode_transaction_as_script`].
///
/// # Errors
/// [`ProtoError::InvalidMapping`] for a delegation that could never hold.
pub fn encode_delegation_as_script(
    namespace: Namespace,
    target: DelegationTarget,
    restriction: Restriction,
    order: &[MappingCode],
    serial: Serial,
) -> Result<Transaction, ProtoError> {
    let DelegationTarget { key, message } = target;
    let delegation = NamespaceDelegation::try_new(namespace, key, restriction)
        .map_err(refused("NamespaceDelegation"))?;
    let draft = Draft {
        operation: Operation::AddReplace,
        serial,
        mapping: Mapping::NamespaceDelegation(delegation),
    };
    Ok(write(draft, order, Some(message)))
}

fn write(
    draft: Draft,
    order: &[MappingCode],
    target: Option<crypto::SigningPublicKey>,
) -> Transaction {
    // An order of other kinds would make the bytes say something else than the draft.
    let is_order_of = |delegation: &NamespaceDelegation| {
        let order: BTreeSet<_> = order.iter().copied().collect();
        matches!(delegation.restriction(), Restriction::SpecificMappings(codes) if *codes == order)
    };
    let in_order = matches!(&draft.mapping, Mapping::NamespaceDelegation(it) if is_order_of(it));
    let mut message = write_draft(&draft);
    let mapping = message.mapping.as_mut().and_then(|it| it.mapping.as_mut());
    if let Some(topology_mapping::Mapping::NamespaceDelegation(delegation)) = mapping {
        if in_order {
            delegation.restriction = Some(write_specific(order.iter().copied()));
        }
        delegation.target_key = target.or(delegation.target_key.take());
    }
    let bytes = wrap(&message.encode_to_vec());
    Transaction::received(draft, bytes)
}

/// The removal of what `transaction` states, in the bytes that `prepare-cert.sh` would write: the mapping as it was
/// received, with the next serial.
///
/// # Errors
/// [`ProtoError::InvalidMapping`] when `transaction` has the last serial there is.
pub fn encode_revocation_as_script(transaction: &Transaction) -> Result<Transaction, ProtoError> {
    let after_last = MappingError::Serial {
        serial: Serial::MAX.get().saturating_add(1),
    };
    let serial = transaction.serial().next();
    let serial = serial.ok_or_else(|| refused(TRANSACTION)(after_last))?;
    let mut message = Vec::with_capacity(transaction.bytes().len());
    wire::put_integer(&mut message, OPERATION, Operation::Remove.number().into());
    let serial = i32::try_from(serial.get()).unwrap_or(i32::MAX);
    wire::put_integer(&mut message, SERIAL, serial);
    wire::put_message(&mut message, MAPPING, &mapping_of(transaction.bytes())?);
    decode_transaction(&wrap(&message))
}

/// The mapping in a transaction. A message that comes in several pieces is what the pieces are one after the other.
fn mapping_of(bytes: &[u8]) -> Result<Vec<u8>, ProtoError> {
    let mut mapping = Vec::new();
    for field in wire::fields(versioned::unwrap_message(bytes)?.data) {
        let field = field.map_err(|source| ProtoError::MalformedSecret {
            message: TRANSACTION,
            source,
        })?;
        if let (MAPPING, Some(piece)) = (field.number, field.value.bytes()) {
            mapping.extend_from_slice(piece);
        }
    }
    Ok(mapping)
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
