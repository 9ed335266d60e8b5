use std::{collections::BTreeMap, fmt};

use strongroom_crypto::{Fingerprint, Timestamp};

use super::{StoredTransaction, TopologyStore};
use crate::{
    identifier::{Member, Namespace, PartyId},
    mapping::Mapping,
    store_id::StoreId,
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
    /// Where `key` is named by what is in force at `now`, will be, or waits as a proposal.
    #[must_use]
    pub fn refers_to(&self, key: &Fingerprint, now: Timestamp) -> Vec<Reference> {
        let mut found: Vec<Reference> = Vec::new();
        for row in self.relevant(now) {
            each(row, |named, reference| {
                if named == *key && !found.contains(&reference) {
                    found.push(reference);
                }
            });
        }
        found
    }

    /// Every key that is named like that, and where: for who asks about many keys.
    #[must_use]
    pub fn references(&self, now: Timestamp) -> BTreeMap<Fingerprint, Vec<Reference>> {
        let mut found: BTreeMap<Fingerprint, Vec<Reference>> = BTreeMap::new();
        for row in self.relevant(now) {
            each(row, |key, reference| {
                let places = found.entry(key).or_default();
                if !places.contains(&reference) {
                    places.push(reference);
                }
            });
        }
        found
    }

    /// What a synchronizer has sequenced the end of holds until that is effective. A node's own store changes at once.
    fn relevant(&self, now: Timestamp) -> impl Iterator<Item = &StoredTransaction> {
        let is_delayed = matches!(self.id(), StoreId::Synchronizer(_));
        let still = move |row: &StoredTransaction| {
            is_delayed && row.is_accepted() && row.valid_until.is_some_and(|until| now <= until)
        };
        let rows = self.rows().iter();
        rows.filter(move |row| row.is_open() || still(row))
    }
}

/// Tells every key that a row's statement names.
fn each(row: &StoredTransaction, mut tell: impl FnMut(Fingerprint, Reference)) {
    match row.stated() {
        Some(Mapping::NamespaceDelegation(it)) => tell(
            it.target().fingerprint(),
            Reference::Delegation(it.namespace().clone()),
        ),
        Some(Mapping::OwnerToKeyMapping(it)) => {
            for key in it.keys() {
                tell(key.fingerprint(), Reference::Node(it.member().clone()));
            }
        }
        Some(Mapping::PartyToKeyMapping(it)) => {
            for key in it.signing_keys.keys() {
                tell(key.fingerprint(), Reference::Party(it.party.clone()));
            }
        }
        Some(Mapping::PartyToParticipant(it)) => {
            for key in it.signing_keys().into_iter().flat_map(|keys| keys.keys()) {
                tell(key.fingerprint(), Reference::Party(it.party().clone()));
            }
        }
        _ => {}
    }
}
