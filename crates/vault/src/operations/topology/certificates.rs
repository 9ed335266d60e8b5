//! An identity whose root key was never here: certificates made elsewhere come in, and the vault makes the rest.

mod order;

use std::collections::BTreeSet;

use strongroom_topology::{
    Mapping, Namespace, NamespaceDelegation, Operation, SignedTransaction, StoreId,
};

use super::{
    accepted,
    add::{Added, summary},
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
    /// The certificates may be given in any order. Nothing is kept when they do not do; a right set may follow. Running it
    /// again finishes what was interrupted.
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
        self.add_all_certificates(caller, &certified, certificates)
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

    /// Adds delegations and their revocations, made elsewhere, to the node's own store. They may be given in any order:
    /// each is decided as if those that authorize it had come first.
    ///
    /// # Errors
    /// [`VaultError::NotACertificate`] for a transaction about anything but a delegation; errors of the store, and then
    /// nothing has changed. Rejections are part of the answer, which has the order of `certificates`.
    pub async fn add_certificates(
        &self,
        caller: &Caller,
        certificates: Vec<SignedTransaction>,
    ) -> Result<Vec<Added>, VaultError> {
        for signed in &certificates {
            if !matches!(
                signed.transaction().mapping(),
                Mapping::NamespaceDelegation(_)
            ) {
                return Err(not_a_certificate(signed));
            }
        }
        let mut writer = TopologyWriter::begin(self).await?;
        let added = self.decide_certificates(&mut writer, certificates)?;
        let details = summary(&StoreId::Authorized, &added);
        self.commit_topology(caller, writer, (AuditOperation::AddTopology, None), details)
            .await?;
        Ok(added)
    }

    /// All of them or none: what they amount to is looked at before anything is durable.
    async fn add_all_certificates(
        &self,
        caller: &Caller,
        namespace: &Namespace,
        certificates: Vec<SignedTransaction>,
    ) -> Result<(), VaultError> {
        let store = StoreId::Authorized;
        let mut writer = TopologyWriter::begin(self).await?;
        let added = self.decide_certificates(&mut writer, certificates)?;
        let details = summary(&store, &added);
        for one in added {
            accepted(one.outcome)?;
        }
        if self
            .namespace_signers(writer.store(&store)?, namespace)
            .is_empty()
        {
            return Err(VaultError::NoNamespaceSigner {
                namespace: namespace.clone(),
            });
        }
        self.commit_topology(caller, writer, (AuditOperation::AddTopology, None), details)
            .await
    }

    /// What becomes of each certificate, in the order in which they were given.
    fn decide_certificates(
        &self,
        writer: &mut TopologyWriter<'_>,
        certificates: Vec<SignedTransaction>,
    ) -> Result<Vec<Added>, VaultError> {
        let store = StoreId::Authorized;
        let places = order::of(writer.store(&store)?, &certificates, self.now());
        let mut pending: Vec<_> = certificates.into_iter().map(Some).collect();
        let mut added = Vec::with_capacity(pending.len());
        for place in places {
            let Some(signed) = pending.get_mut(place).and_then(Option::take) else {
                continue;
            };
            let hash = signed.transaction().hash();
            let outcome = self.decide(writer, &store, signed)?;
            added.push((place, Added { hash, outcome }));
        }
        added.sort_unstable_by_key(|(place, _)| *place);
        Ok(added.into_iter().map(|(_, added)| added).collect())
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
        _ => Err(not_a_certificate(signed)),
    }
}

fn not_a_certificate(signed: &SignedTransaction) -> VaultError {
    let transaction = signed.transaction();
    let (operation, mapping) = (transaction.operation(), transaction.mapping());
    VaultError::NotACertificate {
        found: format!("{} of {}", operation.name(), mapping.code().name()),
    }
}
