//! What holds at a time.

use std::sync::Arc;

use super::{At, StoredTransaction, TopologyStore};
use crate::{
    graph::AuthorizationGraph,
    identifier::{Member, Namespace, PartyId},
    mapping::{
        DecentralizedNamespaceDefinition, Mapping, NamespaceDelegation, OwnerToKeyMapping,
        SigningKeysWithThreshold, UniqueKey,
    },
};

impl TopologyStore {
    /// The rows whose statements hold then, by ordinal.
    pub fn in_force(&self, at: At) -> impl Iterator<Item = &StoredTransaction> {
        let rows = self.rows().iter();
        rows.filter(move |row| at.covers(row) && row.stated().is_some())
    }

    /// The rows whose statements hold after everything that is in the store.
    pub fn head(&self) -> impl Iterator<Item = &StoredTransaction> {
        self.in_force(At::Head)
    }

    /// The row about `key` that holds then, a removal included.
    #[must_use]
    pub fn row_of(&self, key: &UniqueKey, at: At) -> Option<&StoredTransaction> {
        let accepted = self.index.accepted(key).iter().rev();
        accepted
            .filter_map(|place| self.row_at(*place))
            .find(|row| at.covers(row))
    }

    /// The statement about `key` that holds then.
    #[must_use]
    pub fn mapping_of(&self, key: &UniqueKey, at: At) -> Option<&Mapping> {
        self.row_of(key, at)?.stated()
    }

    /// The keys that a node announces.
    #[must_use]
    pub fn owner_to_key(&self, member: &Member, at: At) -> Option<&OwnerToKeyMapping> {
        match self.mapping_of(&UniqueKey::owner_to_key(&member.uid), at)? {
            Mapping::OwnerToKeyMapping(mapping) if mapping.member() == member => Some(mapping),
            _ => None,
        }
    }

    /// The signing keys of a party: those beside its participants count before those of the deprecated mapping.
    #[must_use]
    pub fn party_signing_keys(&self, party: &PartyId, at: At) -> Option<&SigningKeysWithThreshold> {
        let hosted = self.mapping_of(&UniqueKey::party_to_participant(party), at);
        if let Some(Mapping::PartyToParticipant(mapping)) = hosted
            && let Some(keys) = mapping.signing_keys()
        {
            return Some(keys);
        }
        match self.mapping_of(&UniqueKey::party_to_key(party), at)? {
            Mapping::PartyToKeyMapping(mapping) => Some(&mapping.signing_keys),
            _ => None,
        }
    }

    /// The delegations of a namespace, authorized or not, each with its row.
    pub fn namespace_delegations(
        &self,
        namespace: &Namespace,
        at: At,
    ) -> impl Iterator<Item = (&StoredTransaction, &NamespaceDelegation)> {
        let keys = self.index.delegations(namespace);
        keys.filter_map(move |key| {
            let row = self.row_of(key, at)?;
            match row.stated()? {
                Mapping::NamespaceDelegation(delegation) => Some((row, delegation)),
                _ => None,
            }
        })
    }

    /// Who may sign for a namespace that is not decentralized.
    #[must_use]
    pub fn authorization_graph(&self, namespace: &Namespace, at: At) -> AuthorizationGraph {
        if at == At::Head {
            let known = self.graph(namespace).cloned();
            return known.unwrap_or_else(|| AuthorizationGraph::new(namespace.clone()));
        }
        let mut graph = AuthorizationGraph::new(namespace.clone());
        for (row, _) in self.namespace_delegations(namespace, at) {
            // Delegations of this namespace only.
            let _same_namespace = graph.add(Arc::clone(&row.signed));
        }
        graph
    }

    /// Who owns a decentralized namespace.
    #[must_use]
    pub fn decentralized_namespace(
        &self,
        namespace: &Namespace,
        at: At,
    ) -> Option<&DecentralizedNamespaceDefinition> {
        match self.mapping_of(&UniqueKey::decentralized_namespace(namespace), at)? {
            Mapping::DecentralizedNamespaceDefinition(definition) => Some(definition),
            _ => None,
        }
    }

    /// Every namespace that ever had a delegation, in order.
    #[must_use]
    pub fn namespaces(&self) -> Vec<&Namespace> {
        let mut namespaces: Vec<_> = self.index.namespaces().collect();
        namespaces.sort_unstable();
        namespaces
    }
}
