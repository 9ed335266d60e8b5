//! The tag of a vault that is made, or restored from a backup.

use std::sync::Arc;

use super::{ConfiguredTag, DataKeyMark, DataKeySet, Keeper, TagRecord, half, mark_of, seat};
use strongroom_store::VaultId;

use crate::{
    data_keys::OpenedDataKey,
    error::{AnchorTagError, VaultError},
    operations::backup::restore::OlderState,
    state::VaultState,
    vault::Vault,
};

/// A tag before there is a vault, or a vault again.
pub(crate) struct TagBefore {
    keeper: Arc<Keeper>,
    key: String,
    remembered: Option<u64>,
    /// What it must say before there is a vault; none if that is what it says.
    first: Option<TagRecord>,
}

impl TagBefore {
    /// The tag for a vault that is being made: none if another KMS than `kms` wraps its data key.
    ///
    /// # Errors
    /// [`VaultError::RolledBack`] when the tag remembers the vault from a time when it was there.
    pub(crate) async fn of_new(
        configured: &ConfiguredTag,
        vault: VaultId,
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
        let first = TagRecord::first(0, DataKeySet::one(vault, mark_of(data_key)));
        match found {
            Some(record) if record.generation > 0 => Err(VaultError::RolledBack {
                remembered: record.generation,
                found: 0,
            }),
            // A creation that was interrupted before its commit.
            found => Ok(Some(Self {
                keeper,
                key: wrapper_key_id.to_owned(),
                remembered: found.map(|record| record.generation),
                first: (found != Some(first)).then_some(first),
            })),
        }
    }

    /// The tag for a vault that is being restored, held against its backup: none if the KMS has no wrap of it.
    ///
    /// # Errors
    /// [`VaultError::BackupOlder`] unless that is accepted; [`AnchorTagError::OtherDataKey`], which nobody may overrule but an
    /// anchor, which knows the data key, and these (`known`).
    pub(crate) async fn of_restored(
        configured: &ConfiguredTag,
        isolated: &Vault,
        state: &VaultState,
        older: OlderState,
        known: Option<&[DataKeyMark]>,
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
        let own = mark_of(current);
        let Some(record) = found else {
            return Ok(Some(Self {
                keeper,
                key,
                remembered: None,
                first: Some(TagRecord::first(0, DataKeySet::one(vault, own))),
            }));
        };
        let is_named = isolated
            .accepted_by(&record, &data_keys, known.unwrap_or_default())
            .is_some();
        let first = match known {
            _ if is_named => None,
            Some(known) => Some(naming_too(vault, own, known, record)),
            None => {
                let other = AnchorTagError::OtherDataKey {
                    kms: configured.kms.clone(),
                    wrapper_key_id: key,
                };
                return Err(other.into());
            }
        };
        let here = half(&state.checkpoint_tag(vault, current));
        let is_latest = record.generation == state.generation && record.checkpoint == here;
        if record.generation >= state.generation && !is_latest && older == OlderState::Refuse {
            return Err(VaultError::BackupOlder {
                remembered: record.generation,
                found: state.generation,
            });
        }
        Ok(Some(Self {
            keeper,
            key,
            remembered: Some(record.generation),
            first,
        }))
    }

    /// The generation that the tag remembered; none if there was no tag.
    pub(crate) const fn remembered(&self) -> Option<u64> {
        self.remembered
    }

    /// Before the commit that makes the vault: lets the tag name its data key, so that the vault may count on it. What the tag
    /// remembers stays: there may be no commit.
    pub(crate) async fn prepare(&self) -> Result<(), AnchorTagError> {
        match self.first {
            Some(first) => self.keeper.replace(&self.key, first).await,
            None => Ok(()),
        }
    }

    /// The keeper of the tag.
    pub(crate) fn into_keeper(self) -> Arc<Keeper> {
        self.keeper
    }
}

/// What the tag says, and that `own` is a data key of the vault as well: the one that it names, if it is among those that are
/// known, belongs to a vault that may still be there.
fn naming_too(
    vault: VaultId,
    own: DataKeyMark,
    known: &[DataKeyMark],
    record: TagRecord,
) -> TagRecord {
    let mut known = known.iter();
    let named = known.find(|other| DataKeySet::one(vault, **other) == record.data_keys);
    let data_keys = match named {
        Some(other) => DataKeySet::two(vault, own, *other),
        None => DataKeySet::one(vault, own),
    };
    TagRecord {
        data_keys,
        ..record
    }
}
