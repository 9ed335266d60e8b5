//! Announcing one more key of the node, and taking one back.

use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages, PublicKey};
use strongroom_store::KeyState;
use strongroom_topology::{MAX_KEYS, Mapping, Member, MemberCode, OwnerToKeyMapping, StoreId};

use super::authorize::Proposal;
use crate::{
    audit::AuditOperation,
    caller::Caller,
    error::{AnnouncementError, VaultError},
    topology::TopologyTurn,
    vault::Vault,
};

/// What a node signs with its announced keys. That a key proves its own possession is no work of its own.
const WORK: [KeyUsage; 2] = [KeyUsage::Protocol, KeyUsage::SequencerAuthentication];

impl Vault {
    /// Announces a key of this vault as one of the node's, behind the others: from then on it is the one in use for its
    /// purpose. Returns what is announced now.
    ///
    /// # Errors
    /// [`VaultError::NotIdentified`]; [`VaultError::KeyNotFound`], [`VaultError::NoPrivateKey`] and
    /// [`VaultError::KeyRetired`] for a key that could not be used; [`VaultError::RotationUnderWay`] for one that a rotation
    /// announces or withdraws; [`AnnouncementError::AlreadyAnnounced`]; [`AnnouncementError::NotANodeKey`];
    /// [`AnnouncementError::TooManyAnnounced`]; [`VaultError::NoNamespaceSigner`]; errors of signing and of the store, and then
    /// nothing has changed.
    pub async fn announce_key(
        &self,
        caller: &Caller,
        fingerprint: &Fingerprint,
    ) -> Result<OwnerToKeyMapping, VaultError> {
        let (turn, member) = self.begin_announcing(fingerprint).await?;
        let key = self.usable_key(fingerprint)?;
        let announced = turn.owner_to_key(&member)?;
        if announced.is_some_and(|mapping| mapping.contains(fingerprint)) {
            return Err(AnnouncementError::AlreadyAnnounced {
                fingerprint: *fingerprint,
            }
            .into());
        }
        if !is_node_key(&key) {
            return Err(AnnouncementError::NotANodeKey {
                fingerprint: *fingerprint,
            }
            .into());
        }
        check_room(announced)?;
        let next = match announced {
            Some(mapping) => mapping.with_key(key)?,
            None => OwnerToKeyMapping::try_new(member, vec![key])?,
        };
        self.announce_in(caller, turn, next, AuditOperation::AnnounceKey, fingerprint)
            .await
    }

    /// Takes one of the node's announced keys back. The key itself stays as it is, and may be one that was lost. Returns
    /// what is announced now.
    ///
    /// # Errors
    /// [`VaultError::NotIdentified`]; [`VaultError::PermanentKey`], [`AnnouncementError::NotAnnounced`] and
    /// [`AnnouncementError::NotAnnouncedHere`] for what is no announced key of the node; [`VaultError::RotationUnderWay`] for one
    /// that a rotation announces or withdraws; [`AnnouncementError::LastAnnounced`] when no other could do its work;
    /// [`VaultError::NoNamespaceSigner`]; errors of signing and of the store, and then nothing has changed.
    pub async fn withdraw_key(
        &self,
        caller: &Caller,
        fingerprint: &Fingerprint,
    ) -> Result<OwnerToKeyMapping, VaultError> {
        let (turn, member) = self.begin_announcing(fingerprint).await?;
        let not_announced = || self.not_announced(&member, *fingerprint);
        let announced = turn.owner_to_key(&member)?.ok_or_else(not_announced)?;
        let mut keys = announced.keys().iter();
        let key = keys
            .find(|key| key.fingerprint() == *fingerprint)
            .ok_or_else(not_announced)?;
        let last = |wanted| {
            VaultError::from(AnnouncementError::LastAnnounced {
                fingerprint: *fingerprint,
                wanted,
            })
        };
        if let Some(work) = self.left_undone(announced, key) {
            return Err(last(work));
        }
        let remaining = announced.without_key(fingerprint)?;
        let remaining = remaining.ok_or_else(|| last("anything"))?;
        self.announce_in(
            caller,
            turn,
            remaining,
            AuditOperation::WithdrawKey,
            fingerprint,
        )
        .await
    }

