//! Rotating the keys of a node.
//!
//! First every new key is generated and durable, together with a journal of what replaces what. Then, key by key: the
//! new key is announced beside the old one, it becomes effective, the old one is withdrawn, and it is retired. Where a
//! rotation stands is read off the journal and the announced mapping, so that it goes on after any crash. Source:
//! reference, topology rules, section 9.

mod name;

use std::{collections::BTreeMap, sync::Arc};

use strongroom_crypto::{Fingerprint, KeyName};
use strongroom_store::KeyState;
use strongroom_topology::{At, Mapping, Member, OwnerToKeyMapping, StoreId};

use super::authorize::Proposal;
use crate::{
    audit::AuditOperation, caller::Caller, directory::KeyEntry, error::VaultError, node::Rotation,
    operations::generate::Generated, unit::Unit, vault::Vault,
};

/// Which keys of the node shall be rotated.
#[derive(Clone, Debug)]
pub enum Rotate {
    /// Every announced key.
    All,
    /// One of them.
    One {
        /// The key that leaves.
        old: Fingerprint,
        /// The name of its successor; none derives it from the old one's.
        name: Option<KeyName>,
    },
}

/// A key that leaves.
struct Outgoing {
    key: Arc<KeyEntry>,
    /// The name of its successor.
    successor: Option<KeyName>,
}

/// What one step of a rotation did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RotationStep {
    /// The new key is announced beside the old one.
    Announced(Rotation),
    /// Nothing, because synchronizers that this vault follows have not caught up.
    Waiting {
        /// The rotation that waits.
        rotation: Rotation,
        /// The stores that still announce something else.
        stores: Vec<StoreId>,
    },
    /// Only the new key is announced.
    Withdrawn(Rotation),
    /// The old key is retired, the rotation over.
    Retired(Rotation),
}

impl Vault {
    /// Begins rotations: generates the new keys, all in one unit of work, of the old ones' spec and usages, in
    /// the custody that the settings choose.
    /// Announcing them is up to [`Vault::advance_rotation`].
    ///
    /// # Errors
    /// [`VaultError::NotIdentified`]; [`VaultError::RotationUnderWay`] before the last one is over;
    /// [`VaultError::PermanentKey`] and [`VaultError::NotAnnounced`] for keys that are no node keys;
    /// [`VaultError::NoPrivateKey`]; errors of the store, and then nothing has begun.
    pub async fn begin_rotation(
        &self,
        caller: &Caller,
        which: Rotate,
    ) -> Result<Vec<Rotation>, VaultError> {
        let identity = self.identity().ok_or(VaultError::NotIdentified)?;
        if let Some(rotation) = self.rotations().into_iter().next() {
            return Err(VaultError::RotationUnderWay { old: rotation.old });
        }
        let member = identity.member;
        let announced = self.announced(&member).await?;
        let mut generated = Vec::new();
        for Outgoing {
            key: old,
            successor,
        } in self.keys_to_rotate(&member, announced.as_ref(), which)?
        {
            let custody = &self.settings().custody;
            let custody = old
                .usages()
                .map_or(custody.encryption, |usages| custody.for_signing(usages));
            let key = self
                .generate_sealed(old.spec(), old.usages(), successor, custody)
                .await?;
            generated.push((old.fingerprint(), key));
        }
        let mut unit = Unit::begin(self).await?;
        if let Some(rotation) = self.rotations().into_iter().next() {
            return Err(VaultError::RotationUnderWay { old: rotation.old });
        }
        for (position, (old, key)) in (0..).zip(generated) {
            self.begin_one(caller, &mut unit, &member, position, old, key)
                .await?;
        }
        unit.commit().await?;
        Ok(self.rotations())
    }

    async fn begin_one(
        &self,
        caller: &Caller,
        unit: &mut Unit<'_>,
        member: &Member,
        position: u32,
        old: Fingerprint,
        key: Generated,
    ) -> Result<(), VaultError> {
        let entry = unit.keep(caller, key).await?;
        let new = entry.fingerprint();
        unit.begin_rotation(member, old, new, position).await?;
        let details = [("new".to_owned(), new.to_string())].into();
        unit.audit(caller, AuditOperation::BeginRotation, Some(old), details)
            .await
    }

    /// The keys that are announced and shall be rotated, each with the name of its successor.
    fn keys_to_rotate(
        &self,
        member: &Member,
        announced: Option<&OwnerToKeyMapping>,
        which: Rotate,
    ) -> Result<Vec<Outgoing>, VaultError> {
        let keys = announced.map_or(&[][..], OwnerToKeyMapping::keys);
        let wanted: Vec<(Fingerprint, Option<KeyName>)> = match which {
            Rotate::All => keys.iter().map(|key| (key.fingerprint(), None)).collect(),
            Rotate::One { old, name } => {
                if !keys.iter().any(|key| key.fingerprint() == old) {
                    return Err(not_announced(member, old));
                }
                vec![(old, name)]
            }
        };
        let mut old_keys = Vec::with_capacity(wanted.len());
        for (fingerprint, name) in wanted {
            let entry = self.key(&fingerprint)?;
            if entry.private.is_none() {
                return Err(VaultError::NoPrivateKey { fingerprint });
            }
            let name = match name {
                Some(name) => Some(name),
                None => name::of_successor(entry.name.as_ref(), self.now())?,
            };
            old_keys.push(Outgoing {
                key: entry,
                successor: name,
            });
        }
        Ok(old_keys)
    }

