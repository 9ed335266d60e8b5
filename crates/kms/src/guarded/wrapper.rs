//! Sends the calls to a [`KeyWrapper`] through a policy.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_crypto::Timestamp;
use strongroom_memory::SecretBytes;

use super::{Line, Policy, Subject};
use crate::error::KmsError;
use crate::key_id::KmsKeyId;
use crate::key_state::KeyState;
use crate::key_wrapper::{KeyWrapper, WrappedKey, WrapperKeyRequest};
use crate::operation::KmsOperation;
use crate::provider::KmsHealth;
use crate::wrap_context::WrapContext;

#[derive(Debug)]
pub(super) struct GuardedWrapper<P> {
    pub(super) inner: Arc<dyn KeyWrapper>,
    pub(super) line: Line<P>,
}

fn on(key: &KmsKeyId) -> Subject {
    Subject {
        key: Some(key.clone()),
        ..Subject::default()
    }
}

#[async_trait]
impl<P: Policy> KeyWrapper for GuardedWrapper<P> {
    async fn generate_wrapper_key(
        &self,
        request: &WrapperKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let send = |_| self.inner.generate_wrapper_key(request);
        let operation = KmsOperation::GenerateWrapperKey;
        self.line.call(operation, Subject::default(), &send).await
    }

    async fn wrapper_key_state(&self, wrapper_key: &KmsKeyId) -> Result<KeyState, KmsError> {
        let send = |_| self.inner.wrapper_key_state(wrapper_key);
        let operation = KmsOperation::WrapperKeyState;
        self.line.call(operation, on(wrapper_key), &send).await
    }

    async fn wrap_key(
        &self,
        wrapper_key: &KmsKeyId,
        context: &WrapContext,
        key: &SecretBytes,
    ) -> Result<WrappedKey, KmsError> {
        let send = |_| self.inner.wrap_key(wrapper_key, context, key);
        let operation = KmsOperation::WrapKey;
        self.line.call(operation, on(wrapper_key), &send).await
    }

    async fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
    ) -> Result<SecretBytes, KmsError> {
        let send = |_| self.inner.unwrap_key(wrapped, context);
        let subject = on(&wrapped.wrapper_key_id);
        self.line
            .call(KmsOperation::UnwrapKey, subject, &send)
            .await
    }

    async fn rewrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
        new_wrapper_key: &KmsKeyId,
    ) -> Result<WrappedKey, KmsError> {
        let send = |_| self.inner.rewrap_key(wrapped, context, new_wrapper_key);
        let subject = Subject {
            destination: Some(new_wrapper_key.clone()),
            ..on(&wrapped.wrapper_key_id)
        };
        self.line
            .call(KmsOperation::RewrapKey, subject, &send)
            .await
    }

    /// A question about the key like that for its state, and counted as one.
    async fn rotated_at(&self, wrapper_key: &KmsKeyId) -> Result<Option<Timestamp>, KmsError> {
        let send = |_| self.inner.rotated_at(wrapper_key);
        let operation = KmsOperation::WrapperKeyState;
        self.line.call(operation, on(wrapper_key), &send).await
    }

    fn unwraps(&self) -> bool {
        self.inner.unwraps()
    }

    fn seen(&self) -> KmsHealth {
        let seen = self.inner.seen();
        match self.line.0.health() {
            Some(here) => here.worse(seen),
            None => seen,
        }
    }
}
