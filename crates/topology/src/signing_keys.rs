use std::collections::{BTreeMap, BTreeSet};

use strongroom_crypto::{Fingerprint, KeyUsages};

use crate::{
    authorization::{Authority, References, required, signs_as},
    error::TopologyError,
    force::{ForceFlag, ForceFlags},
    graph::AuthorizationGraph,
    mapping::Mapping,
    rules::Rules,
    store::TopologyStore,
    transaction::{Operation, Transaction},
};

/// A key that shall sign a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SelectedKey {
    /// The key.
    pub fingerprint: Fingerprint,
    /// What it must be for.
    pub usages: KeyUsages,
}

/// The keys that shall sign `transaction`, as the store is now.
///
/// `holds` says whether the private half of a key is here. Of the keys that may sign for a namespace the one farthest from
/// the root is chosen, so that keys near the root can rest; keys that a mapping lists anew sign as well. `requested` keys
/// are used instead if they may sign and are here, none other is added. Source: reference, topology rules, section 3.
///
/// # Errors
/// [`TopologyError::NoAppropriateSigningKey`]; [`TopologyError::SecretKeyNotInStore`] for a requested key that is not here
/// although [`ForceFlag::AllowUnvalidatedSigningKeys`] lets it sign.
pub fn signing_keys(
    store: &TopologyStore,
    transaction: &Transaction,
    requested: &[Fingerprint],
    holds: &dyn Fn(&Fingerprint) -> bool,
    force: ForceFlags,
) -> Result<Vec<SelectedKey>, TopologyError> {
    let required = required(store, transaction, &Rules::authorized());
    let mut references = required.referenced().into_owned();
    if transaction.operation() == Operation::Remove {
        // A key that is taken back has nothing to prove.
        references.keys.clear();
    }
    let candidates = Candidates::of(store, transaction, references);
    let selected = if requested.is_empty() {
        candidates.best(holds)?
    } else {
        candidates.requested(requested, holds, force)?
    };
    let usages = |key: &Fingerprint| signs_as(transaction.mapping(), key);
    Ok(selected
        .into_iter()
        .map(|fingerprint| SelectedKey {
            fingerprint,
            usages: usages(&fingerprint),
        })
        .collect())
}

/// Keys that may sign a transaction.
struct Candidates {
    references: References,
    /// For each owner of each namespace: its keys, with their distances from the root.
    of_namespaces: Vec<BTreeMap<Fingerprint, usize>>,
    /// The root key that certifies itself.
    root: Option<Fingerprint>,
}

impl Candidates {
    fn of(store: &TopologyStore, transaction: &Transaction, references: References) -> Self {
        let mapping = transaction.mapping();
        let mut of_namespaces = Vec::new();
        for namespace in &references.namespaces {
            let authority = Authority::over(store, namespace, mapping);
            of_namespaces.extend(authority.graphs().map(|graph| keys_in(graph, mapping)));
            if let Some(own) = authority.own_key() {
                of_namespaces.push(BTreeMap::from([(own.fingerprint(), 1)]));
            }
        }
        let root = match mapping {
            Mapping::NamespaceDelegation(it) if it.targets_root() => {
                Some(it.target().fingerprint())
            }
            _ => None,
        };
        Self {
            references,
            of_namespaces,
            root,
        }
    }

    /// The best key of each owner, new keys that prove themselves, and a root key for its own certificate.
    fn best(
        self,
        holds: &dyn Fn(&Fingerprint) -> bool,
    ) -> Result<BTreeSet<Fingerprint>, TopologyError> {
        let best = self.of_namespaces.iter().filter_map(|keys| {
            let here = keys.iter().filter(|(key, _)| holds(key));
            here.max_by_key(|(key, level)| (**level, **key))
                .map(|(key, _)| *key)
        });
        let mut selected: BTreeSet<Fingerprint> = best.collect();
        let new = self.references.keys.iter().chain(&self.root);
        selected.extend(new.filter(|key| holds(key)));
        if selected.is_empty() {
            return Err(self.refuse(BTreeSet::new()));
        }
        Ok(selected)
    }

    fn requested(
        self,
        requested: &[Fingerprint],
        holds: &dyn Fn(&Fingerprint) -> bool,
        force: ForceFlags,
    ) -> Result<BTreeSet<Fingerprint>, TopologyError> {
        let requested: BTreeSet<Fingerprint> = requested.iter().copied().collect();
        let unusable: BTreeSet<Fingerprint> = requested
            .iter()
            .filter(|key| !self.may_sign(key) || !holds(key))
            .copied()
            .collect();
        if !unusable.is_empty() && !force.contains(ForceFlag::AllowUnvalidatedSigningKeys) {
            return Err(self.refuse(unusable));
        }
        match requested.iter().find(|key| !holds(key)) {
            Some(key) => Err(TopologyError::SecretKeyNotInStore { key: *key }),
            None => Ok(requested),
        }
    }

    fn may_sign(&self, key: &Fingerprint) -> bool {
        self.of_namespaces.iter().any(|keys| keys.contains_key(key))
            || self.references.keys.contains(key)
            || self.root.as_ref() == Some(key)
    }

    fn refuse(self, unusable: BTreeSet<Fingerprint>) -> TopologyError {
        TopologyError::NoAppropriateSigningKey {
            namespaces: self.references.namespaces,
            keys: self.references.keys,
            unusable,
        }
    }
}

/// The keys of a graph that may sign the mapping. A delegation is not signed by its own target, nor by what hangs on it.
fn keys_in(graph: &AuthorizationGraph, mapping: &Mapping) -> BTreeMap<Fingerprint, usize> {
    let keys: Vec<_> = match mapping {
        Mapping::NamespaceDelegation(it) => {
            graph.keys_for_delegation_to(&it.target().fingerprint())
        }
        other => graph.keys_for(other.code()).collect(),
    };
    keys.into_iter()
        .map(|(key, level)| (key.fingerprint(), level))
        .collect()
}
