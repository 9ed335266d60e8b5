//! Signed transactions and their signatures.

use std::{collections::BTreeMap, sync::Arc};

use prost::Message;
use strongroom_crypto::Signature;
use strongroom_topology::{Covers, SignedTransaction, TransactionHash, TransactionSignature};

use super::{transaction::decode_transaction, v30};
use crate::{
    ProtoError,
    public_key::decode,
    signature::read_signature,
    v30 as crypto, versioned,
    wire::{self, WireError},
};

const NAME: &str = "SignedTopologyTransaction";
const TRANSACTION: u32 = 1;
const SIGNATURES: u32 = 2;
const PROPOSAL: u32 = 3;
const MULTI: u32 = 4;

const MULTI_NAME: &str = "MultiTransactionSignatures";
const HASHES: u32 = 1;
const MULTI_SIGNATURES: u32 = 2;

/// Reads a wrapped `SignedTopologyTransaction`; transaction and signatures keep their bytes.
///
/// # Errors
/// [`ProtoError`] naming the first field that is missing, unknown or invalid.
pub fn decode_signed_transaction(bytes: &[u8]) -> Result<SignedTransaction, ProtoError> {
    read_signed_transaction(versioned::unwrap_message(bytes)?.data)
}

/// The same without a wrapper.
pub(super) fn read_signed_transaction(message: &[u8]) -> Result<SignedTransaction, ProtoError> {
    let (mut transaction, mut proposal) = (None, false);
    let mut signatures = Vec::new();
    for field in wire::fields(message) {
        let field = field.map_err(malformed(NAME))?;
        match (field.number, field.value) {
            (TRANSACTION, value) => transaction = value.bytes().or(transaction),
            (SIGNATURES, value) => {
                if let Some(bytes) = value.bytes() {
                    signatures.push(signature(bytes, Covers::This)?);
                }
            }
            (PROPOSAL, wire::Value::Integer(value)) => proposal = value != 0,
            (MULTI, value) => {
                if let Some(bytes) = value.bytes() {
                    multi_signatures(bytes, &mut signatures)?;
                }
            }
            _ => {}
        }
    }
    let transaction = transaction.ok_or(ProtoError::FieldNotSet {
        message: NAME,
        field: "transaction",
    })?;
    let transaction = decode_transaction(transaction)?;
    SignedTransaction::received(transaction, signatures, proposal)
        .map_err(|source| ProtoError::InvalidSignatures { source })
}

fn malformed(message: &'static str) -> impl Fn(WireError) -> ProtoError {
    move |source| ProtoError::MalformedSecret { message, source }
}

fn signature(bytes: &[u8], covers: Covers) -> Result<TransactionSignature, ProtoError> {
    let message: crypto::Signature = decode("Signature", bytes)?;
    Ok(TransactionSignature::received(
        read_signature(message)?,
        covers,
        bytes,
    ))
}

fn multi_signatures(
    message: &[u8],
    signatures: &mut Vec<TransactionSignature>,
) -> Result<(), ProtoError> {
    let (mut hashes, mut encoded) = (Vec::new(), Vec::new());
    for field in wire::fields(message) {
        let field = field.map_err(malformed(MULTI_NAME))?;
        match (field.number, field.value.bytes()) {
            (HASHES, Some(hash)) => hashes.push(read_hash(hash)?),
            (MULTI_SIGNATURES, Some(signature)) => encoded.push(signature),
            _ => {}
        }
    }
    let not_set = |field| ProtoError::FieldNotSet {
        message: MULTI_NAME,
        field,
    };
    if hashes.is_empty() {
        return Err(not_set("transaction_hashes"));
    }
    if encoded.is_empty() {
        return Err(not_set("signatures"));
    }
    let covers = Covers::several(hashes);
    for bytes in encoded {
        signatures.push(signature(bytes, covers.clone())?);
    }
    Ok(())
}

fn read_hash(bytes: &[u8]) -> Result<TransactionHash, ProtoError> {
    TransactionHash::from_multihash(bytes).map_err(|source| ProtoError::InvalidHash {
        message: MULTI_NAME,
        field: "transaction_hashes",
        source,
    })
}

/// The wrapped `SignedTopologyTransaction`. Signatures over the same set of transactions share one group.
#[must_use]
pub fn encode_signed_transaction(signed: &SignedTransaction) -> Vec<u8> {
    versioned::wrap_message(&write_signed_transaction(signed))
}

/// The same without a wrapper.
pub(super) fn write_signed_transaction(signed: &SignedTransaction) -> Vec<u8> {
    let transaction = signed.transaction().bytes();
    let mut message = Vec::with_capacity(transaction.len() + 200 * signed.signatures().len());
    wire::put_bytes(&mut message, TRANSACTION, transaction);
    let mut groups: Vec<Vec<u8>> = Vec::new();
    let mut places: BTreeMap<&Arc<[TransactionHash]>, usize> = BTreeMap::new();
    for signature in signed.signatures() {
        match signature.covers() {
            Covers::This => wire::put_message(&mut message, SIGNATURES, signature.encoded()),
            Covers::Several(hashes) => {
                let place = *places.entry(hashes).or_insert_with(|| {
                    groups.push(group_of(hashes));
                    groups.len() - 1
                });
                if let Some(group) = groups.get_mut(place) {
                    wire::put_message(group, MULTI_SIGNATURES, signature.encoded());
                }
            }
        }
    }
    wire::put_integer(&mut message, PROPOSAL, i32::from(signed.is_proposal()));
    for group in &groups {
        wire::put_message(&mut message, MULTI, group);
    }
    message
}

fn group_of(hashes: &[TransactionHash]) -> Vec<u8> {
    let mut group = Vec::with_capacity(hashes.len() * 36 + 200);
    for hash in hashes {
        wire::put_message(&mut group, HASHES, &hash.to_multihash());
    }
    group
}

/// Reads the message as an rpc carries it, without a wrapper.
///
/// # Errors
/// As [`decode_signed_transaction`].
pub fn read_signed_message(
    message: &v30::SignedTopologyTransaction,
) -> Result<SignedTransaction, ProtoError> {
    read_signed_transaction(&message.encode_to_vec())
}

/// The message as an rpc carries it, without a wrapper.
///
/// # Errors
/// [`ProtoError::Malformed`] if a signature was received that cannot be read again.
pub fn signed_message(
    signed: &SignedTransaction,
) -> Result<v30::SignedTopologyTransaction, ProtoError> {
    decode(NAME, write_signed_transaction(signed).as_slice())
}

/// A signature that was just made, with the message that stands for it on the wire.
#[must_use]
pub fn topology_signature(signature: Signature, covers: Covers) -> TransactionSignature {
    let encoded = crypto::Signature::from(&signature).encode_to_vec();
    TransactionSignature::received(signature, covers, encoded)
}
