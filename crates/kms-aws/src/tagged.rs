//! Finding a key again whose maker was interrupted.

use async_trait::async_trait;
use aws_sdk_kms::types::Tag;
use strongroom_kms::{KeyFinder, KeyWrapper, KmsError, KmsKeyId, KmsOperation};

use crate::{
    provider::{AwsKms, invalid},
    refusal::Refusal,
};

const OPERATION: KmsOperation = KmsOperation::WrapperKeyState;

#[async_trait]
impl KeyFinder for AwsKms {
    /// Asks for the tags of one key after the other, since AWS has no other way: for whoever goes on after a crash, not for
    /// every day.
    async fn find_wrapper_key(
        &self,
        name: &str,
        value: &str,
    ) -> Result<Option<KmsKeyId>, KmsError> {
        let mut pages = self.client.list_keys().into_paginator().items().send();
        while let Some(entry) = pages.next().await {
            let entry =
                entry.map_err(|error| Refusal::of(OPERATION, error).without_key(OPERATION))?;
            let id = entry
                .key_id
                .ok_or_else(|| invalid(OPERATION, "AWS lists a key without an id"))?;
            let id = KmsKeyId::try_new(id)?;
            if self.has_tag(&id, name, value).await? && self.is_usable_wrapper(&id).await? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

impl AwsKms {
    /// Keys of others, and those of AWS itself, do not show us their tags: they are not ours.
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
                        KmsError::Denied { .. } | KmsError::KeyNotFound { .. } => Ok(false),
                        error => Err(error),
                    };
                }
            }
        }
        Ok(false)
    }

    async fn is_usable_wrapper(&self, key: &KmsKeyId) -> Result<bool, KmsError> {
        match self.wrapper_key_state(key).await {
            Ok(state) => Ok(state.is_usable()),
            Err(KmsError::WrongPurpose { .. } | KmsError::KeyNotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
