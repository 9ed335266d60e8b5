//! Public keys under which signatures can be checked.

use std::collections::BTreeMap;

use strongroom_crypto::{Fingerprint, PublicKey, SigningPublicKey};
use strongroom_topology::Mapping;

/// Keys by their fingerprints, which were computed and not just read.
#[derive(Debug, Default)]
pub(crate) struct KnownKeys(BTreeMap<Fingerprint, SigningPublicKey>);

impl KnownKeys {
    pub(crate) fn add(&mut self, key: &SigningPublicKey) {
        self.0
            .entry(key.fingerprint())
            .or_insert_with(|| key.clone());
    }

    /// Adds every signing key that stands in `mapping`. Whether it has any rights is another question.
    pub(crate) fn add_those_in(&mut self, mapping: &Mapping) {
        match mapping {
            Mapping::NamespaceDelegation(it) => self.add(it.target()),
            Mapping::OwnerToKeyMapping(it) => it.keys().iter().for_each(|key| match key {
                PublicKey::Signing(key) => self.add(key),
                PublicKey::Encryption(_) => {}
            }),
            Mapping::PartyToKeyMapping(it) => {
                it.signing_keys.keys().iter().for_each(|key| self.add(key))
            }
            Mapping::PartyToParticipant(it) => {
                let keys = it.signing_keys().into_iter().flat_map(|keys| keys.keys());
                keys.for_each(|key| self.add(key));
            }
            _ => {}
        }
    }

    pub(crate) fn key(&self, fingerprint: &Fingerprint) -> Option<&SigningPublicKey> {
        self.0.get(fingerprint)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SigningPublicKey> {
        self.0.values()
    }
}
