//! What the files know together: keys to check with, and what may have been signed.

use std::collections::BTreeMap;

use strongroom_crypto::{Fingerprint, KeyUsages, Signature, SigningPublicKey};
use strongroom_topology::{Transaction, TransactionHash};

use super::found::Found;
use crate::transaction_view::KnownKeys;

/// What all files together know.
#[derive(Default)]
pub(super) struct Known {
    pub(super) keys: KnownKeys,
    transactions: BTreeMap<TransactionHash, Place>,
    /// Whether a transaction is there that waits for its signature: certificates may be given for their keys only.
    has_prepared: bool,
    /// The hashes that were given, and in which file each is.
    hashes: BTreeMap<TransactionHash, String>,
}

/// Where a transaction is, and whose signature it needs.
struct Place {
    file: String,
    root: Option<Fingerprint>,
}

impl Known {
    pub(super) fn of(found: &[(String, Found)]) -> Self {
        let mut known = Self::default();
        for (file, found) in found {
            match found {
                Found::Prepared(transaction) => {
                    known.has_prepared = true;
                    known.learn(file, transaction);
                }
                Found::Signed(_, signed) => signed
                    .iter()
                    .for_each(|signed| known.learn(file, signed.transaction())),
                Found::Hash(hash) => {
                    known.hashes.entry(*hash).or_insert_with(|| file.clone());
                }
                Found::Key { key, .. } => known.keys.add(key),
                Found::Signature(_) => {}
            }
        }
        known
    }

    fn learn(&mut self, file: &str, transaction: &Transaction) {
        let mapping = transaction.mapping();
        self.keys.add_those_in(mapping);
        self.transactions
            .entry(transaction.hash())
            .or_insert_with(|| Place {
                file: file.to_owned(),
                root: mapping.namespace().fingerprint(),
            });
    }

    /// Whether a transaction is there that waits for its signature, so that a hash should be that of one.
    pub(super) fn has_prepared(&self) -> bool {
        self.has_prepared
    }

    /// The file that the transaction with this hash is in.
    pub(super) fn file_of(&self, hash: &TransactionHash) -> Option<&str> {
        self.transactions.get(hash).map(|place| place.file.as_str())
    }

    /// Which key has signed what is in which file: of a transaction the root key is tried, of a hash that may be anything
    /// every key.
    pub(super) fn signer_of(&self, bytes: &[u8]) -> Option<(&SigningPublicKey, &str)> {
        let by_root = self.transactions.iter().find_map(|(hash, place)| {
            let root = self.root_key(place)?;
            has_signed(root, hash, bytes).then_some((root, place.file.as_str()))
        });
        by_root.or_else(|| {
            self.hashes.iter().find_map(|(hash, file)| {
                let signed = |key: &&SigningPublicKey| has_signed(key, hash, bytes);
                self.keys
                    .iter()
                    .find(signed)
                    .map(|key| (key, file.as_str()))
            })
        })
    }

    /// Whether there is something to check a signature with, and nothing that it may be of lacks its key.
    pub(super) fn is_complete(&self) -> bool {
        let mut hashes = self.hashes.keys();
        let mut places = self.transactions.values();
        self.has_prepared
            && hashes.all(|hash| self.transactions.contains_key(hash))
            && places.all(|place| self.root_key(place).is_some())
    }

    fn root_key(&self, place: &Place) -> Option<&SigningPublicKey> {
        self.keys.key(place.root.as_ref()?)
    }
}

fn has_signed(key: &SigningPublicKey, hash: &TransactionHash, bytes: &[u8]) -> bool {
    let algorithm = key.spec().algorithm();
    let signature = Signature {
        bytes: bytes.to_vec(),
        format: algorithm.format(),
        signed_by: key.fingerprint(),
        algorithm: Some(algorithm),
    };
    key.verify(&hash.to_multihash(), &signature, KeyUsages::ALL)
        .is_ok()
}
