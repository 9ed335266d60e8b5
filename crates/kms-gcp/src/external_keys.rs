//! Google Cloud KMS as a holder of private keys.

use async_trait::async_trait;
use google_cloud_kms_v1::model::{
    crypto_key_version::CryptoKeyVersionAlgorithm as Algorithm, public_key::PublicKeyFormat,
};
use strongroom_crypto::{EncryptionKeySpec, KeyName, KeySpec, SigningKeySpec, spki_of_key_bits};
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, ExternalPublicKey, KeyKind, KeyState, KmsError, KmsKeyId,
    KmsOperation, KmsProvider, MAX_CIPHERTEXT_BYTES, MAX_MESSAGE_BYTES, check_size,
};
use strongroom_memory::SecretBytes;

use crate::{
    checksums,
    error::GcpKmsError,
    import,
    provider::{GcpKms, state},
    refusal::Refusal,
    specs,
};

#[async_trait]
impl ExternalKeys for GcpKms {
    async fn generate_signing_key(
        &self,
        spec: SigningKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let kind = (KeyKind::Signing(spec), specs::signing_key(spec));
        let operation = KmsOperation::GenerateSigningKey;
        self.create_external(operation, kind, request.label.as_ref(), &request.tags)
            .await
    }

    async fn generate_encryption_key(
        &self,
        spec: EncryptionKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let algorithm = specs::encryption_key(spec);
        let algorithm = algorithm.ok_or_else(|| self.capabilities().unsupported(spec))?;
        let kind = (KeyKind::Encryption(spec), algorithm);
        let operation = KmsOperation::GenerateEncryptionKey;
        self.create_external(operation, kind, request.label.as_ref(), &request.tags)
            .await
    }

    /// An import job, whose wrapping key is used for days; a key without versions; a version of the wrapped material. Ends when
    /// the version is enabled.
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
        let known = self.describe_external(operation, key).await?;
        state(key, &known.state)
    }

    async fn complete_id(&self, key: &KmsKeyId) -> Result<KmsKeyId, KmsError> {
        self.external_key(key).await
    }

    async fn public_key(&self, key: &KmsKeyId) -> Result<ExternalPublicKey, KmsError> {
        let operation = KmsOperation::PublicKey;
        let known = self.describe_external(operation, key).await?;
        let spec = specs::known(&known.algorithm).and_then(KeyKind::spec);
        let spec = spec.ok_or_else(|| GcpKmsError::KeyKindUnknown {
            id: key.clone(),
            kind: known.algorithm.name().unwrap_or("unknown").to_owned(),
        })?;
        // Google has no PEM of keys of ML-DSA in all of its versions.
        let format = match spec {
            KeySpec::Signing(SigningKeySpec::MlDsa65) => PublicKeyFormat::NistPqc,
            _ => PublicKeyFormat::Pem,
        };
        let request = self.client.get_public_key().set_name(&known.name);
        let request = request.set_public_key_format(format.clone());
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let refusal = Refusal::of(operation, &error);
                let name = self.name(&KmsKeyId::try_new(known.name)?)?;
                return Err(self.explain(refusal, operation, key, &name).await);
            }
        };
        checksums::check_name(operation, &known.name, &answer.name)?;
        let found = answer.public_key;
        let found = found
            .ok_or_else(|| KmsError::answer_invalid(operation, "Google gave no public key"))?;
        checksums::check(operation, &found.data, found.crc32c_checksum)?;
        let spki = if format == PublicKeyFormat::NistPqc {
            let spki = spki_of_key_bits(spec, &found.data);
            spki.map_err(|error| KmsError::answer_invalid(operation, error))?
        } else {
            let read = pem_rfc7468::decode_vec(&found.data);
            let (_label, spki) =
                read.map_err(|error| KmsError::answer_invalid(operation, error.to_string()))?;
            spki.into()
        };
        Ok(ExternalPublicKey { spec, spki })
    }

    async fn sign(
        &self,
        key: &KmsKeyId,
        spec: SigningKeySpec,
        message: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        let operation = KmsOperation::Sign;
        check_size(operation, message.len(), MAX_MESSAGE_BYTES)?;
        let name = self.external_name(operation, key).await?;
        let request = self
            .client
            .asymmetric_sign()
            .set_name(name.full())
            .set_data_crc32c(checksums::of(message))
            .set_data(message.to_vec());
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let refusal = Refusal::of(operation, &error);
                return Err(self.explain(refusal, operation, key, &name).await);
            }
        };
        checksums::check_arrived(operation, [answer.verified_data_crc32c])?;
        checksums::check(operation, &answer.signature, answer.signature_crc32c)?;
        checksums::check_name(operation, name.full(), &answer.name)?;
        if !specs::is_signature_of(spec.algorithm(), &answer.signature) {
            let id = key.clone();
            return Err(KmsError::WrongPurpose { id, operation });
        }
        Ok(answer.signature.into())
    }

    async fn decrypt(
        &self,
        key: &KmsKeyId,
        spec: EncryptionKeySpec,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, KmsError> {
        let operation = KmsOperation::Decrypt;
        check_size(operation, ciphertext.len(), MAX_CIPHERTEXT_BYTES)?;
        if specs::encryption_key(spec).is_none() {
            return Err(self.capabilities().unsupported(spec));
        }
        let name = self.external_name(operation, key).await?;
        let request = self
            .client
            .asymmetric_decrypt()
            .set_name(name.full())
            .set_ciphertext_crc32c(checksums::of(ciphertext))
            .set_ciphertext(ciphertext.to_vec());
        match request.send().await {
            Ok(answer) => {
                checksums::check_arrived(operation, [answer.verified_ciphertext_crc32c])?;
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

    async fn delete_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        let operation = KmsOperation::DeleteKey;
        let known = self.describe_external(operation, key).await?;
        if state(key, &known.state)? == KeyState::PendingDeletion {
            return Ok(());
        }
        let request = self.client.destroy_crypto_key_version();
        match request.set_name(&known.name).send().await {
            Ok(_scheduled) => Ok(()),
            Err(error) => {
                let refusal = Refusal::of(operation, &error);
                let name = self.name(&KmsKeyId::try_new(known.name)?)?;
                match self.explain(refusal, operation, key, &name).await {
                    // Somebody else was faster.
                    KmsError::KeyPendingDeletion { .. } => Ok(()),
                    error => Err(error),
                }
            }
        }
    }
}

impl GcpKms {
    /// Makes a key whose id is that of its first version. Google does not say which one that is, so the key is asked: from then
    /// on a failure leaves a key behind.
    async fn create_external(
        &self,
        operation: KmsOperation,
        kind: (KeyKind, Algorithm),
        label: Option<&KeyName>,
        tags: &[(String, String)],
    ) -> Result<KmsKeyId, KmsError> {
        if let Some(spec) = kind.0.spec()
            && !self.holds(spec)
        {
            return Err(self.capabilities().unsupported(spec));
        }
        let made = self.create_key(operation, kind, label, tags).await?;
        let crypto_key = KmsKeyId::try_new(made.name)?;
        let version = self.external_name(operation, &crypto_key).await;
        let version = version.map_err(|source| GcpKmsError::KeyUnnamed {
            crypto_key: crypto_key.to_string(),
            source: Box::new(source),
        })?;
        Ok(KmsKeyId::try_new(version.full())?)
    }
}
