use std::sync::Arc;

use strongroom_crypto::{Fingerprint, SigningPublicKey};
use strongroom_topology::{Mapping, SigningKeysWithThreshold};

use crate::fingerprints::FingerprintMap;

/// Every signing key that any mapping has named so far.
#[derive(Debug, Default)]
pub(super) struct KnownKeys(FingerprintMap<Arc<SigningPublicKey>>);

impl KnownKeys {
    pub(super) fn key(&self, fingerprint: &Fingerprint) -> Option<Arc<SigningPublicKey>> {
        self.0.get(fingerprint).map(Arc::clone)
    }

    /// Takes note of the keys that `mapping` names.
    pub(super) fn learn(&mut self, mapping: &Mapping) {
        match mapping {
            Mapping::NamespaceDelegation(it) => self.add(it.target()),
            Mapping::OwnerToKeyMapping(it) => it.signing_keys().for_each(|key| self.add(key)),
            Mapping::PartyToKeyMapping(it) => self.add_all(&it.signing_keys),
            Mapping::PartyToParticipant(it) => {
                if let Some(keys) = it.signing_keys() {
                    self.add_all(keys);
                }
            }
            _ => {}
        }
    }

    fn add_all(&mut self, keys: &SigningKeysWithThreshold) {
        keys.keys().iter().for_each(|key| self.add(key));
    }

    fn add(&mut self, key: &SigningPublicKey) {
        // One fingerprint, one key: what else it may sign does not matter for whether it did.
        self.0
            .entry(key.fingerprint())
            .or_insert_with(|| Arc::new(key.clone()));
    }
}