    /// The right to change what the node announces, unless a rotation holds the key.
    async fn begin_announcing(
        &self,
        fingerprint: &Fingerprint,
    ) -> Result<(TopologyTurn<'_>, Member), VaultError> {
        let turn = TopologyTurn::begin(self).await?;
        self.try_settle().await?;
        let member = self.identity().ok_or(VaultError::NotIdentified)?.member;
        let mut rotations = self.rotations().into_iter();
        if let Some(rotation) = rotations.find(|it| [it.old, it.new].contains(fingerprint)) {
            return Err(VaultError::RotationUnderWay { old: rotation.old });
        }
        Ok((turn, member))
    }

    /// A key whose private half is here and may be used.
    pub(crate) fn usable_key(&self, fingerprint: &Fingerprint) -> Result<PublicKey, VaultError> {
        let (entry, fingerprint) = (self.key(fingerprint)?, *fingerprint);
        match &entry.private {
            None => Err(VaultError::NoPrivateKey { fingerprint }),
            Some(private) if private.state == KeyState::Retired => {
                Err(VaultError::KeyRetired { fingerprint })
            }
            Some(_) => Ok(entry.public.clone()),
        }
    }

    /// What nobody would do any more without `key`. Whoever lost the private half of a key does nothing with it.
    fn left_undone(&self, announced: &OwnerToKeyMapping, key: &PublicKey) -> Option<&'static str> {
        let leaves = key.fingerprint();
        let is_missed = self.may_sign(&leaves);
        let others = announced.keys().iter().filter(|other| {
            let other = other.fingerprint();
            other != leaves && (!is_missed || self.may_sign(&other))
        });
        let others: Vec<_> = others.collect();
        match key.usages() {
            Some(usages) => {
                let mut work = WORK.into_iter().filter(|work| usages.contains(*work));
                let is_done = |work| {
                    let mut usages = others.iter().filter_map(|other| other.usages());
                    usages.any(|usages| usages.contains(work))
                };
                work.find(|work| !is_done(*work)).map(KeyUsage::label)
            }
            None if announced.member().code != MemberCode::Participant => None,
            None => {
                let mut others = others.iter();
                (!others.any(|other| other.usages().is_none())).then_some("encryption")
            }
        }
    }

    async fn announce_in(
        &self,
        caller: &Caller,
        turn: TopologyTurn<'_>,
        mapping: OwnerToKeyMapping,
        operation: AuditOperation,
        key: &Fingerprint,
    ) -> Result<OwnerToKeyMapping, VaultError> {
        self.check_can_announce(turn.store(&StoreId::Authorized)?, mapping.member())?;
        let proposal = Proposal::announce(Mapping::OwnerToKeyMapping(mapping.clone()));
        let signed = self
            .build_and_sign(&turn, &StoreId::Authorized, &proposal)
            .await?;
        let record = (operation, Some(*key));
        self.add_signed(caller, turn, &StoreId::Authorized, signed, record)
            .await?;
        Ok(mapping)
    }
}

/// Refuses one more key beside as many as may be.
pub(super) fn check_room(announced: Option<&OwnerToKeyMapping>) -> Result<(), VaultError> {
    match announced {
        Some(mapping) if mapping.keys().len() >= MAX_KEYS => {
            Err(AnnouncementError::TooManyAnnounced { limit: MAX_KEYS }.into())
        }
        _ => Ok(()),
    }
}

/// Whether a node could use such a key for anything.
pub(super) fn is_node_key(key: &PublicKey) -> bool {
    let does_work = |usages: KeyUsages| usages.intersects(KeyUsages::any_of(&WORK));
    key.usages().is_none_or(does_work)
}
