//! What an administrator does with keys, beside what the vault asks for.

use std::sync::Arc;

use strongroom_crypto::{KeyName, Timestamp};
use strongroom_kms::{KmsError, KmsKeyId, KmsOperation};

use super::{LocalKms, new_key_id};
use crate::error::LocalKmsError;
use crate::keyring::{Key, KeyKind, Material, StoredState, Version};

/// A deletion can be scheduled this many days ahead, as with AWS KMS.
const SHORTEST_WAIT_DAYS: u32 = 7;
const LONGEST_WAIT_DAYS: u32 = 30;

const MICROS_PER_DAY: i64 = 24 * 60 * 60 * 1_000_000;

impl LocalKms {
    /// Gives a wrapper key a new version, which wraps from now on; older wraps still open. The new number is returned.
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`], [`KmsError::KeyDisabled`], [`KmsError::KeyPendingDeletion`],
    /// [`KmsError::WrongPurpose`] for an external key, [`KmsError::Provider`] when the file cannot be written.
    pub fn rotate_wrapper_key_version(&self, wrapper_key: &KmsKeyId) -> Result<i32, KmsError> {
        self.change(|keyring, now| {
            keyring
                .usable(wrapper_key, now)?
                .require(KeyKind::Wrapper, KmsOperation::WrapKey)?;
            let key = keyring.known_mut(wrapper_key, now)?;
            let number = key.current.number.saturating_add(1);
            let version = self.new_version(KeyKind::Wrapper, number, now)?;
            key.former
                .push(std::mem::replace(&mut key.current, version));
            Ok(number)
        })
    }

    /// Switches a key off until [`Self::enable_key`].
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`], [`KmsError::KeyPendingDeletion`], [`KmsError::Provider`] when the file cannot be written.
    pub fn disable_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        self.switch(key, StoredState::Disabled)
    }

    /// Switches a key on again.
    ///
    /// # Errors
    /// As [`Self::disable_key`].
    pub fn enable_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        self.switch(key, StoredState::Enabled)
    }

    /// Schedules the destruction of a key in 7 to 30 days; until then it can be cancelled, but not be used. The time of
    /// its destruction is returned.
    ///
    /// When the time has come, the key is gone for good: nothing shows it any more, and the next change of the file (or
    /// [`Self::purge_deleted_keys`]) leaves it out. A key whose deletion is scheduled already keeps its time.
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`], [`KmsError::Provider`] with `KMS_LOCAL_DELETION_WINDOW_INVALID` or when the file cannot
    /// be written.
    pub fn schedule_deletion(&self, key: &KmsKeyId, days: u32) -> Result<Timestamp, KmsError> {
        if !(SHORTEST_WAIT_DAYS..=LONGEST_WAIT_DAYS).contains(&days) {
            let (min, max) = (SHORTEST_WAIT_DAYS, LONGEST_WAIT_DAYS);
            return Err(LocalKmsError::DeletionWindowInvalid { days, min, max }.into());
        }
        self.change(|keyring, now| {
            let key = keyring.known_mut(key, now)?;
            if let StoredState::PendingDeletion { at } = key.state {
                return Ok(at);
            }
            let wait = i64::from(days) * MICROS_PER_DAY;
            let at = Timestamp::from_micros(now.as_micros().saturating_add(wait));
            key.state = StoredState::PendingDeletion { at };
            Ok(at)
        })
    }

    /// Keeps a key whose deletion is scheduled. It is disabled then, until somebody enables it on purpose.
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`], also when its time has come; [`KmsError::Provider`] with
    /// `KMS_LOCAL_NOT_PENDING_DELETION` or when the file cannot be written.
    pub fn cancel_deletion(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        self.change(|keyring, now| {
            let key = keyring.known_mut(key, now)?;
            let StoredState::PendingDeletion { .. } = key.state else {
                return Err(LocalKmsError::NotPendingDeletion { id: key.id.clone() }.into());
            };
            key.state = StoredState::Disabled;
            Ok(())
        })
    }

    /// Takes the keys out of the file whose time of deletion has come.
    ///
    /// Every other change does it too; opening the file does not, so that a wrong clock alone destroys nothing.
    ///
    /// # Errors
    /// [`KmsError::Provider`] when the file cannot be written.
    pub fn purge_deleted_keys(&self) -> Result<(), KmsError> {
        self.change(|_keyring, _now| Ok(()))
    }

    fn switch(&self, id: &KmsKeyId, state: StoredState) -> Result<(), KmsError> {
        self.change(|keyring, now| {
            let key = keyring.known_mut(id, now)?;
            if let StoredState::PendingDeletion { .. } = key.state {
                return Err(KmsError::KeyPendingDeletion { id: id.clone() });
            }
            key.state = state;
            Ok(())
        })
    }

    /// Makes a key and keeps it.
    pub(super) fn add_key(
        &self,
        kind: KeyKind,
        label: Option<KeyName>,
        tags: Vec<(String, String)>,
    ) -> Result<KmsKeyId, KmsError> {
        // Made before anything is locked: an RSA key takes its time.
        let material = Material::generate(kind, &*self.shared.random)?;
        self.keep_key(material, label, tags)
    }

    /// Keeps a key of this material.
    pub(super) fn keep_key(
        &self,
        material: Material,
        label: Option<KeyName>,
        tags: Vec<(String, String)>,
    ) -> Result<KmsKeyId, KmsError> {
        let id = new_key_id(&*self.shared.random)?;
        let created_at = self.now();
        let kind = material.kind();
        let current = Arc::new(Version {
            number: 1,
            created_at,
            material,
        });
        let state = StoredState::Enabled;
        let key = Key {
            id: id.clone(),
            kind,
            label,
            tags,
            state,
            created_at,
            current,
            former: Vec::new(),
        };
        self.change(|keyring, _now| {
            keyring.insert(key);
            Ok(id)
        })
    }

    fn new_version(
        &self,
        kind: KeyKind,
        number: i32,
        created_at: Timestamp,
    ) -> Result<Arc<Version>, KmsError> {
        let material = Material::generate(kind, &*self.shared.random)?;
        Ok(Arc::new(Version {
            number,
            created_at,
            material,
        }))
    }
}
