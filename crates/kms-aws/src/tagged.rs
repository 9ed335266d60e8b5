//! Finding a key again whose maker was interrupted.

use async_trait::async_trait;
use aws_sdk_kms::types::Tag;
use strongroom_kms::{FoundKey, KeyFinder, KmsError, KmsKeyId, KmsOperation};

use crate::{
    provider::{AwsKms, state},
    refusal::Refusal,
    specs,
};

/// The operation of a KMS that comes nearest.
const OPERATION: KmsOperation = KmsOperation::KeyState;

#[async_trait]
impl KeyFinder for AwsKms {
    /// Asks for the tags of one key after the other, since AWS has no other way. Keys that nothing here uses are left out.
    async fn find_keys(&self, name: &str, value: &str) -> Result<Vec<FoundKey>, KmsError> {
        let mut pages = self.client.list_keys().into_paginator().items().send();
        let mut found = Vec::new();
        let (mut seen, mut hidden) = (false, None);
        while let Some(entry) = pages.next().await {
            let entry =
                entry.map_err(|error| Refusal::of(OPERATION, error).without_key(OPERATION))?;
            let id = entry.key_id.ok_or_else(|| {
                KmsError::answer_invalid(OPERATION, "AWS lists a key without an id")
            })?;
            let id = KmsKeyId::try_new(id)?;
            match self.has_tag(&id, name, value).await {
                Ok(is_it) => {
                    seen = true;
                    if is_it {
                        found.extend(self.found(id).await?);
                    }
                }
                // Keys of others do not show us their tags: they are not ours.
                Err(denied @ KmsError::Denied { .. }) => hidden = Some(denied),
                Err(error) => return Err(error),
            }
        }
        match hidden {
            // Nothing was looked at: that nothing was found would mean nothing.
            Some(denied) if !seen => Err(denied),
            _ => Ok(found),
        }
    }
}

impl AwsKms {
    async fn has_tag(&self, key: &KmsKeyId, name: &str, value: &str) -> Result<bool, KmsError> {
        let request = self.client.list_resource_tags().key_id(key.as_str());
        let mut tags = request.into_paginator().items().send();
        let is_it = |tag: &Tag| tag.tag_key == name && tag.tag_value == value;
        while let Some(tag) = tags.next().await {
            match tag {
                Ok(tag) if is_it(&tag) => return Ok(true),
                Ok(_other) => {}
                Err(error) => {
                    return match Refusal::of(OPERATION, error).about(OPERATION, key) {
                        KmsError::KeyNotFound { .. } => Ok(false),
                        error => Err(error),
                    };
                }
            }
        }
        Ok(false)
    }

    async fn found(&self, id: KmsKeyId) -> Result<Option<FoundKey>, KmsError> {
        let known = match self.describe(OPERATION, &id).await {
            Ok(known) => known,
            Err(KmsError::KeyNotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let state = state(&known)?;
        Ok(specs::kind(&known).map(|kind| FoundKey { id, kind, state }))
    }
}
