//! The root key of the node's namespace in wrong hands.

use strongroom_crypto::Fingerprint;
use strongroom_topology::{At, Mapping, Namespace, StoreId};

use super::{Act, AffectedKey, Loss, Step};
use crate::{error::VaultError, vault::Vault};

/// A namespace whose root key is in wrong hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedRoot {
    /// The namespace.
    pub namespace: Namespace,
    /// Its root key.
    pub root: Fingerprint,
    /// The node, by the name that it loses.
    pub member: String,
    /// What the vault knows of the root key; none if it never was here.
    pub key: Option<Box<AffectedKey>>,
    /// Keys that may sign for the namespace, the root key apart.
    pub delegates: Vec<Fingerprint>,
    /// Keys that the node announces.
    pub node_keys: Vec<Fingerprint>,
    /// Parties with the namespace in their names.
    pub parties: Vec<String>,
    /// Synchronizers that the vault follows.
    pub synchronizers: Vec<StoreId>,
    /// Whether the private half of the root key signs here.
    pub root_is_here: bool,
    /// Whether a root certificate is in force.
    pub certified: bool,
    /// Whether the vault was restored and signs nothing yet.
    pub quarantined: bool,
}

impl AffectedRoot {
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut acts = vec![Act::ReadAudit, Act::TellOthers];
        acts.push(Act::ReviewStatements(self.root));
        acts.extend([Act::NewNamespace, Act::BackUp]);
        if !self.parties.is_empty() {
            acts.push(Act::MoveParties(self.parties.clone()));
        }
        if self.certified {
            if self.quarantined && self.root_is_here {
                acts.push(Act::LeaveQuarantine);
            }
            acts.push(Act::BurnNamespace {
                root: self.root,
                root_is_here: self.root_is_here,
            });
        }
        acts.into_iter().map(Step::from).collect()
    }

    pub(super) fn losses(&self) -> Vec<Loss> {
        let mut losses = vec![Loss::RootForEver, Loss::SignaturesStay];
        if !self.parties.is_empty() {
            losses.push(Loss::PartiesBound);
        }
        if self.certified {
            losses.push(Loss::BurntForEver);
        }
        if let Some(key) = &self.key {
            let known = key.losses().into_iter();
            losses.extend(known.filter(|loss| {
                matches!(
                    loss,
                    Loss::WasReadable | Loss::WasExported | Loss::InBackups
                )
            }));
        }
        losses
    }
}

impl Vault {
    pub(super) async fn affected_root(&self) -> Result<AffectedRoot, VaultError> {
        let member = self.identity().ok_or(VaultError::NotIdentified)?.member;
        let namespace = member.uid.namespace().clone();
        let root = namespace.fingerprint().ok_or(VaultError::NotIdentified)?;
        let key = match self.affected_key(&root).await {
            Ok(key) => Some(Box::new(key)),
            Err(VaultError::KeyNotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        let stores = self.topology_stores().await?;
        let mut parties = Vec::new();
        for id in &stores {
            let store = self.topology(id).await?;
            let stated = store.rows().iter().filter_map(|row| row.stated());
            parties.extend(stated.filter_map(|mapping| party_of(mapping, &namespace)));
        }
        parties.sort();
        parties.dedup();
        let authorized = self.topology(&StoreId::Authorized).await?;
        let graph = authorized.authorization_graph(&namespace, At::Head);
        let delegates = graph.delegations();
        let delegates = delegates.map(|(delegation, _)| delegation.target().fingerprint());
        let node_keys = authorized.owner_to_key(&member, At::Head);
        let node_keys = node_keys.into_iter().flat_map(|mapping| mapping.keys());
        let affected = AffectedRoot {
            delegates: delegates.filter(|key| *key != root).collect(),
            node_keys: node_keys.map(|key| key.fingerprint()).collect(),
            certified: graph.has_root(),
            member: member.to_string(),
            root_is_here: self.root_is_here(),
            quarantined: self.is_quarantined(),
            synchronizers: stores
                .into_iter()
                .filter(|id| matches!(id, StoreId::Synchronizer(_)))
                .collect(),
            namespace,
            root,
            key,
            parties,
        };
        Ok(affected)
    }
}

/// The party that a statement is about, if it has the namespace in its name.
fn party_of(mapping: &Mapping, namespace: &Namespace) -> Option<String> {
    let party = match mapping {
        Mapping::PartyToParticipant(it) => it.party(),
        Mapping::PartyToKeyMapping(it) => &it.party,
        _ => return None,
    };
    (party.namespace() == namespace).then(|| party.to_string())
}
