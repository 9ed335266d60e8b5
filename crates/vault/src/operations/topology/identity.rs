//! Making a node's identity: its permanent namespace key, and the keys that are announced under it.
//!
//! Names, order and usages are those of Canton's own initialization (reference: operations, section 1). Each step looks
//! first whether it was done: whatever interrupted an initialization, running it again finishes it, and no key is made
//! twice.

use std::{collections::BTreeSet, sync::Arc};

use strongroom_crypto::{
    EncryptionKeySpec, Fingerprint, KeyName, KeyPurpose, KeyUsage, KeyUsages, PublicKey,
    SigningKeySpec, SigningPublicKey,
};
use strongroom_store::KeyState;
use strongroom_topology::{
    At, Mapping, MappingCode, Member, MemberCode, Namespace, NamespaceDelegation,
    OwnerToKeyMapping, Restriction, StoreId, TopologyStore, UniqueIdentifier,
};

use super::authorize::Proposal;
use crate::{
    audit::AuditOperation,
    caller::Caller,
    directory::KeyEntry,
    error::{AnnouncementError, VaultError},
    operations::generate::{NewEncryptionKey, NewSigningKey},
    unit::Unit,
    vault::Vault,
};

/// Which identity a node shall have.
#[derive(Clone, Debug)]
pub struct NewIdentity {
    /// What kind of node it is.
    pub code: MemberCode,
    /// Its name on the ledger, the part in front of the namespace: 1 to 185 characters.
    pub identifier: String,
    /// What the names of its keys begin with: `<node>-signing` and so on.
    pub node: String,
    /// Whether an intermediate namespace key signs from day to day, so that the root key can rest.
    pub intermediate_key: bool,
    /// Spec of the signing keys.
    pub signing_spec: SigningKeySpec,
    /// Spec of the encryption key, which only participants have.
    pub encryption_spec: EncryptionKeySpec,
}

/// A node's identity and the keys that announce it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeKeys {
    /// The node.
    pub member: Member,
    /// The root key of its namespace, if this vault has it.
    pub root: Option<Fingerprint>,
    /// The key that signed the announcements: the root key, or one that it delegated to.
    pub namespace_signer: Fingerprint,
    /// Its announced keys, in the order of the mapping.
    pub announced: OwnerToKeyMapping,
}

impl Vault {
    /// Makes the node's identity: keys, root certificate, delegation if asked for, and the mapping that announces them.
    ///
    /// Running it again finishes what was interrupted, and changes nothing once all is done.
    ///
    /// # Errors
    /// [`VaultError::OtherIdentity`] when the vault is another node's; [`VaultError::PrivateKeyLost`] when a key of the expected
    /// name has no private half here; errors of generating, signing and storing.
    pub async fn initialize(
        &self,
        caller: &Caller,
        new: &NewIdentity,
    ) -> Result<NodeKeys, VaultError> {
        let _turn = self.node().turn().await;
        // A commit of which nobody has heard may have made a key that is looked for below.
        self.try_settle().await?;
        let member = match self.identity() {
            Some(identity) => self.wanted(new, identity.member.uid.namespace().clone())?,
            None => {
                let root = self.namespace_key(caller, new, "namespace").await?;
                let namespace = Namespace::from(root.fingerprint());
                self.identify_as(caller, new, namespace).await?
            }
        };
        let signer = self.delegate_as_configured(caller, new, &member).await?;
        self.announce_node_keys(caller, new, member, signer).await
    }

    /// The namespace key of that name, or a new one.
    async fn namespace_key(
        &self,
        caller: &Caller,
        new: &NewIdentity,
        suffix: &str,
    ) -> Result<SigningPublicKey, VaultError> {
        let usages = KeyUsages::only(KeyUsage::Namespace);
        self.named_signing_key(caller, new, suffix, usages).await
    }

    /// The node that `new` describes, if the vault is not another one's.
    pub(super) fn wanted(
        &self,
        new: &NewIdentity,
        namespace: Namespace,
    ) -> Result<Member, VaultError> {
        let uid = UniqueIdentifier::try_new(&new.identifier, namespace)?;
        let wanted = Member {
            code: new.code,
            uid,
        };
        match self.identity() {
            Some(identity) if identity.member != wanted => Err(VaultError::OtherIdentity {
                found: Box::new(identity.member),
                wanted: Box::new(wanted),
            }),
            _ => Ok(wanted),
        }
    }

    /// Makes the vault the one of this node, unless it is already.
    pub(super) async fn identify_as(
        &self,
        caller: &Caller,
        new: &NewIdentity,
        namespace: Namespace,
    ) -> Result<Member, VaultError> {
        let mut unit = Unit::begin(self).await?;
        let member = self.wanted(new, namespace)?;
        if self.identity().is_some() {
            return Ok(member);
        }
        unit.identify(&member).await?;
        let details = [("member".to_owned(), member.to_string())].into();
        unit.audit(caller, AuditOperation::Identify, None, details)
            .await?;
        unit.commit().await?;
        Ok(member)
    }

