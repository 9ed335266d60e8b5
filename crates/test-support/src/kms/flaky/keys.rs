//! A bad line to [`ExternalKeys`].

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec};
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, ExternalPublicKey, KeyState, KmsError, KmsKeyId, KmsOperation,
};
use strongroom_memory::SecretBytes;

use super::Line;

#[derive(Debug)]
pub(super) struct FlakyKeys {
    pub(super) inner: Arc<dyn ExternalKeys>,
    pub(super) line: Line,
}

#[async_trait]
impl ExternalKeys for FlakyKeys {
    async fn generate_signing_key(
        &self,
        spec: SigningKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let call = self.inner.generate_signing_key(spec, request);
        self.line.call(KmsOperation::GenerateSigningKey, call).await
    }

    async fn generate_encryption_key(
        &self,
        spec: EncryptionKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let call = self.inner.generate_encryption_key(spec, request);
        self.line
            .call(KmsOperation::GenerateEncryptionKey, call)
            .await
    }

    async fn key_state(&self, key: &KmsKeyId) -> Result<KeyState, KmsError> {
        self.line
            .call(KmsOperation::KeyState, self.inner.key_state(key))
            .await
    }

    async fn public_key(&self, key: &KmsKeyId) -> Result<ExternalPublicKey, KmsError> {
        self.line
            .call(KmsOperation::PublicKey, self.inner.public_key(key))
            .await
    }

    async fn sign(
        &self,
        key: &KmsKeyId,
        spec: SigningKeySpec,
        message: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        self.line
            .call(KmsOperation::Sign, self.inner.sign(key, spec, message))
            .await
    }

    async fn decrypt(
        &self,
        key: &KmsKeyId,
        spec: EncryptionKeySpec,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, KmsError> {
        self.line
            .call(
                KmsOperation::Decrypt,
                self.inner.decrypt(key, spec, ciphertext),
            )
            .await
    }

    async fn delete_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        self.line
            .call(KmsOperation::DeleteKey, self.inner.delete_key(key))
            .await
    }
}
