//! The tag of a vault that is made, or restored from a backup.

use std::sync::Arc;

use super::{ConfiguredTag, DataKeySet, Keeper, TagRecord, half, mark_of, seat};
use crate::{
    data_keys::OpenedDataKey,
    error::{AnchorTagError, VaultError},
    state::VaultState,
    vault::Vault,
};

/// A tag before there is a vault, or a vault again.
pub(crate) struct TagBefore {
    keeper: Arc<Keeper>,
    key: String,
    found: Option<TagRecord>,
    /// The set of the vault's data key.
    data_keys: DataKeySet,
}

impl TagBefore {
    /// The tag for a vault that is being made: none if another KMS than `kms` wraps its data key.
    ///
    /// # Errors
    /// [`VaultError::RolledBack`] when the tag remembers the vault from a time when it was there.
    pub(crate) async fn of_new(
        configured: &ConfiguredTag,
        vault: strongroom_store::VaultId,
        (kms, wrapper_key_id): (&str, &str),
        data_key: &OpenedDataKey,
    ) -> Result<Option<Self>, VaultError> {
        if configured.kms != kms {
            tracing::warn!(
                kms = configured.kms,
                "the anchor is a tag in a KMS that has no wrap of the vault: nothing is anchored there"
            );
            return Ok(None);
        }
        let keeper = configured.keeper(vault);
        let found = keeper.read(wrapper_key_id).await?;
        match found {
            Some(record) if record.generation > 0 => Err(VaultError::RolledBack {
                remembered: record.generation,
                found: 0,
            }),
            // A creation that was interrupted before its commit.
            found => Ok(Some(Self {
                keeper,
                key: wrapper_key_id.to_owned(),
                found,
                data_keys: DataKeySet::one(vault, mark_of(data_key)),
            })),
        }
    }

    /// The tag for a vault that is being restored, held against its backup: none if the KMS has no wrap of it.
    ///
    /// # Errors
    /// [`VaultError::BackupOlder`] unless that is accepted; [`AnchorTagError::OtherDataKey`], which nobody may overrule but an
    /// anchor that knows the data key (`vouched`).
    pub(crate) async fn of_restored(
        configured: &ConfiguredTag,
        isolated: &Vault,
        state: &VaultState,
        (accept_older, vouched): (bool, bool),
    ) -> Result<Option<Self>, VaultError> {
        let vault = isolated.id();
        let data_keys = isolated.data_keys();
        let current = data_keys.current();
        let wraps = isolated.wrap_records().all();
        let Some(key) = seat(&configured.kms, &wraps, current.id) else {
            return Ok(None);
        };
        let keeper = configured.keeper(vault);
        let found = keeper.read(&key).await?;
        let before = Self {
            keeper,
            key,
            found,
            data_keys: DataKeySet::one(vault, mark_of(current)),
        };
        let Some(record) = &before.found else {
            return Ok(Some(before));
        };
        if !before.accepts(isolated, record) && !vouched {
            let other = AnchorTagError::OtherDataKey {
                kms: configured.kms.clone(),
                wrapper_key_id: before.key,
            };
            return Err(other.into());
        }
        let here = half(&state.checkpoint_tag(vault, current));
        let is_latest = record.generation == state.generation && record.checkpoint == here;
        if record.generation >= state.generation && !is_latest && !accept_older {
            return Err(VaultError::BackupOlder {
                remembered: record.generation,
                found: state.generation,
            });
        }
        Ok(Some(before))
    }

    fn accepts(&self, isolated: &Vault, record: &TagRecord) -> bool {
        let data_keys = isolated.data_keys();
        isolated.accepted_by(record, &data_keys).is_some()
    }

    /// The generation that the tag remembered; none if there was no tag.
    pub(crate) fn remembered(&self) -> Option<u64> {
        self.found.as_ref().map(|record| record.generation)
    }

    /// Before the commit that makes the vault: lets the tag name its data key, so that the vault may count on it.
    pub(crate) async fn prepare(&self) -> Result<(), AnchorTagError> {
        let generation = self.remembered().unwrap_or_default();
        let first = TagRecord::first(generation, self.data_keys);
        let named = self.found.as_ref();
        if named.is_some_and(|record| record.data_keys == self.data_keys) {
            return Ok(());
        }
        self.keeper.replace(&self.key, first).await
    }

    /// The keeper of the tag.
    pub(crate) fn into_keeper(self) -> Arc<Keeper> {
        self.keeper
    }
}