    /// The key that signs for the namespace: root certificate and delegation are made if they are not there.
    async fn delegate_as_configured(
        &self,
        caller: &Caller,
        new: &NewIdentity,
        member: &Member,
    ) -> Result<Fingerprint, VaultError> {
        let namespace = member.uid.namespace();
        match self.namespace_signer(namespace).await? {
            Some(signer) if !new.intermediate_key || !namespace.is_root(&signer) => {
                return Ok(signer);
            }
            Some(_root) => {}
            None => {
                let root = self.root_key(namespace)?;
                let signer = root.fingerprint();
                self.delegate(caller, namespace, root, Restriction::AllMappings)
                    .await?;
                if !new.intermediate_key {
                    return Ok(signer);
                }
            }
        }
        let intermediate = self
            .namespace_key(caller, new, "intermediate-namespace")
            .await?;
        let signer = intermediate.fingerprint();
        let restriction = Restriction::AllButNamespaceDelegations;
        self.delegate(caller, namespace, intermediate, restriction)
            .await?;
        Ok(signer)
    }

    /// The key whose fingerprint the namespace is.
    fn root_key(&self, namespace: &Namespace) -> Result<SigningPublicKey, VaultError> {
        let missing = || VaultError::NoNamespaceSigner {
            namespace: namespace.clone(),
        };
        let root = namespace.fingerprint().ok_or_else(missing)?;
        let entry = self.key(&root)?;
        signing_half(&entry)
    }

    /// The target of the last stored delegation of a namespace that leads back to its root, may announce keys and whose
    /// private key is here; none without any delegation.
    pub(super) async fn namespace_signer(
        &self,
        namespace: &Namespace,
    ) -> Result<Option<Fingerprint>, VaultError> {
        let store = self.topology(&StoreId::Authorized).await?;
        let mut targets: Vec<_> = store
            .namespace_delegations(namespace, At::Head)
            .map(|(stored, delegation)| (stored.ordinal, delegation))
            .collect();
        targets.sort_unstable_by_key(|(ordinal, _)| *ordinal);
        if targets.is_empty() {
            return Ok(None);
        }
        let signers = self.namespace_signers(&store, namespace);
        let held = targets
            .into_iter()
            .rev()
            .map(|(_, delegation)| delegation.target().fingerprint())
            .find(|target| signers.contains(target));
        held.map(Some).ok_or(VaultError::NoNamespaceSigner {
            namespace: namespace.clone(),
        })
    }

    /// The keys of this vault that may announce the keys of the nodes in a namespace.
    pub(super) fn namespace_signers(
        &self,
        store: &TopologyStore,
        namespace: &Namespace,
    ) -> BTreeSet<Fingerprint> {
        let graph = store.authorization_graph(namespace, At::Head);
        let keys = graph.keys_for(MappingCode::OwnerToKeyMapping);
        let here = keys.map(|(key, _)| key.fingerprint());
        here.filter(|key| self.may_sign(key)).collect()
    }

    /// Refuses what could not be announced in the end, before anything is made for it.
    pub(super) fn check_can_announce(
        &self,
        store: &TopologyStore,
        member: &Member,
    ) -> Result<(), VaultError> {
        let namespace = member.uid.namespace();
        if self.namespace_signers(store, namespace).is_empty() {
            return Err(VaultError::NoNamespaceSigner {
                namespace: namespace.clone(),
            });
        }
        Ok(())
    }

    async fn delegate(
        &self,
        caller: &Caller,
        namespace: &Namespace,
        target: SigningPublicKey,
        restriction: Restriction,
    ) -> Result<(), VaultError> {
        let delegation = NamespaceDelegation::try_new(namespace.clone(), target, restriction)?;
        let proposal = Proposal::announce(Mapping::NamespaceDelegation(delegation));
        self.authorize(caller, &StoreId::Authorized, proposal)
            .await?;
        Ok(())
    }

    /// Makes and announces the keys of the node, unless they are announced.
    pub(super) async fn announce_node_keys(
        &self,
        caller: &Caller,
        new: &NewIdentity,
        member: Member,
        namespace_signer: Fingerprint,
    ) -> Result<NodeKeys, VaultError> {
        let announced = match self.announced(&member).await? {
            Some(mapping) if is_complete(&member, &mapping) => mapping,
            _ => {
                let keys = self.node_keys(caller, new).await?;
                let mapping = OwnerToKeyMapping::try_new(member.clone(), keys)?;
                let proposal = Proposal::announce(Mapping::OwnerToKeyMapping(mapping.clone()));
                self.authorize(caller, &StoreId::Authorized, proposal)
                    .await?;
                mapping
            }
        };
        let root = member.uid.namespace().fingerprint();
        Ok(NodeKeys {
            root: root.filter(|root| self.may_sign(root)),
            member,
            namespace_signer,
            announced,
        })
    }

