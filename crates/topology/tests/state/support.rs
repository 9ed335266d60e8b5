//! What the tests share: keys, mappings, real signatures, and a stage for a store.

#[path = "support/keys.rs"]
mod keys;
#[path = "support/mappings.rs"]
mod mappings;
#[path = "support/reading.rs"]
mod reading;
#[path = "support/stage.rs"]
mod stage;

use strongroom_crypto::KeyUsages;
use strongroom_topology::{
    Covers, Draft, Mapping, Operation, Serial, SignedTransaction, Transaction, TransactionHash,
    TransactionSignature,
};

pub(crate) use keys::*;
pub(crate) use mappings::*;
pub(crate) use reading::*;
pub(crate) use stage::*;

pub(crate) const REPLACE: Operation = Operation::AddReplace;
pub(crate) const REMOVE: Operation = Operation::Remove;

pub(crate) fn serial(serial: u32) -> Serial {
    Serial::try_new(serial).unwrap()
}

/// The transaction of a draft. Its bytes are the draft's debug text, which no other draft has: this crate must not care
/// how transactions are encoded.
pub(crate) fn encode(draft: Draft) -> Transaction {
    let bytes = format!("{draft:?}").into_bytes();
    Transaction::received(draft, bytes)
}

pub(crate) fn transaction(operation: Operation, number: u32, mapping: Mapping) -> Transaction {
    encode(Draft {
        operation,
        serial: serial(number),
        mapping,
    })
}

/// The signature of `key` over `transaction`, whatever the key is for.
pub(crate) fn signature(transaction: &Transaction, key: Key) -> TransactionSignature {
    signature_over(&transaction.hash().to_multihash(), Covers::This, key)
}

/// One signature of `key` over all these transactions.
pub(crate) fn signature_over_all(hashes: &[TransactionHash], key: Key) -> TransactionSignature {
    let message = TransactionHash::combined(hashes).to_multihash();
    signature_over(&message, Covers::several(hashes.to_vec()), key)
}

pub(crate) fn signature_over(message: &[u8], covers: Covers, key: Key) -> TransactionSignature {
    let signature = key.private.sign(message, KeyUsages::ALL).unwrap();
    let encoded = format!("{signature:?}").into_bytes();
    TransactionSignature::received(signature, covers, encoded)
}

pub(crate) fn signed_with(
    transaction: Transaction,
    signatures: Vec<TransactionSignature>,
) -> SignedTransaction {
    SignedTransaction::received(transaction, signatures, false).unwrap()
}

pub(crate) fn sign(transaction: Transaction, keys: &[Key]) -> SignedTransaction {
    let signatures = keys.iter().map(|key| signature(&transaction, key));
    let signatures = signatures.collect();
    signed_with(transaction, signatures)
}

pub(crate) fn propose(transaction: Transaction, keys: &[Key]) -> SignedTransaction {
    sign(transaction, keys).with_proposal(true)
}
