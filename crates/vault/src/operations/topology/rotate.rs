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
    operations::generate::Generated, topology::TopologyWriter, unit::Unit, vault::Vault,
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
        // Held until the journal is written, so that nobody withdraws an old key meanwhile.
        let topology = TopologyWriter::begin(self).await?;
        let mut unit = Unit::begin(self).await?;
        if let Some(rotation) = self.rotations().into_iter().next() {
            return Err(VaultError::RotationUnderWay { old: rotation.old });
        }
        let announced = topology.owner_to_key(&member)?;
        let is_announced = |key| announced.is_some_and(|mapping| mapping.contains(key));
        if let Some((gone, _)) = generated.iter().find(|(old, _)| !is_announced(old)) {
            return Err(not_announced(&member, *gone));
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
                if !announced.is_some_and(|mapping| mapping.contains(&old)) {
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
        // Held from the look at topology to the end of the step: two callers do two steps.
        let writer = TopologyWriter::begin(self).await?;
        self.try_settle().await?;
        let Some(rotation) = self.rotations().into_iter().next() else {
            return Ok(None);
        };
        let stale = || VaultError::RotationStale {
            old: rotation.old,
            new: rotation.new,
        };
        let mapping = writer.owner_to_key(&rotation.member)?.cloned();
        let mapping = mapping.ok_or_else(stale)?;
        let waits_for = match (
            mapping.contains(&rotation.old),
            mapping.contains(&rotation.new),
        ) {
            (true, false) => None,
            (true, true) => Some(Announces::New),
            (false, true) => Some(Announces::NotOld),
            (false, false) => return Err(stale()),
        };
        let Some(expected) = waits_for else {
            let new = self.key(&rotation.new)?.public.clone();
            self.announce_keys(caller, writer, mapping.with_key(new)?)
                .await?;
            return Ok(Some(RotationStep::Announced(rotation)));
        };
        let stores = self.not_yet(&writer, &rotation, expected);
        if !stores.is_empty() {
            return Ok(Some(RotationStep::Waiting { rotation, stores }));
        }
        Ok(Some(match expected {
            Announces::New => {
                let remaining = mapping.without_key(&rotation.old)?.ok_or_else(stale)?;
                self.announce_keys(caller, writer, remaining).await?;
                RotationStep::Withdrawn(rotation)
            }
            Announces::NotOld => {
                self.retire_rotated(caller, &rotation).await?;
                RotationStep::Retired(rotation)
            }
        }))
    }

    async fn announce_keys(
        &self,
        caller: &Caller,
        writer: TopologyWriter<'_>,
        mapping: OwnerToKeyMapping,
    ) -> Result<(), VaultError> {
        let proposal = Proposal::announce(Mapping::OwnerToKeyMapping(mapping));
        self.authorize_in(caller, writer, &StoreId::Authorized, proposal)
            .await?;
        Ok(())
    }

    /// Which followed synchronizers announce this node and do not yet say what they should.
    fn not_yet(
        &self,
        writer: &TopologyWriter<'_>,
        rotation: &Rotation,
        expected: Announces,
    ) -> Vec<StoreId> {
        // Effective, not merely sequenced: until then others neither verify with the new key nor encrypt to it.
        let now = At::Time(self.now());
        let followed = writer
            .stores()
            .filter(|(id, _)| matches!(id, StoreId::Synchronizer(_)));
        let late = followed.filter(|(_, store)| {
            let mapping = store.owner_to_key(&rotation.member, now);
            mapping.is_some_and(|mapping| !expected.holds(mapping, rotation))
        });
        late.map(|(id, _)| id.clone()).collect()
    }

    async fn retire_rotated(&self, caller: &Caller, rotation: &Rotation) -> Result<(), VaultError> {
        let mut unit = Unit::begin(self).await?;
        if !self.rotations().contains(rotation) {
            // A commit of which nobody had heard has done it: beginning the unit found out.
            return Ok(());
        }
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
        let _nobody_advances = self.still_topology().await;
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
        match self {
            Self::New => mapping.contains(&rotation.new),
            Self::NotOld => !mapping.contains(&rotation.old),
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
