//! A key of one region as it was at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_crypto::Timestamp;

use super::error::KeyError;
use super::family::{Rotation, RotationPlan, Version};
use super::spec::KeySpec;

/// Whether a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    Enabled,
    Disabled,
    /// Its material is to be imported, and is not here.
    PendingImport,
    /// It is gone at this time.
    PendingDeletion {
        at: Timestamp,
    },
    /// A primary key that is to be deleted, but whose replicas are still there; its days begin when they are gone.
    PendingReplicaDeletion {
        days: u32,
    },
}

/// A key of one region as it was at one moment, with all that is needed to use it.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) region: String,
    pub(crate) spec: KeySpec,
    pub(crate) state: KeyState,
    pub(crate) description: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created_at: Timestamp,
    /// The primary's region, and those of the replicas; none for a key of one region.
    pub(crate) regions: Option<(String, Vec<String>)>,
    /// Whether its material comes from elsewhere.
    pub(crate) external: bool,
    pub(crate) plan: Option<RotationPlan>,
    /// Oldest first.
    pub(crate) rotations: Vec<Rotation>,
    pub(crate) current: Arc<Version>,
    pub(super) former: Vec<Arc<Version>>,
}

impl Key {
    /// The key, if its state allows using it.
    pub(crate) fn usable(self) -> Result<Self, KeyError> {
        match self.state {
            KeyState::Enabled => Ok(self),
            KeyState::Disabled => Err(KeyError::Disabled),
            KeyState::PendingImport => Err(KeyError::PendingImport),
            KeyState::PendingDeletion { .. } | KeyState::PendingReplicaDeletion { .. } => {
                Err(KeyError::PendingDeletion)
            }
        }
    }

    /// Whether there is something to compute with.
    pub(crate) fn has_material(&self) -> bool {
        !self.current.is_awaited()
    }

    /// The public half as DER SPKI; none for a symmetric key.
    pub(crate) fn spki(&self) -> Result<Option<Vec<u8>>, KeyError> {
        self.current.material.spki()
    }

    /// The version that came into force with a rotation, or was there first.
    pub(crate) fn version(&self, number: u32) -> Option<&Arc<Version>> {
        std::iter::once(&self.current)
            .chain(&self.former)
            .find(|version| version.number == number)
    }
}
