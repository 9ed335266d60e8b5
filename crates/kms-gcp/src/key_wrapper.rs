//! Google Cloud KMS as a holder of wrapper keys.

use async_trait::async_trait;
use google_cloud_kms_v1::model::{
    crypto_key::CryptoKeyPurpose, crypto_key_version::CryptoKeyVersionAlgorithm as Algorithm,
};
use strongroom_crypto::Timestamp;
use strongroom_kms::{
    KeyKind, KeyState, KeyWrapper, KmsError, KmsKeyId, KmsOperation, KmsProvider,
    MAX_CIPHERTEXT_BYTES, MAX_PLAINTEXT_BYTES, WrapContext, WrappedKey, WrapperKeyRequest,
    check_size, rewrap_outside,
};
use strongroom_memory::SecretBytes;

use crate::{
    checksums,
    provider::{GcpKms, state},
    refusal::Refusal,
};

#[async_trait]
impl KeyWrapper for GcpKms {
    async fn generate_wrapper_key(
        &self,
        request: &WrapperKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        if request.multi_region && !self.capabilities().multi_region {
            return Err(KmsError::UnsupportedRequest {
                provider: "gcp".to_owned(),
                property: "multi-region",
            });
        }
        let kind = (KeyKind::Wrapper, Algorithm::GoogleSymmetricEncryption);
        let (label, tags) = (request.label.as_ref(), &request.tags);
        let operation = KmsOperation::GenerateWrapperKey;
        let made = self.create_key(operation, kind, label, tags).await?;
        Ok(KmsKeyId::try_new(made.name)?)
    }

    /// That of the version if one is named, else that of the primary version.
    async fn wrapper_key_state(&self, wrapper_key: &KmsKeyId) -> Result<KeyState, KmsError> {
        let operation = KmsOperation::WrapperKeyState;
        let name = self.name(wrapper_key)?;
        let known = self
            .describe(operation, wrapper_key, name.crypto_key())
            .await?;
        if known.purpose != CryptoKeyPurpose::EncryptDecrypt {
            let id = wrapper_key.clone();
            return Err(KmsError::WrongPurpose { id, operation });
        }
        let version = match (name.version(), known.primary) {
            (Some(version), _) => {
                self.describe_version(operation, wrapper_key, version)
                    .await?
            }
            (None, Some(primary)) => primary,
            // Nothing encrypts.
            (None, None) => return Ok(KeyState::Disabled),
        };
        state(wrapper_key, &version.state)
    }

    async fn wrap_key(
        &self,
        wrapper_key: &KmsKeyId,
        context: &WrapContext,
        key: &SecretBytes,
    ) -> Result<WrappedKey, KmsError> {
        let operation = KmsOperation::WrapKey;
        check_size(operation, key.len(), MAX_PLAINTEXT_BYTES)?;
        let name = self.name(wrapper_key)?;
        // EXPOSE: the plaintext travels to the KMS, inside TLS; the client has no type that wipes it.
        let plaintext = key.expose();
        let context = context.to_bytes();
        let request = self
            .client
            .encrypt()
            .set_name(name.full())
            .set_plaintext_crc32c(checksums::of(plaintext))
            .set_plaintext(plaintext.to_vec())
            .set_additional_authenticated_data_crc32c(checksums::of(&context))
            .set_additional_authenticated_data(context);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let refusal = Refusal::of(operation, &error);
                return Err(self.explain(refusal, operation, wrapper_key, &name).await);
            }
        };
        checksums::check_arrived(
            operation,
            [
                answer.verified_plaintext_crc32c,
                answer.verified_additional_authenticated_data_crc32c,
            ],
        )?;
        checksums::check(operation, &answer.ciphertext, answer.ciphertext_crc32c)?;
        checksums::check_name(operation, name.full(), &answer.name)?;
        if !(1..=MAX_CIPHERTEXT_BYTES).contains(&answer.ciphertext.len()) {
            let why = "Google gave no ciphertext, or one that is too long";
            return Err(KmsError::answer_invalid(operation, why));
        }
        Ok(WrappedKey {
            wrapper_key_id: wrapper_key.clone(),
            ciphertext: answer.ciphertext.into(),
        })
    }

    async fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
    ) -> Result<SecretBytes, KmsError> {
        let operation = KmsOperation::UnwrapKey;
        check_size(operation, wrapped.ciphertext.len(), MAX_CIPHERTEXT_BYTES)?;
        let key = &wrapped.wrapper_key_id;
        let name = self.name(key)?;
        let context = context.to_bytes();
        // The ciphertext tells the version of this key that made it, whichever is named.
        let request = self
            .client
            .decrypt()
            .set_name(name.crypto_key())
            .set_ciphertext_crc32c(checksums::of(&wrapped.ciphertext))
            .set_ciphertext(wrapped.ciphertext.clone())
            .set_additional_authenticated_data_crc32c(checksums::of(&context))
            .set_additional_authenticated_data(context);
        match request.send().await {
            Ok(answer) => {
                let plaintext = SecretBytes::take(answer.plaintext.into());
                // EXPOSE: for its checksum.
                checksums::check(operation, plaintext.expose(), answer.plaintext_crc32c)?;
                Ok(plaintext)
            }
            Err(error) => {
                let refusal = Refusal::of(operation, &error);
                Err(self.explain(refusal, operation, key, &name).await)
            }
        }
    }

    async fn rewrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
        new_wrapper_key: &KmsKeyId,
    ) -> Result<WrappedKey, KmsError> {
        rewrap_outside(self, wrapped, context, new_wrapper_key).await
    }

    /// When the primary version was made, if it is not the first one. A key that is named with its version does not rotate.
    async fn rotated_at(&self, wrapper_key: &KmsKeyId) -> Result<Option<Timestamp>, KmsError> {
        let operation = KmsOperation::WrapperKeyState;
        let name = self.name(wrapper_key)?;
        if name.version().is_some() {
            return Ok(None);
        }
        let known = self.describe(operation, wrapper_key, name.crypto_key());
        let primary = known.await?.primary;
        let rotated = primary.filter(|version| !version.name.ends_with("/cryptoKeyVersions/1"));
        let made = rotated.and_then(|version| version.create_time);
        Ok(made.map(|at| {
            let seconds = at.seconds().saturating_mul(1_000_000);
            Timestamp::from_micros(seconds.saturating_add(i64::from(at.nanos() / 1000)))
        }))
    }
}
