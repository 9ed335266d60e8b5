//! Sends the calls to [`ExternalKeys`] through a policy.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_crypto::{EncryptionKeySpec, KeySpec, SigningKeySpec};
use strongroom_memory::SecretBytes;

use super::{Line, Policy, Subject};
use crate::error::KmsError;
use crate::external_keys::{ExternalKeyRequest, ExternalKeys, ExternalPublicKey};
use crate::key_id::KmsKeyId;
use crate::key_state::KeyState;
use crate::operation::KmsOperation;

#[derive(Debug)]
pub(super) struct GuardedKeys<P> {
    pub(super) inner: Arc<dyn ExternalKeys>,
    pub(super) line: Line<P>,
}

fn subject(key: Option<&KmsKeyId>, spec: Option<KeySpec>) -> Subject {
    Subject {
        key: key.cloned(),
        spec,
        destination: None,
    }
}

#[async_trait]
impl<P: Policy> ExternalKeys for GuardedKeys<P> {
    async fn generate_signing_key(
        &self,
        spec: SigningKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let send = |_| self.inner.generate_signing_key(spec, request);
        let subject = subject(None, Some(KeySpec::Signing(spec)));
        let operation = KmsOperation::GenerateSigningKey;
        self.line.call(operation, subject, &send).await
    }

    async fn generate_encryption_key(
        &self,
        spec: EncryptionKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let send = |_| self.inner.generate_encryption_key(spec, request);
        let subject = subject(None, Some(KeySpec::Encryption(spec)));
        let operation = KmsOperation::GenerateEncryptionKey;
        self.line.call(operation, subject, &send).await
    }

    async fn import_key(
        &self,
        spec: KeySpec,
        private_key: &SecretBytes,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let send = |_| self.inner.import_key(spec, private_key, request);
        let subject = subject(None, Some(spec));
        self.line
            .call(KmsOperation::ImportKey, subject, &send)
            .await
    }

    async fn key_state(&self, key: &KmsKeyId) -> Result<KeyState, KmsError> {
        let send = |_| self.inner.key_state(key);
        let subject = subject(Some(key), None);
        self.line.call(KmsOperation::KeyState, subject, &send).await
    }

    async fn complete_id(&self, key: &KmsKeyId) -> Result<KmsKeyId, KmsError> {
        let send = |_| self.inner.complete_id(key);
        let subject = subject(Some(key), None);
        // The call of a KMS that comes nearest; most need none.
        self.line.call(KmsOperation::KeyState, subject, &send).await
    }

    async fn public_key(&self, key: &KmsKeyId) -> Result<ExternalPublicKey, KmsError> {
        let send = |_| self.inner.public_key(key);
        let subject = subject(Some(key), None);
        self.line
            .call(KmsOperation::PublicKey, subject, &send)
            .await
    }

    async fn sign(
        &self,
        key: &KmsKeyId,
        spec: SigningKeySpec,
        message: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        let send = |_| self.inner.sign(key, spec, message);
        let subject = subject(Some(key), Some(KeySpec::Signing(spec)));
        self.line.call(KmsOperation::Sign, subject, &send).await
    }

    async fn decrypt(
        &self,
        key: &KmsKeyId,
        spec: EncryptionKeySpec,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, KmsError> {
        let send = |_| self.inner.decrypt(key, spec, ciphertext);
        let subject = subject(Some(key), Some(KeySpec::Encryption(spec)));
        self.line.call(KmsOperation::Decrypt, subject, &send).await
    }

    async fn delete_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        let send = |_| self.inner.delete_key(key);
        let subject = subject(Some(key), None);
        self.line
            .call(KmsOperation::DeleteKey, subject, &send)
            .await
    }
}
