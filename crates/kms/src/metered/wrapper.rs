//! Counts the calls to a [`KeyWrapper`].

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_memory::SecretBytes;

use super::Counters;
use crate::error::KmsError;
use crate::key_id::KmsKeyId;
use crate::key_state::KeyState;
use crate::key_wrapper::{KeyWrapper, WrappedKey, WrapperKeyRequest};
use crate::operation::KmsOperation;
use crate::wrap_context::WrapContext;

#[derive(Debug)]
pub(super) struct MeteredWrapper {
    pub(super) inner: Arc<dyn KeyWrapper>,
    pub(super) counters: Arc<Counters>,
}

#[async_trait]
impl KeyWrapper for MeteredWrapper {
    async fn generate_wrapper_key(
        &self,
        request: &WrapperKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let call = self.inner.generate_wrapper_key(request);
        self.counters
            .count(KmsOperation::GenerateWrapperKey, call)
            .await
    }

    async fn wrapper_key_state(&self, wrapper_key: &KmsKeyId) -> Result<KeyState, KmsError> {
        let call = self.inner.wrapper_key_state(wrapper_key);
        self.counters
            .count(KmsOperation::WrapperKeyState, call)
            .await
    }

    async fn wrap_key(
        &self,
        wrapper_key: &KmsKeyId,
        context: &WrapContext,
        key: &SecretBytes,
    ) -> Result<WrappedKey, KmsError> {
        let call = self.inner.wrap_key(wrapper_key, context, key);
        self.counters.count(KmsOperation::WrapKey, call).await
    }

    async fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
    ) -> Result<SecretBytes, KmsError> {
        let call = self.inner.unwrap_key(wrapped, context);
        self.counters.count(KmsOperation::UnwrapKey, call).await
    }

    async fn rewrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
        new_wrapper_key: &KmsKeyId,
    ) -> Result<WrappedKey, KmsError> {
        let call = self.inner.rewrap_key(wrapped, context, new_wrapper_key);
        self.counters.count(KmsOperation::RewrapKey, call).await
    }
}
