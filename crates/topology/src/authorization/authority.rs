use std::collections::BTreeSet;

use strongroom_crypto::{Fingerprint, SigningPublicKey};

use crate::{
    graph::AuthorizationGraph,
    identifier::Namespace,
    mapping::{Mapping, MappingCode},
    store::TopologyStore,
};

/// Who speaks for a namespace when a certain mapping is signed.
pub(crate) struct Authority<'s> {
    code: MappingCode,
    threshold: usize,
    owners: Vec<Option<&'s AuthorizationGraph>>,
    /// The key of a party that is the root of its own namespace, which needs no delegation.
    own_key: Option<&'s SigningPublicKey>,
}

impl<'s> Authority<'s> {
    pub(crate) fn over(
        store: &'s TopologyStore,
        namespace: &Namespace,
        mapping: &'s Mapping,
    ) -> Self {
        let own_key = match mapping {
            Mapping::PartyToParticipant(it) if it.party().namespace() == namespace => {
                it.self_authorizing_key()
            }
            _ => None,
        };
        let (threshold, owners) = match store.owners_in_force(namespace) {
            Some(definition) => {
                let owners = definition.owners().iter();
                let graphs = owners.map(|owner| store.graph(owner)).collect();
                (definition.threshold(), graphs)
            }
            None => (1, vec![store.graph(namespace)]),
        };
        Self {
            code: mapping.code(),
            threshold,
            owners,
            own_key,
        }
    }

    /// Whether no key speaks for the namespace at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.own_key.is_none() && self.graphs().next().is_none()
    }

    /// The key, if its signature speaks for the namespace, alone or with others.
    pub(crate) fn key(&self, key: &Fingerprint, code: MappingCode) -> Option<&'s SigningPublicKey> {
        let delegated = self
            .owners
            .iter()
            .flatten()
            .find_map(|graph| graph.authorized(key, code));
        delegated.or_else(|| self.own_key.filter(|own| own.fingerprint() == *key))
    }

    /// Whether these keys together speak for the namespace.
    pub(crate) fn agrees(&self, keys: &BTreeSet<Fingerprint>) -> bool {
        if self
            .own_key
            .is_some_and(|own| keys.contains(&own.fingerprint()))
        {
            return true;
        }
        let agrees = |graph: &&AuthorizationGraph| {
            keys.iter()
                .any(|key| graph.authorized(key, self.code).is_some())
        };
        self.owners.iter().flatten().copied().filter(agrees).count() >= self.threshold
    }

    /// The graphs of the owners; for a namespace that is not decentralized its own.
    pub(crate) fn graphs(&self) -> impl Iterator<Item = &'s AuthorizationGraph> {
        self.owners.iter().copied().flatten()
    }

    /// The key of a party that needs no delegation.
    pub(crate) fn own_key(&self) -> Option<&'s SigningPublicKey> {
        self.own_key
    }
}