    /// Why a key that is not announced for the node cannot be rotated or withdrawn.
    pub(super) fn not_announced(&self, member: &Member, fingerprint: Fingerprint) -> VaultError {
        if member.uid.namespace().is_root(&fingerprint) {
            VaultError::PermanentKey { fingerprint }
        } else if self.directory().entry(&fingerprint).is_some() {
            AnnouncementError::NotAnnouncedHere { fingerprint }.into()
        } else {
            AnnouncementError::NotAnnounced { fingerprint }.into()
        }
    }

    /// What the authorized store announces for a node now.
    pub(super) async fn announced(
        &self,
        member: &Member,
    ) -> Result<Option<OwnerToKeyMapping>, VaultError> {
        let store = self.topology(&StoreId::Authorized).await?;
        Ok(store.owner_to_key(member, At::Head).cloned())
    }

    async fn node_keys(
        &self,
        caller: &Caller,
        new: &NewIdentity,
    ) -> Result<Vec<PublicKey>, VaultError> {
        let mut keys = Vec::with_capacity(3);
        for (suffix, usage) in [
            ("sequencer-auth", KeyUsage::SequencerAuthentication),
            ("signing", KeyUsage::Protocol),
        ] {
            // A key that is announced must be able to prove that its owner has it.
            let usages = KeyUsages::any_of(&[usage, KeyUsage::ProofOfOwnership]);
            let key = self.named_signing_key(caller, new, suffix, usages).await?;
            keys.push(PublicKey::Signing(key));
        }
        if new.code == MemberCode::Participant {
            let name = key_name(new, "encryption")?;
            let entry = match self.key_named(&name, None)? {
                Some(entry) => entry,
                None => {
                    let request = NewEncryptionKey {
                        spec: new.encryption_spec,
                        name: Some(name),
                    };
                    self.generate_encryption_key(caller, request).await?
                }
            };
            keys.push(entry.public.clone());
        }
        Ok(keys)
    }

    async fn named_signing_key(
        &self,
        caller: &Caller,
        new: &NewIdentity,
        suffix: &str,
        usages: KeyUsages,
    ) -> Result<SigningPublicKey, VaultError> {
        let name = key_name(new, suffix)?;
        let entry = match self.key_named(&name, Some(usages))? {
            Some(entry) => entry,
            None => {
                let request = NewSigningKey {
                    spec: new.signing_spec,
                    usages,
                    name: Some(name),
                };
                self.generate_signing_key(caller, request).await?
            }
        };
        signing_half(&entry)
    }

    /// The oldest key of this name that has these usages, or is for encryption, and is not retired; its private half must
    /// be here.
    fn key_named(
        &self,
        name: &KeyName,
        usages: Option<KeyUsages>,
    ) -> Result<Option<Arc<KeyEntry>>, VaultError> {
        let purpose = usages.map_or(KeyPurpose::Encryption, |_signing| KeyPurpose::Signing);
        // One that was rotated out has its name still, and signs for nothing any more.
        let is_retired = |entry: &KeyEntry| {
            let private = entry.private.as_ref();
            private.is_some_and(|private| private.state == KeyState::Retired)
        };
        let fits = |entry: &KeyEntry| match (entry.usages(), usages) {
            // A key for something else would be announced, and then be of no use. One whose private half is lost may have
            // been the node's, whatever its public half was imported for.
            (Some(has), Some(wanted)) => {
                entry.private.is_none() || wanted.iter().all(|usage| has.contains(usage))
            }
            (has, wanted) => has.is_none() && wanted.is_none(),
        };
        let entries = self.directory().entries();
        let found = entries
            .into_iter()
            .filter(|entry| entry.name.as_ref() == Some(name) && !is_retired(entry) && fits(entry))
            .min_by_key(|entry| (entry.created_at, entry.fingerprint()));
        match found {
            Some(entry) if entry.private.is_none() => Err(VaultError::PrivateKeyLost {
                fingerprint: entry.fingerprint(),
                purpose,
                name: name.as_str().to_owned(),
            }),
            found => Ok(found),
        }
    }
}

fn signing_half(entry: &KeyEntry) -> Result<SigningPublicKey, VaultError> {
    match &entry.public {
        PublicKey::Signing(key) => Ok(key.clone()),
        PublicKey::Encryption(_) => Err(VaultError::WrongPurpose {
            fingerprint: entry.fingerprint(),
            wanted: KeyPurpose::Signing,
        }),
    }
}

fn key_name(new: &NewIdentity, suffix: &str) -> Result<KeyName, VaultError> {
    Ok(KeyName::try_new(format!("{}-{suffix}", new.node))?)
}

/// A node is complete with a signing key, a participant with an encryption key as well.
fn is_complete(member: &Member, mapping: &OwnerToKeyMapping) -> bool {
    mapping.signing_keys().next().is_some()
        && (member.code != MemberCode::Participant || mapping.encryption_keys().next().is_some())
}
