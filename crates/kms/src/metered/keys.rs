//! Counts the calls to [`ExternalKeys`].

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec};
use strongroom_memory::SecretBytes;

use super::Counters;
use crate::error::KmsError;
use crate::external_keys::{ExternalKeyRequest, ExternalKeys, ExternalPublicKey};
use crate::key_id::KmsKeyId;
use crate::key_state::KeyState;
use crate::operation::KmsOperation;

#[derive(Debug)]
pub(super) struct MeteredKeys {
    pub(super) inner: Arc<dyn ExternalKeys>,
    pub(super) counters: Arc<Counters>,
}

#[async_trait]
impl ExternalKeys for MeteredKeys {
    async fn generate_signing_key(
        &self,
        spec: SigningKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let call = self.inner.generate_signing_key(spec, request);
        self.counters
            .count(KmsOperation::GenerateSigningKey, call)
            .await
    }

    async fn generate_encryption_key(
        &self,
        spec: EncryptionKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let call = self.inner.generate_encryption_key(spec, request);
        self.counters
            .count(KmsOperation::GenerateEncryptionKey, call)
            .await
    }

    async fn key_state(&self, key: &KmsKeyId) -> Result<KeyState, KmsError> {
        self.counters
            .count(KmsOperation::KeyState, self.inner.key_state(key))
            .await
    }

    async fn public_key(&self, key: &KmsKeyId) -> Result<ExternalPublicKey, KmsError> {
        self.counters
            .count(KmsOperation::PublicKey, self.inner.public_key(key))
            .await
    }

    async fn sign(
        &self,
        key: &KmsKeyId,
        spec: SigningKeySpec,
        message: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        self.counters
            .count(KmsOperation::Sign, self.inner.sign(key, spec, message))
            .await
    }

    async fn decrypt(
        &self,
        key: &KmsKeyId,
        spec: EncryptionKeySpec,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, KmsError> {
        self.counters
            .count(
                KmsOperation::Decrypt,
                self.inner.decrypt(key, spec, ciphertext),
            )
            .await
    }

    async fn delete_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        self.counters
            .count(KmsOperation::DeleteKey, self.inner.delete_key(key))
            .await
    }
}
