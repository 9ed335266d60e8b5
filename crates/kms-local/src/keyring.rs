//! The keys of a key file, in memory.

use std::collections::BTreeMap;

use strongroom_crypto::Timestamp;
use strongroom_kms::{KmsError, KmsKeyId};

mod key;
mod material;

pub use key::LocalKey;
pub(crate) use key::{Key, StoredState, Version};
pub(crate) use material::Material;
pub use strongroom_kms::KeyKind;

/// All keys of a key file. Cloning shares the secrets: a change is made on a clone, written, and only then shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keyring {
    keys: BTreeMap<KmsKeyId, Key>,
}

impl Keyring {
    /// The key, whatever its state. One whose time of deletion has come is gone, whether or not the file still has it.
    pub(crate) fn known(&self, id: &KmsKeyId, now: Timestamp) -> Result<&Key, KmsError> {
        self.keys
            .get(id)
            .filter(|key| !key.is_gone(now))
            .ok_or_else(|| KmsError::KeyNotFound { id: id.clone() })
    }

    /// The key, if its state allows using it.
    pub(crate) fn usable(&self, id: &KmsKeyId, now: Timestamp) -> Result<&Key, KmsError> {
        let key = self.known(id, now)?;
        match key.state {
            StoredState::Enabled => Ok(key),
            StoredState::Disabled => Err(KmsError::KeyDisabled { id: id.clone() }),
            StoredState::PendingDeletion { .. } => {
                Err(KmsError::KeyPendingDeletion { id: id.clone() })
            }
        }
    }

    /// The key, to be changed.
    pub(crate) fn known_mut(
        &mut self,
        id: &KmsKeyId,
        now: Timestamp,
    ) -> Result<&mut Key, KmsError> {
        self.keys
            .get_mut(id)
            .filter(|key| !key.is_gone(now))
            .ok_or_else(|| KmsError::KeyNotFound { id: id.clone() })
    }

    /// Adds a new key. Ids are random: none comes twice.
    pub(crate) fn insert(&mut self, key: Key) {
        self.keys.insert(key.id.clone(), key);
    }

    /// Forgets the keys whose time of deletion has come.
    pub(crate) fn drop_gone(&mut self, now: Timestamp) {
        self.keys.retain(|_, key| !key.is_gone(now));
    }

    /// All keys in the order of their ids, also those that are gone but not dropped yet.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Key> {
        self.keys.values()
    }

    /// The keys that are there now.
    pub(crate) fn present(&self, now: Timestamp) -> impl Iterator<Item = &Key> {
        self.iter().filter(move |key| !key.is_gone(now))
    }
}
