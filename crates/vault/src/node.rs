//! What the vault knows of the node whose keys it keeps: who it is, and which of its keys are being rotated.

use parking_lot::RwLock;
use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_store::{IdentityRecord, RotationRecord};
use strongroom_topology::Member;
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    data_keys::{DataKeys, OpenedDataKey},
    error::VaultError,
    rows::{self, Tag},
};

/// The node that this vault keeps the keys of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The node, by its permanent name.
    pub member: Member,
    /// When the vault became this node's.
    pub created_at: Timestamp,
    pub(crate) tag: Tag,
}

/// A rotation of one node key, begun and not finished: the new key is in the vault, and topology is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotation {
    /// The key that leaves.
    pub old: Fingerprint,
    /// The key that takes its place.
    pub new: Fingerprint,
    /// The node that both belong to.
    pub member: Member,
    /// Rotations are done one after the other, in this order.
    pub position: u32,
    /// When the new key was generated.
    pub created_at: Timestamp,
    pub(crate) tag: Tag,
}

impl Identity {
    /// Reads a row, if it is authentic.
    pub(crate) fn authentic(
        record: &IdentityRecord,
        data_keys: &DataKeys,
    ) -> Result<Self, VaultError> {
        let tag = rows::tag_identity(record, data_keys)?;
        rows::check_tag(&tag, &record.mac, rows::IDENTITY, &record.member)?;
        Ok(Self {
            member: member(&record.member, rows::IDENTITY)?,
            created_at: record.created_at,
            tag,
        })
    }

    pub(crate) fn element(&self, current: &OpenedDataKey) -> Tag {
        current.element(&self.tag)
    }
}

impl Rotation {
    /// Reads a row, if it is authentic.
    pub(crate) fn authentic(
        record: &RotationRecord,
        data_keys: &DataKeys,
    ) -> Result<Self, VaultError> {
        let tag = rows::tag_rotation(record, data_keys)?;
        rows::check_tag(&tag, &record.mac, rows::ROTATIONS, &record.old)?;
        Ok(Self {
            old: record.old,
            new: record.new,
            member: member(&record.member, rows::ROTATIONS)?,
            position: record.position,
            created_at: record.created_at,
            tag,
        })
    }

    pub(crate) fn element(&self, current: &OpenedDataKey) -> Tag {
        current.element(&self.tag)
    }
}

/// The row's tag was checked, so only a later version of ours writes a member that this one cannot read.
fn member(text: &str, table: &'static str) -> Result<Member, VaultError> {
    text.parse()
        .map_err(|_unreadable| rows::not_authentic(table, &text))
}

/// The node, as of the last commit.
#[derive(Debug, Default)]
pub(crate) struct Node {
    state: RwLock<State>,
    /// Whoever makes the identity: it takes several units of work.
    turn: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    identity: Option<Identity>,
    /// In the order of their positions.
    rotations: Vec<Rotation>,
}

impl Node {
    pub(crate) fn new(identity: Option<Identity>, rotations: Vec<Rotation>) -> Self {
        let state = State {
            identity,
            rotations,
        };
        Self {
            state: RwLock::new(state),
            turn: Mutex::default(),
        }
    }

    /// Waits until nobody else makes the identity.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    pub(crate) fn identity(&self) -> Option<Identity> {
        self.state.read().identity.clone()
    }

    pub(crate) fn rotations(&self) -> Vec<Rotation> {
        self.state.read().rotations.clone()
    }

    pub(crate) fn identify(&self, identity: Identity) {
        self.state.write().identity = Some(identity);
    }

    pub(crate) fn begin(&self, rotation: Rotation) {
        let rotations = &mut self.state.write().rotations;
        rotations.push(rotation);
        rotations.sort_by_key(|rotation| rotation.position);
    }

    pub(crate) fn end(&self, old: &Fingerprint) {
        self.state
            .write()
            .rotations
            .retain(|rotation| rotation.old != *old);
    }
}
