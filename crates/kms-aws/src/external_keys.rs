//! AWS KMS as a holder of private keys.

use async_trait::async_trait;
use aws_sdk_kms::{
    primitives::Blob,
    types::{KeyMetadata, KeySpec as AwsSpec, KeyUsageType, MessageType},
};
use strongroom_crypto::{EncryptionKeySpec, KeySpec, SigningKeySpec};
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, ExternalPublicKey, KeyState, KmsError, KmsKeyId,
    KmsOperation, KmsProvider, MAX_CIPHERTEXT_BYTES, MAX_MESSAGE_BYTES, check_size,
};
use strongroom_memory::SecretBytes;

use crate::{
    error::AwsKmsError,
    import,
    provider::{AwsKms, state},
    refusal::Refusal,
    specs,
};

/// How long a deletion can be cancelled, as Canton asks of AWS.
pub(crate) const DELETION_DAYS: i32 = 7;

#[async_trait]
impl ExternalKeys for AwsKms {
    async fn generate_signing_key(
        &self,
        spec: SigningKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let kind = (specs::signing_key(spec), KeyUsageType::SignVerify);
        let (label, tags) = (request.label.as_ref(), &request.tags);
        let operation = KmsOperation::GenerateSigningKey;
        self.create_key(operation, kind, label, tags, |create| create)
            .await
    }

    async fn generate_encryption_key(
        &self,
        spec: EncryptionKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let name =
            specs::encryption_key(spec).ok_or_else(|| self.capabilities().unsupported(spec))?;
        let kind = (name, KeyUsageType::EncryptDecrypt);
        let (label, tags) = (request.label.as_ref(), &request.tags);
        let operation = KmsOperation::GenerateEncryptionKey;
        self.create_key(operation, kind, label, tags, |create| create)
            .await
    }

    /// CreateKey without material, GetParametersForImport, ImportKeyMaterial. A key that does not get its material is
    /// scheduled for deletion.
    async fn import_key(
        &self,
        spec: KeySpec,
        private_key: &SecretBytes,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        import::import_key(self, spec, private_key, request).await
    }

    async fn key_state(&self, key: &KmsKeyId) -> Result<KeyState, KmsError> {
        let operation = KmsOperation::KeyState;
        state(&self.describe_external(operation, key).await?)
    }

    /// An alias can be turned to another key: what it means now is looked up.
    async fn complete_id(&self, key: &KmsKeyId) -> Result<KmsKeyId, KmsError> {
        let is_alias = |id: &str| id.starts_with("alias/") || id.contains(":alias/");
        if !is_alias(key.as_str()) {
            return Ok(key.clone());
        }
        let known = self.describe(KmsOperation::KeyState, key).await?;
        Ok(KmsKeyId::try_new(known.arn.unwrap_or(known.key_id))?)
    }

    async fn public_key(&self, key: &KmsKeyId) -> Result<ExternalPublicKey, KmsError> {
        let operation = KmsOperation::PublicKey;
        let request = self.client.get_public_key().key_id(key.as_str());
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let refusal = Refusal::of(operation, error);
                return Err(self.explain(refusal, operation, key).await);
            }
        };
        let spki = answer.public_key.map(Blob::into_inner);
        let spki =
            spki.ok_or_else(|| KmsError::answer_invalid(operation, "AWS gave no public key"))?;
        let spec = match (answer.key_spec, answer.key_usage) {
            (Some(spec), Some(usage)) => known(key, &spec, &usage)?,
            // Older answers lack them.
            _ => known_of(key, &self.describe(operation, key).await?)?,
        };
        Ok(ExternalPublicKey {
            spec,
            spki: spki.into(),
        })
    }

    async fn sign(
        &self,
        key: &KmsKeyId,
        spec: SigningKeySpec,
        message: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        let operation = KmsOperation::Sign;
        check_size(operation, message.len(), MAX_MESSAGE_BYTES)?;
        let request = self.client.sign().key_id(key.as_str());
        let request = request
            .message_type(MessageType::Raw)
            .signing_algorithm(specs::signing_algorithm(spec.algorithm()))
            .message(Blob::new(message));
        match request.send().await {
            Ok(answer) => answer.signature.map(Blob::into_inner).ok_or_else(|| {
                KmsError::answer_invalid(operation, "AWS signed and gave no signature")
            }),
            Err(error) => {
                let refusal = Refusal::of(operation, error);
                Err(self.explain(refusal, operation, key).await)
            }
        }
    }

    async fn decrypt(
        &self,
        key: &KmsKeyId,
        spec: EncryptionKeySpec,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, KmsError> {
        let operation = KmsOperation::Decrypt;
        check_size(operation, ciphertext.len(), MAX_CIPHERTEXT_BYTES)?;
        let algorithm = specs::encryption_algorithm(spec)
            .ok_or_else(|| self.capabilities().unsupported(spec))?;
        let request = self.client.decrypt().key_id(key.as_str());
        let request = request
            .encryption_algorithm(algorithm)
            .ciphertext_blob(Blob::new(ciphertext));
        match request.send().await {
            Ok(answer) => answer
                .plaintext
                .map(|plaintext| SecretBytes::take(plaintext.into_inner()))
                .ok_or_else(|| {
                    KmsError::answer_invalid(operation, "AWS decrypted and gave no plaintext")
                }),
            Err(error) => {
                let refusal = Refusal::of(operation, error);
                Err(self.explain(refusal, operation, key).await)
            }
        }
    }

    async fn delete_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        let operation = KmsOperation::DeleteKey;
        let known = self.describe_external(operation, key).await?;
        if state(&known)? == KeyState::PendingDeletion {
            return Ok(());
        }
        // An alias names a key, but is none: it would not be deleted.
        let request = self.client.schedule_key_deletion().key_id(&known.key_id);
        let request = request.pending_window_in_days(DELETION_DAYS);
        match request.send().await {
            Ok(_scheduled) => Ok(()),
            Err(error) => {
                let refusal = Refusal::of(operation, error);
                match self.explain(refusal, operation, key).await {
                    // Somebody else was faster.
                    KmsError::KeyPendingDeletion { .. } => Ok(()),
                    error => Err(error),
                }
            }
        }
    }
}

impl AwsKms {
    /// What AWS knows of a key that signs or decrypts. A wrapper key is none.
    async fn describe_external(
        &self,
        operation: KmsOperation,
        key: &KmsKeyId,
    ) -> Result<KeyMetadata, KmsError> {
        let known = self.describe(operation, key).await?;
        if known.key_spec == Some(AwsSpec::SymmetricDefault) {
            return Err(Refusal::WrongUsage.about(operation, key));
        }
        Ok(known)
    }
}

fn known_of(key: &KmsKeyId, described: &KeyMetadata) -> Result<KeySpec, KmsError> {
    match (&described.key_spec, &described.key_usage) {
        (Some(spec), Some(usage)) => known(key, spec, usage),
        _ => Err(KmsError::answer_invalid(
            KmsOperation::PublicKey,
            "AWS does not say what the key is for",
        )),
    }
}

fn known(key: &KmsKeyId, spec: &AwsSpec, usage: &KeyUsageType) -> Result<KeySpec, KmsError> {
    if *spec == AwsSpec::SymmetricDefault {
        return Err(Refusal::WrongUsage.about(KmsOperation::PublicKey, key));
    }
    specs::known(spec, usage).ok_or_else(|| {
        let kind = format!("{spec} for {usage}");
        let id = key.clone();
        AwsKmsError::KeyKindUnknown { id, kind }.into()
    })
}
