//! What there is to say about the tag.

use super::{ConfiguredTag, TagFailure, configured::Found};
use crate::{
    environment::Environment, error::VaultError, operations::open::AnchorRule, settings::Settings,
    vault::Vault,
};

/// The tag of an open vault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnchorTag {
    /// The configured name of the KMS.
    pub kms: String,
    /// The wrapper key that has the tag; none: the KMS has no wrap of the vault, and nothing is anchored there.
    pub wrapper_key_id: Option<String>,
    /// The generation of the vault.
    pub generation: u64,
    /// The generation that the tag remembers, as this process read or wrote it last; none: no tag.
    pub remembered: Option<u64>,
    /// Why it was not written last time; none: it was, or did not have to be.
    pub failure: Option<TagFailure>,
}

/// A tag as it stands in its KMS, for whoever has not opened the vault. Nothing of it was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredTag {
    /// The configured name of the KMS.
    pub kms: String,
    /// The wrapper key, by the store.
    pub wrapper_key_id: Option<String>,
    /// The generation that it remembers; none: there is no tag.
    pub generation: Option<u64>,
}

impl Vault {
    /// What is known of the tag that is the vault's anchor, without asking anybody; none if none is configured.
    pub async fn anchor_tag(&self) -> Option<AnchorTag> {
        let keeper = self.tag()?;
        let generation = self.committed().lock().await.state.generation;
        let (plan, written, failure) = keeper.standing();
        Some(AnchorTag {
            kms: keeper.kms.clone(),
            wrapper_key_id: plan.map(|plan| plan.key),
            generation,
            remembered: written.map(|record| record.generation),
            failure,
        })
    }

    /// Writes the newest checkpoint into the tag now, if there is a tag and it is older. A task of the vault does this by itself
    /// from time to time, and so does [`Vault::close`].
    ///
    /// # Errors
    /// [`AnchorTagError`](crate::AnchorTagError): the tag is as it was, or the answer was lost.
    pub async fn write_anchor_tag(&self) -> Result<(), VaultError> {
        match self.tag() {
            Some(keeper) => Ok(keeper.write().await?),
            None => Ok(()),
        }
    }

    /// Reads the tag of the vault in the store, without opening the vault; none if none is configured. One call of the KMS.
    ///
    /// # Errors
    /// [`VaultError::NotInitialized`]; [`AnchorTagError`](crate::AnchorTagError); errors of the store.
    pub async fn read_anchor_tag(
        environment: &Environment,
        settings: &Settings,
    ) -> Result<Option<StoredTag>, VaultError> {
        let Some(configured) = ConfiguredTag::of(environment, settings)? else {
            return Ok(None);
        };
        let looked = configured.look(environment, AnchorRule::Enforce).await?;
        Ok(Some(StoredTag {
            kms: configured.kms,
            wrapper_key_id: looked.seat,
            generation: match looked.found {
                Found::Record(record) => Some(record.generation),
                Found::Nothing | Found::NotKnown => None,
            },
        }))
    }
}
