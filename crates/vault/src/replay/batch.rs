//! What other threads do: decode items, and verify their signatures.

use std::sync::Arc;

use strongroom_crypto::{KeyUsages, SigningAlgorithm, SigningPublicKey};
use strongroom_proto::{
    ProtoError,
    topology::{DecodedItem, ReceivedItem},
};
use strongroom_topology::{SignedTransaction, Times, TransactionHash, TransactionSignature};

/// A decoded item.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) signed: SignedTransaction,
    /// Those that it states.
    pub(super) times: Option<Times>,
    /// Why it was rejected where it comes from.
    pub(super) recorded: Option<String>,
}

/// An item, and what is known of the keys that signed it.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) item: Item,
    /// For each signature.
    pub(super) keys: Vec<Option<Arc<SigningPublicKey>>>,
}

/// An item whose signatures were verified.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) item: Item,
    /// For each signature; none without its key.
    pub(super) verdicts: Vec<Option<Verdict>>,
}

/// What became of a signature.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) is_valid: bool,
    pub(super) algorithm: SigningAlgorithm,
}

/// Decodes items up to the first broken one, which comes with its place in the batch.
pub(super) fn decode(received: &[ReceivedItem]) -> (Vec<Item>, Option<ProtoError>) {
    let mut items = Vec::with_capacity(received.len());
    for received in received {
        match decode_one(received) {
            Ok(item) => items.push(item),
            Err(error) => return (items, Some(error)),
        }
    }
    (items, None)
}

fn decode_one(received: &ReceivedItem) -> Result<Item, ProtoError> {
    Ok(match received.decode()? {
        DecodedItem::Row(row) => Item {
            signed: row.signed,
            times: Some(Times {
                sequenced: row.sequenced,
                effective: row.valid_from,
            }),
            recorded: row.rejection,
        },
        DecodedItem::Transaction(signed) => Item {
            signed,
            times: None,
            recorded: None,
        },
    })
}

pub(super) fn check(prepared: Prepared) -> Checked {
    let Prepared { item, keys } = prepared;
    let hash = item.signed.hash();
    let signatures = item.signed.signatures().iter().zip(keys);
    let verdicts = signatures
        .map(|(signature, key)| key.map(|key| verify(hash, signature, &key)))
        .collect();
    Checked { item, verdicts }
}

/// Verifies a signature under `key`; the signature remembers what came out.
pub(super) fn verify(
    transaction: TransactionHash,
    signature: &TransactionSignature,
    key: &SigningPublicKey,
) -> Verdict {
    Verdict {
        // Whether the key may sign is up to the store.
        is_valid: signature.verify(transaction, key, KeyUsages::ALL).is_ok(),
        algorithm: key.spec().algorithm(),
    }
}
