//! One key with its versions.

use std::sync::Arc;

use strongroom_crypto::{KeyName, Timestamp};
use strongroom_kms::{KeyKind, KeyState, KmsError, KmsKeyId, KmsOperation};

use super::material::Material;

/// What a list of keys shows about one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalKey {
    /// Its id.
    pub id: KmsKeyId,
    /// What it is for.
    pub kind: KeyKind,
    /// Its name for people.
    pub label: Option<KeyName>,
    /// Name and value, as given when it was made.
    pub tags: Vec<(String, String)>,
    /// What may be done with it now.
    pub state: KeyState,
    /// When it will be destroyed, if that is scheduled.
    pub deletion_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The version that wraps now; counts from 1 and grows with each rotation.
    pub version: i32,
}

/// The state of a key as the file keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoredState {
    Enabled,
    Disabled,
    PendingDeletion { at: Timestamp },
}

/// One key of the key file.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: KmsKeyId,
    pub(crate) kind: KeyKind,
    pub(crate) label: Option<KeyName>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) state: StoredState,
    pub(crate) created_at: Timestamp,
    /// The version in force.
    pub(crate) current: Arc<Version>,
    /// Versions that only unwrap, oldest first; external keys have none.
    pub(crate) former: Vec<Arc<Version>>,
}

/// One generation of a key's material.
#[derive(Debug)]
pub(crate) struct Version {
    /// Counts from 1.
    pub(crate) number: i32,
    pub(crate) created_at: Timestamp,
    pub(crate) material: Material,
}

impl Key {
    /// Whether its time of deletion has come.
    pub(crate) fn is_gone(&self, now: Timestamp) -> bool {
        matches!(self.state, StoredState::PendingDeletion { at } if at <= now)
    }

    /// Oldest first, the one in force last.
    pub(crate) fn versions(&self) -> impl ExactSizeIterator<Item = &Arc<Version>> {
        let count = self.former.len() + 1;
        (0..count).map(|index| self.former.get(index).unwrap_or(&self.current))
    }

    pub(crate) fn version(&self, number: i32) -> Option<&Arc<Version>> {
        self.versions().find(|version| version.number == number)
    }

    pub(crate) fn require(&self, kind: KeyKind, operation: KmsOperation) -> Result<(), KmsError> {
        if self.kind == kind {
            Ok(())
        } else {
            Err(self.wrong_purpose(operation))
        }
    }

    pub(crate) fn wrong_purpose(&self, operation: KmsOperation) -> KmsError {
        KmsError::WrongPurpose {
            id: self.id.clone(),
            operation,
        }
    }

    pub(crate) fn key_state(&self) -> KeyState {
        match self.state {
            StoredState::Enabled => KeyState::Enabled,
            StoredState::Disabled => KeyState::Disabled,
            StoredState::PendingDeletion { .. } => KeyState::PendingDeletion,
        }
    }

    pub(crate) fn listed(&self) -> LocalKey {
        let Self {
            id,
            kind,
            label,
            tags,
            state,
            created_at,
            current,
            former: _,
        } = self;
        let deletion_at = match state {
            StoredState::PendingDeletion { at } => Some(*at),
            StoredState::Enabled | StoredState::Disabled => None,
        };
        LocalKey {
            id: id.clone(),
            kind: *kind,
            label: label.clone(),
            tags: tags.clone(),
            state: self.key_state(),
            deletion_at,
            created_at: *created_at,
            version: current.number,
        }
    }
}
