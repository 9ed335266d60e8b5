//! Rotating the keys of a node.
//!
//! First every new key is generated and durable, together with a journal of what replaces what. Then, key by key: the
//! new key is announced beside the old one, it becomes effective, the old one is withdrawn, and it is retired. Where a
//! rotation stands is read off the journal and the announced mapping, so that it goes on after any crash. Source:
//! reference, topology rules, section 9.

pub(crate) mod begin;
pub(crate) mod name;

use std::collections::{BTreeMap, BTreeSet};

use strongroom_store::KeyState;
use strongroom_topology::{
    At, Mapping, Member, OwnerToKeyMapping, StoreId, TopologyError, TopologyStore,
};

use super::{
    announce::{check_room, is_node_key},
    authorize::Proposal,
};
use crate::{
    audit::AuditOperation, caller::Caller, error::VaultError, node::Rotation, recall::safe_point,
    topology::TopologyTurn, unit::Unit, vault::Vault,
};

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
    /// Does the next step of the rotations under way, durably; none when there are none.
    ///
    /// Call it until it answers none, or until it waits: then let the vault see what the synchronizers have sequenced
    /// ([`Vault::add_sequenced`]) and go on. Stores in `not_waiting_for` are passed over: one of a synchronizer that the
    /// node left, or that was made by a mistyped name, never catches up.
    ///
    /// # Errors
    /// [`VaultError::RotationStale`] when somebody changed the mapping past the rotation; [`VaultError::KeyRetired`] when
    /// somebody retired the new key, so that the rotation can only be given up ([`Vault::abandon_rotations`]);
    /// [`TopologyError::StoreNotFound`] for a store in `not_waiting_for` that there is none of; errors of signing and storing.
    pub async fn advance_rotation(
        &self,
        caller: &Caller,
        not_waiting_for: &BTreeSet<StoreId>,
    ) -> Result<Option<RotationStep>, VaultError> {
        safe_point()?;
        // Held from the look at topology to the end of the step: two callers do two steps.
        let turn = TopologyTurn::begin(self).await?;
        self.try_settle().await?;
        check_known(&turn, not_waiting_for)?;
        let Some(rotation) = self.rotations().into_iter().next() else {
            return Ok(None);
        };
        let stale = || VaultError::RotationStale {
            old: rotation.old,
            new: rotation.new,
        };
        let mapping = turn.owner_to_key(&rotation.member)?.cloned();
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
            let new = self.usable_key(&rotation.new)?;
            self.announce_keys(caller, turn, mapping.with_key(new)?)
                .await?;
            return Ok(Some(RotationStep::Announced(rotation)));
        };
        let mut stores = self.not_yet(&turn, &rotation, expected);
        stores.retain(|store| !not_waiting_for.contains(store));
        if !stores.is_empty() {
            return Ok(Some(RotationStep::Waiting { rotation, stores }));
        }
        Ok(Some(match expected {
            Announces::New => {
                // It may have been retired since it was announced, and then nobody would do the old one's work.
                self.usable_key(&rotation.new)?;
                let remaining = mapping.without_key(&rotation.old)?.ok_or_else(stale)?;
                self.announce_keys(caller, turn, remaining).await?;
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
        turn: TopologyTurn<'_>,
        mapping: OwnerToKeyMapping,
    ) -> Result<(), VaultError> {
        let proposal = Proposal::announce(Mapping::OwnerToKeyMapping(mapping));
        self.authorize_in(caller, turn, &StoreId::Authorized, proposal)
            .await?;
        Ok(())
    }

    /// Which followed synchronizers announce this node and do not yet say what they should.
    fn not_yet(
        &self,
        turn: &TopologyTurn<'_>,
        rotation: &Rotation,
        expected: Announces,
    ) -> Vec<StoreId> {
        // Effective, not merely sequenced: until then others neither verify with the new key nor encrypt to it.
        let now = At::Time(self.now());
        let followed = turn
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
        self.retire_old(caller, &mut unit, rotation).await?;
        unit.end_rotation(rotation).await?;
        unit.commit().await
    }

    async fn retire_old(
        &self,
        caller: &Caller,
        unit: &mut Unit<'_>,
        rotation: &Rotation,
    ) -> Result<(), VaultError> {
        let entry = self.key(&rotation.old)?;
        // A key that was lost has nothing to retire.
        let is_active = entry
            .private
            .as_ref()
            .is_some_and(|private| private.state == KeyState::Active);
        if is_active {
            unit.retire(&entry).await?;
        }
        let details = [("new".to_owned(), rotation.new.to_string())].into();
        let (operation, key) = (AuditOperation::RetireKey, Some(rotation.old));
        unit.audit(caller, operation, key, details).await
    }

    /// Gives up every rotation under way. Keys and announcements stay as they are: a new key that was announced stays
    /// announced beside the old one, until one of them is withdrawn ([`Vault::withdraw_key`]). An old key that is withdrawn
    /// already is retired: nobody waits for its signatures, and nothing else would ever keep it from signing.
    ///
    /// # Errors
    /// Errors of the store, and then they are still under way.
    pub async fn abandon_rotations(&self, caller: &Caller) -> Result<Vec<Rotation>, VaultError> {
        // Held, so that nobody advances meanwhile: whoever does may have looked already, and wait for a KMS.
        let turn = TopologyTurn::begin(self).await?;
        let store = turn.store(&StoreId::Authorized)?;
        let is_withdrawn =
            |rotation: &Rotation| match store.owner_to_key(&rotation.member, At::Head) {
                Some(mapping) => !mapping.contains(&rotation.old),
                // Whoever removed the whole announcement has withdrawn nothing; the rotation may have done so before.
                None => last_announced(store, &rotation.member).is_some_and(|mapping| {
                    mapping.contains(&rotation.new) && !mapping.contains(&rotation.old)
                }),
            };
        let mut unit = Unit::begin(self).await?;
        let rotations = self.rotations();
        for rotation in &rotations {
            if is_withdrawn(rotation) {
                self.retire_old(caller, &mut unit, rotation).await?;
            }
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

/// The last keys that a node announced, whether or not it still does.
fn last_announced<'a>(store: &'a TopologyStore, member: &Member) -> Option<&'a OwnerToKeyMapping> {
    let mut rows = store.rows().iter().rev().filter(|row| row.is_accepted());
    rows.find_map(|row| match row.stated()? {
        Mapping::OwnerToKeyMapping(mapping) if mapping.member() == member => Some(mapping),
        _ => None,
    })
}

/// A mistyped store would be waited for after all, and nobody be told why.
fn check_known(turn: &TopologyTurn<'_>, stores: &BTreeSet<StoreId>) -> Result<(), VaultError> {
    let is_known = |store: &StoreId| turn.stores().any(|(id, _)| id == store);
    match stores.iter().find(|store| !is_known(store)) {
        Some(store) => Err(TopologyError::StoreNotFound {
            store: store.clone(),
        }
        .into()),
        None => Ok(()),
    }
}
