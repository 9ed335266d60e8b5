//! A bad line to a [`KeyWrapper`].

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_kms::{
    KeyState, KeyWrapper, KmsError, KmsKeyId, KmsOperation, WrapContext, WrappedKey,
    WrapperKeyRequest,
};
use strongroom_memory::SecretBytes;

use super::Line;

#[derive(Debug)]
pub(super) struct FlakyWrapper {
    pub(super) inner: Arc<dyn KeyWrapper>,
    pub(super) line: Line,
}

#[async_trait]
impl KeyWrapper for FlakyWrapper {
    async fn generate_wrapper_key(
        &self,
        request: &WrapperKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let call = self.inner.generate_wrapper_key(request);
        self.line.call(KmsOperation::GenerateWrapperKey, call).await
    }

    async fn wrapper_key_state(&self, wrapper_key: &KmsKeyId) -> Result<KeyState, KmsError> {
        let call = self.inner.wrapper_key_state(wrapper_key);
        self.line.call(KmsOperation::WrapperKeyState, call).await
    }

    async fn wrap_key(
        &self,
        wrapper_key: &KmsKeyId,
        context: &WrapContext,
        key: &SecretBytes,
    ) -> Result<WrappedKey, KmsError> {
        let call = self.inner.wrap_key(wrapper_key, context, key);
        self.line.call(KmsOperation::WrapKey, call).await
    }

    async fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
    ) -> Result<SecretBytes, KmsError> {
        let call = self.inner.unwrap_key(wrapped, context);
        self.line.call(KmsOperation::UnwrapKey, call).await
    }

    async fn rewrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
        new_wrapper_key: &KmsKeyId,
    ) -> Result<WrappedKey, KmsError> {
        let call = self.inner.rewrap_key(wrapped, context, new_wrapper_key);
        self.line.call(KmsOperation::RewrapKey, call).await
    }
}
