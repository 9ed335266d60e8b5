//! What other threads do: decode items, and verify their signatures.

use std::sync::Arc;

use strongroom_crypto::{Fingerprint, KeyUsages, SigningAlgorithm, SigningPublicKey};
use strongroom_proto::{
    ProtoError,
    topology::{DecodedItem, ReceivedItem},
};
use strongroom_topology::{SignedTransaction, Times};

/// A decoded item.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) signed: SignedTransaction,
    /// Those that it states.
    pub(super) times: Option<Times>,
    /// Why it was rejected where it comes from.
    pub(super) recorded: Option<String>,
    /// Bytes that it came in.
    pub(super) size: u64,
}

/// An item, and what is known of the keys that signed it.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) item: Item,
    /// For each signature.
    pub(super) keys: Vec<(Fingerprint, Option<Arc<SigningPublicKey>>)>,
}

/// An item whose signatures were verified.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) item: Item,
    /// For each signature; none without its key.
    pub(super) verdicts: Vec<(Fingerprint, Option<Verdict>)>,
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
    let size = received.bytes().len() as u64;
    Ok(match received.decode()? {
        DecodedItem::Row(row) => Item {
            signed: row.signed,
            times: Some(Times {
                sequenced: row.sequenced,
                effective: row.valid_from,
            }),
            recorded: row.rejection,
            size,
        },
        DecodedItem::Transaction(signed) => Item {
            signed,
            times: None,
            recorded: None,
            size,
        },
    })
}

pub(super) fn check(prepared: Prepared) -> Checked {
    let Prepared { item, keys } = prepared;
    let verdicts = keys
        .into_iter()
        .map(|(fingerprint, key)| (fingerprint, key.map(|key| verify(&item.signed, &key))))
        .collect();
    Checked { item, verdicts }
}

/// Verifies the signature by `key`; the transaction remembers what came out.
pub(super) fn verify(signed: &SignedTransaction, key: &SigningPublicKey) -> Verdict {
    Verdict {
        // Whether the key may sign is up to the store.
        is_valid: signed.verify(key, KeyUsages::ALL).is_ok(),
        algorithm: key.spec().algorithm(),
    }
}
