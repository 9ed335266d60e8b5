//! The KMS whose tags are the anchor, before it is known which wrapper key has the tag.

use std::sync::Arc;

use strongroom_kms::KeyTags;
use strongroom_store::VaultId;

use super::{Keeper, TagRecord, seat};
use crate::{
    environment::Environment,
    error::{AnchorTagError, VaultError},
    operations::open::AnchorRule,
    settings::Settings,
};

/// The KMS whose tags are the anchor.
#[derive(Debug)]
pub(crate) struct ConfiguredTag {
    pub(crate) kms: String,
    tags: Arc<dyn KeyTags>,
}

/// What the tag said when somebody began to open the vault.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) keeper: Arc<Keeper>,
    /// The wrapper key by the store, which nobody has authenticated yet; none: the KMS has no wrap.
    pub(crate) seat: Option<String>,
    pub(crate) found: Found,
}

/// What was read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    Record(TagRecord),
    /// The key has no such tag.
    Nothing,
    /// It could not be read, and whoever accepts the state goes on.
    NotKnown,
}

impl ConfiguredTag {
    /// None if the settings name no KMS.
    ///
    /// # Errors
    /// [`AnchorTagError::Unsupported`] if that KMS is not there or keeps no tags.
    pub(crate) fn of(
        environment: &Environment,
        settings: &Settings,
    ) -> Result<Option<Self>, AnchorTagError> {
        let Some(configured) = &settings.anchor_tag else {
            return Ok(None);
        };
        let mut all = environment.kms.iter();
        let named = all.find(|named| named.name == configured.kms);
        let tags = named.and_then(|named| named.provider.key_tags());
        let kms = configured.kms.clone();
        match tags {
            Some(tags) => Ok(Some(Self { kms, tags })),
            None => Err(AnchorTagError::Unsupported { kms }),
        }
    }

    /// The keeper of the tag of this vault.
    pub(crate) fn keeper(&self, vault: VaultId) -> Arc<Keeper> {
        Arc::new(Keeper::new(&self.kms, Arc::clone(&self.tags), vault))
    }

    /// Reads the tag, before anything else of the store is read: a tag that another process writes meanwhile may be newer than
    /// what we read before, and is never newer than what we read after.
    pub(crate) async fn look(
        &self,
        environment: &Environment,
        rule: AnchorRule,
    ) -> Result<Looked, VaultError> {
        let mut snapshot = environment.store.read().await?;
        let vault = snapshot.vault().await?.ok_or(VaultError::NotInitialized)?;
        let wraps = snapshot.wraps(vault.current_data_key).await?;
        drop(snapshot);
        let keeper = self.keeper(vault.id);
        let seat = seat(&self.kms, &wraps, vault.current_data_key);
        let found = match &seat {
            None => Found::Nothing,
            Some(key) => match keeper.read(key).await {
                Ok(found) => found.map_or(Found::Nothing, Found::Record),
                Err(error) if rule == AnchorRule::Accept => {
                    tracing::warn!(
                        kms = self.kms,
                        error = &error as &dyn std::error::Error,
                        "the tag of the anchor is not known; the state is accepted without it"
                    );
                    Found::NotKnown
                }
                Err(error) => return Err(error.into()),
            },
        };
        Ok(Looked {
            keeper,
            seat,
            found,
        })
    }
}