    /// Does the next step of the rotations under way, durably; none when there are none.
    ///
    /// Call it until it answers none, or until it waits: then let the vault see what the synchronizers have sequenced
    /// ([`Vault::add_sequenced`]) and go on.
    ///
    /// # Errors
    /// [`VaultError::RotationStale`] when somebody changed the mapping past the rotation; errors of signing and storing.
    pub async fn advance_rotation(
        &self,
        caller: &Caller,
    ) -> Result<Option<RotationStep>, VaultError> {
        let Some(rotation) = self.rotations().into_iter().next() else {
            return Ok(None);
        };
        let stale = || VaultError::RotationStale {
            old: rotation.old,
            new: rotation.new,
        };
        let mapping = self.announced(&rotation.member).await?.ok_or_else(stale)?;
        let has = |key: &Fingerprint| mapping.keys().iter().any(|k| k.fingerprint() == *key);
        let step = match (has(&rotation.old), has(&rotation.new)) {
            (true, false) => {
                let new = self.key(&rotation.new)?.public.clone();
                self.announce_keys(caller, mapping.with_key(new)?).await?;
                RotationStep::Announced(rotation)
            }
            (true, true) => {
                if let Some(waiting) = self.waiting(&rotation, Announces::New).await? {
                    return Ok(Some(waiting));
                }
                let remaining = mapping.without_key(&rotation.old)?.ok_or_else(stale)?;
                self.announce_keys(caller, remaining).await?;
                RotationStep::Withdrawn(rotation)
            }
            (false, true) => {
                if let Some(waiting) = self.waiting(&rotation, Announces::NotOld).await? {
                    return Ok(Some(waiting));
                }
                self.retire_rotated(caller, &rotation).await?;
                RotationStep::Retired(rotation)
            }
            (false, false) => return Err(stale()),
        };
        Ok(Some(step))
    }

    async fn announce_keys(
        &self,
        caller: &Caller,
        mapping: OwnerToKeyMapping,
    ) -> Result<(), VaultError> {
        let proposal = Proposal::announce(Mapping::OwnerToKeyMapping(mapping));
        self.authorize(caller, &StoreId::Authorized, proposal)
            .await?;
        Ok(())
    }

    /// Which followed synchronizers announce this node and do not yet say what they should.
    async fn waiting(
        &self,
        rotation: &Rotation,
        expected: Announces,
    ) -> Result<Option<RotationStep>, VaultError> {
        let mut stores = Vec::new();
        for id in self.topology_stores().await? {
            if !matches!(id, StoreId::Synchronizer(_)) {
                continue;
            }
            let store = self.topology(&id).await?;
            // Effective, not merely sequenced: until then others neither verify with the new key nor encrypt to it.
            let mapping = store.owner_to_key(&rotation.member, At::Time(self.now()));
            if mapping.is_some_and(|mapping| !expected.holds(mapping, rotation)) {
                stores.push(id);
            }
        }
        Ok((!stores.is_empty()).then(|| RotationStep::Waiting {
            rotation: rotation.clone(),
            stores,
        }))
    }

    async fn retire_rotated(&self, caller: &Caller, rotation: &Rotation) -> Result<(), VaultError> {
        let mut unit = Unit::begin(self).await?;
        let entry = self.key(&rotation.old)?;
        let is_active = entry
            .private
            .as_ref()
            .is_some_and(|private| private.state == KeyState::Active);
        if is_active {
            unit.replace_private_row(&entry, |record| record.state = KeyState::Retired)
                .await?;
        }
        unit.end_rotation(rotation).await?;
        let details = [("new".to_owned(), rotation.new.to_string())].into();
        unit.audit(
            caller,
            AuditOperation::RetireKey,
            Some(rotation.old),
            details,
        )
        .await?;
        unit.commit().await
    }

    /// Gives up every rotation under way. Keys and announcements stay as they are: a new key that was announced stays
    /// announced beside the old one.
    ///
    /// # Errors
    /// Errors of the store, and then they are still under way.
    pub async fn abandon_rotations(&self, caller: &Caller) -> Result<Vec<Rotation>, VaultError> {
        let mut unit = Unit::begin(self).await?;
        let rotations = self.rotations();
        for rotation in &rotations {
            unit.end_rotation(rotation).await?;
            let details = BTreeMap::from([("new".to_owned(), rotation.new.to_string())]);
            unit.audit(
                caller,
                AuditOperation::AbandonRotation,
                Some(rotation.old),
                details,
            )
            .await?;
        }
        if rotations.is_empty() {
            return Ok(rotations);
        }
        unit.commit().await?;
        Ok(rotations)
    }
}

/// What a followed synchronizer must announce before a rotation goes on.
#[derive(Clone, Copy)]
enum Announces {
    New,
    NotOld,
}

impl Announces {
    fn holds(self, mapping: &OwnerToKeyMapping, rotation: &Rotation) -> bool {
        let has = |key: &Fingerprint| mapping.keys().iter().any(|k| k.fingerprint() == *key);
        match self {
            Self::New => has(&rotation.new),
            Self::NotOld => !has(&rotation.old),
        }
    }
}

fn not_announced(member: &Member, key: Fingerprint) -> VaultError {
    if member.uid.namespace().fingerprint() == Some(key) {
        VaultError::PermanentKey { fingerprint: key }
    } else {
        VaultError::NotAnnounced { fingerprint: key }
    }
}
