//! An identity whose root key was never here: certificates made elsewhere come in, and the vault makes the rest.

use std::collections::BTreeSet;

use strongroom_topology::{
    At, Mapping, MappingCode, Namespace, NamespaceDelegation, Operation, SignedTransaction,
    StoreId, TopologyStore,
};

use super::{
    add::summary,
    identity::{NewIdentity, NodeKeys},
};
use crate::{
    audit::AuditOperation, caller::Caller, error::VaultError, topology::TopologyWriter,
    vault::Vault,
};

impl Vault {
    /// Makes the node's identity from certificates: the root certificate of its namespace and, mostly, a delegation to a
    /// key of this vault. The node's own keys are made and announced as [`Vault::initialize`] does.
    ///
    /// Nothing is kept when the certificates do not do; a right set may follow. Running it again finishes what was
    /// interrupted.
    ///
    /// # Errors
    /// [`VaultError::NotACertificate`], [`VaultError::CertificateMismatch`] for the namespace; [`VaultError::Topology`]
    /// when they do not authorize each other; [`VaultError::NoNamespaceSigner`] when none of them names a key of this vault;
    /// otherwise as [`Vault::initialize`].
    pub async fn initialize_from_certificates(
        &self,
        caller: &Caller,
        new: &NewIdentity,
        namespace: Option<&Namespace>,
        certificates: Vec<SignedTransaction>,
    ) -> Result<NodeKeys, VaultError> {
        let certified = certified_namespace(&certificates)?;
        if let Some(wanted) = namespace
            && *wanted != certified
        {
            return Err(VaultError::CertificateMismatch {
                wanted: wanted.clone(),
                certified,
            });
        }
        let _turn = self.node().turn().await;
        self.try_settle().await?;
        // Before the certificates are durable: they are not for another node.
        self.wanted(new, certified.clone())?;
        self.add_certificates(caller, &certified, certificates)
            .await?;
        let member = self.identify_as(caller, new, certified.clone()).await?;
        let signer =
            self.namespace_signer(&certified)
                .await?
                .ok_or(VaultError::NoNamespaceSigner {
                    namespace: certified,
                })?;
        self.announce_node_keys(caller, new, member, signer).await
    }

    /// All of them or none: what they amount to is looked at before anything is durable.
    async fn add_certificates(
        &self,
        caller: &Caller,
        namespace: &Namespace,
        certificates: Vec<SignedTransaction>,
    ) -> Result<(), VaultError> {
        let store = StoreId::Authorized;
        let mut writer = TopologyWriter::begin(self).await?;
        let mut added = Vec::with_capacity(certificates.len());
        for signed in certificates {
            let hash = signed.transaction().hash();
            let outcome = self.decide(&mut writer, &store, signed)?;
            added.push(super::add::Added {
                hash,
                outcome: super::accepted(outcome)?,
            });
        }
        if !self.can_sign_for(writer.store(&store)?, namespace) {
            return Err(VaultError::NoNamespaceSigner {
                namespace: namespace.clone(),
            });
        }
        let details = summary(&store, &added);
        self.commit_topology(caller, writer, (AuditOperation::AddTopology, None), details)
            .await
    }

    /// Whether a key of this vault may announce the node's keys.
    fn can_sign_for(&self, store: &TopologyStore, namespace: &Namespace) -> bool {
        let graph = store.authorization_graph(namespace, At::Head);
        graph
            .keys_for(MappingCode::OwnerToKeyMapping)
            .any(|(key, _)| self.may_sign(&key.fingerprint()))
    }
}

/// The one namespace that certificates speak of.
fn certified_namespace(certificates: &[SignedTransaction]) -> Result<Namespace, VaultError> {
    let mut namespaces = BTreeSet::new();
    for signed in certificates {
        namespaces.insert(delegation(signed)?.namespace().clone());
    }
    let mut namespaces = namespaces.into_iter();
    match (namespaces.next(), namespaces.next()) {
        (Some(only), None) => Ok(only),
        (Some(first), Some(other)) => Err(VaultError::CertificateMismatch {
            wanted: first,
            certified: other,
        }),
        (None, _) => Err(VaultError::NotACertificate {
            found: "nothing at all".to_owned(),
        }),
    }
}

fn delegation(signed: &SignedTransaction) -> Result<&NamespaceDelegation, VaultError> {
    let transaction = signed.transaction();
    match (transaction.operation(), transaction.mapping()) {
        (Operation::AddReplace, Mapping::NamespaceDelegation(delegation)) => Ok(delegation),
        (operation, mapping) => Err(VaultError::NotACertificate {
            found: format!("{} of {}", operation.name(), mapping.code().name()),
        }),
    }
}
