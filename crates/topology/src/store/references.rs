use std::fmt;

use strongroom_crypto::{Fingerprint, SigningPublicKey};

use super::{StoredTransaction, TopologyStore};
use crate::{
    identifier::{Member, Namespace, PartyId},
    mapping::{Mapping, SigningKeysWithThreshold},
};

/// A place where topology refers to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reference {
    /// The key may sign for a namespace.
    Delegation(Namespace),
    /// A node announces the key.
    Node(Member),
    /// A party signs with the key.
    Party(PartyId),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delegation(namespace) => write!(f, "a delegation of namespace {namespace}"),
            Self::Node(member) => write!(f, "the keys of {member}"),
            Self::Party(party) => write!(f, "the signing keys of party {party}"),
        }
    }
}

impl TopologyStore {
    /// Where `key` is named by what is in force, will be, or waits as a proposal.
    #[must_use]
    pub fn refers_to(&self, key: &Fingerprint) -> Vec<Reference> {
        let open = self.rows().iter().filter(|row| row.is_open());
        let mut found: Vec<Reference> = Vec::new();
        for reference in open.filter_map(|row| reference(row, key)) {
            if !found.contains(&reference) {
                found.push(reference);
            }
        }
        found
    }
}

fn reference(row: &StoredTransaction, key: &Fingerprint) -> Option<Reference> {
    let lists = |keys: &SigningKeysWithThreshold| keys.key(key).is_some();
    match row.stated()? {
        Mapping::NamespaceDelegation(it) if is(it.target(), key) => {
            Some(Reference::Delegation(it.namespace().clone()))
        }
        Mapping::OwnerToKeyMapping(it) if it.contains(key) => {
            Some(Reference::Node(it.member().clone()))
        }
        Mapping::PartyToKeyMapping(it) if lists(&it.signing_keys) => {
            Some(Reference::Party(it.party.clone()))
        }
        Mapping::PartyToParticipant(it) if it.signing_keys().is_some_and(lists) => {
            Some(Reference::Party(it.party().clone()))
        }
        _ => None,
    }
}

fn is(target: &SigningPublicKey, key: &Fingerprint) -> bool {
    target.fingerprint() == *key
}
