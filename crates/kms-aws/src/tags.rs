//! AWS KMS as a keeper of tags. Replicas of a key in other regions have tags of their own.

use async_trait::async_trait;
use aws_sdk_kms::types::Tag;
use strongroom_kms::{KeyTags, KmsError, KmsKeyId, KmsOperation, check_tag};

use crate::{provider::AwsKms, refusal::Refusal};

#[async_trait]
impl KeyTags for AwsKms {
    async fn tag(&self, key: &KmsKeyId, name: &str) -> Result<Option<String>, KmsError> {
        let id = self.taggable(KmsOperation::ReadTag, key).await?;
        let request = self.client.list_resource_tags().key_id(id);
        let mut tags = request.into_paginator().items().send();
        while let Some(tag) = tags.next().await {
            match tag {
                Ok(tag) if tag.tag_key == name => return Ok(Some(tag.tag_value)),
                Ok(_other) => {}
                Err(error) => {
                    let refusal = Refusal::of(KmsOperation::ReadTag, error);
                    return Err(self.explain(refusal, KmsOperation::ReadTag, key).await);
                }
            }
        }
        Ok(None)
    }

    async fn set_tag(&self, key: &KmsKeyId, name: &str, value: &str) -> Result<(), KmsError> {
        let operation = KmsOperation::SetTag;
        check_tag("aws", name, value)?;
        let tag = Tag::builder().tag_key(name).tag_value(value).build();
        let tag = tag.map_err(|error| KmsError::answer_invalid(operation, error))?;
        let id = self.taggable(operation, key).await?;
        let request = self.client.tag_resource().key_id(id).tags(tag);
        match request.send().await {
            Ok(_done) => Ok(()),
            Err(error) => {
                let refusal = Refusal::of(operation, error);
                Err(self.explain(refusal, operation, key).await)
            }
        }
    }
}

impl AwsKms {
    /// The id of a key by which AWS finds its tags: there, an alias names nothing.
    async fn taggable(&self, operation: KmsOperation, key: &KmsKeyId) -> Result<String, KmsError> {
        let id = key.as_str();
        if id.starts_with("alias/") || id.contains(":alias/") {
            Ok(self.describe(operation, key).await?.key_id)
        } else {
            Ok(id.to_owned())
        }
    }
}
