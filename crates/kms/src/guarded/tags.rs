//! Sends the calls to [`KeyTags`] through a policy.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Line, Policy, Subject};
use crate::error::KmsError;
use crate::key_id::KmsKeyId;
use crate::key_tags::KeyTags;
use crate::operation::KmsOperation;

#[derive(Debug)]
pub(super) struct GuardedTags<P> {
    pub(super) inner: Arc<dyn KeyTags>,
    pub(super) line: Line<P>,
}

fn on(key: &KmsKeyId) -> Subject {
    Subject {
        key: Some(key.clone()),
        ..Subject::default()
    }
}

#[async_trait]
impl<P: Policy> KeyTags for GuardedTags<P> {
    async fn tag(&self, key: &KmsKeyId, name: &str) -> Result<Option<String>, KmsError> {
        let send = |_| self.inner.tag(key, name);
        self.line.call(KmsOperation::ReadTag, on(key), &send).await
    }

    async fn set_tag(&self, key: &KmsKeyId, name: &str, value: &str) -> Result<(), KmsError> {
        let send = |_| self.inner.set_tag(key, name, value);
        self.line.call(KmsOperation::SetTag, on(key), &send).await
    }
}
