//! What the vault knows of the node whose keys it keeps: who it is, and which of its keys are being rotated.

use parking_lot::RwLock;
use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_store::{DataKeyId, IdentityRecord, RotationRecord};
use strongroom_topology::Member;
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    data_keys::{DataKeys, OpenedDataKey},
    error::VaultError,
    rows::{self, Tag},
};

/// The node that this vault keeps the keys of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Identity {
    /// The node, by its permanent name.
    pub member: Member,
    /// When the vault became this node's.
    pub created_at: Timestamp,
    pub(crate) tag: Tag,
    /// The data key that the row is tagged under.
    pub(crate) data_key: DataKeyId,
}

/// A rotation of one node key, begun and not finished: the new key is in the vault, and topology is on its way.
#[derive(Clone, Debug)]
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
    /// The data key that the row is tagged under.
    pub(crate) data_key: DataKeyId,
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
            data_key: record.data_key_id,
        })
    }

    /// The row under this data key, without its tag.
    pub(crate) fn record(&self, data_key: DataKeyId) -> IdentityRecord {
        IdentityRecord {
            member: self.member.to_string(),
            created_at: self.created_at,
            data_key_id: data_key,
            mac: [0; 32],
        }
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
            data_key: record.data_key_id,
        })
    }

    /// The row under this data key, without its tag.
    pub(crate) fn record(&self, data_key: DataKeyId) -> RotationRecord {
        RotationRecord {
            old: self.old,
            new: self.new,
            member: self.member.to_string(),
            position: self.position,
            created_at: self.created_at,
            data_key_id: data_key,
            mac: [0; 32],
        }
    }

    pub(crate) fn element(&self, current: &OpenedDataKey) -> Tag {
        current.element(&self.tag)
    }
}

/// Equal if they say the same, under whichever data key.
impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        (&self.member, self.created_at) == (&other.member, other.created_at)
    }
}

impl Eq for Identity {}

/// Equal if they say the same, under whichever data key: whoever works on a rotation need not hear that its row has moved.
impl PartialEq for Rotation {
    fn eq(&self, other: &Self) -> bool {
        let said = |it: &Self| (it.old, it.new, it.position, it.created_at);
        said(self) == said(other) && self.member == other.member
    }
}

impl Eq for Rotation {}

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

    pub(crate) fn replace(&self, rotation: Rotation) {
        let rotations = &mut self.state.write().rotations;
        if let Some(known) = rotations.iter_mut().find(|known| known.old == rotation.old) {
            *known = rotation;
        }
    }

    pub(crate) fn end(&self, old: &Fingerprint) {
        self.state
            .write()
            .rotations
            .retain(|rotation| rotation.old != *old);
    }
}
