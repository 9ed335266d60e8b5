//! A driver as a holder of private keys.

use async_trait::async_trait;
use strongroom_crypto::{EncryptionKeySpec, KeySpec, SigningKeySpec};
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, ExternalPublicKey, KeyState, KmsError, KmsKeyId,
    KmsOperation, MAX_CIPHERTEXT_BYTES, check_size, importable,
};
use strongroom_memory::SecretBytes;

use crate::contract::{
    DecryptAsymmetricRequest, DeleteKeyRequest, GenerateEncryptionKeyRequest,
    GenerateSigningKeyRequest, ImportKeyRequest, KeyRole, PublicKeyRequest, SignRequest,
};
use crate::driver_kms::{DriverKms, answer, label, made_key, request, tags};
use crate::limits::{MAX_PRIVATE_KEY_BYTES, MAX_RESULT_BYTES, check_answer, invalid_answer};
use crate::specs;

#[async_trait]
impl ExternalKeys for DriverKms {
    async fn generate_signing_key(
        &self,
        spec: SigningKeySpec,
        wanted: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        self.check_held(KeySpec::Signing(spec))?;
        let operation = KmsOperation::GenerateSigningKey;
        let asked = request(
            operation,
            GenerateSigningKeyRequest {
                spec: specs::signing(spec) as i32,
                label: label(wanted.label.as_ref()),
                tags: tags(&wanted.tags),
            },
        )?;
        let made = self.client().generate_signing_key(asked).await;
        made_key(operation, made)
    }

    async fn generate_encryption_key(
        &self,
        spec: EncryptionKeySpec,
        wanted: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        self.check_held(KeySpec::Encryption(spec))?;
        let operation = KmsOperation::GenerateEncryptionKey;
        let asked = request(
            operation,
            GenerateEncryptionKeyRequest {
                spec: specs::encryption(spec) as i32,
                label: label(wanted.label.as_ref()),
                tags: tags(&wanted.tags),
            },
        )?;
        let made = self.client().generate_encryption_key(asked).await;
        made_key(operation, made)
    }

    async fn import_key(
        &self,
        spec: KeySpec,
        private_key: &SecretBytes,
        wanted: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let operation = KmsOperation::ImportKey;
        importable(self.can(), spec, private_key)?;
        check_size(operation, private_key.len(), MAX_PRIVATE_KEY_BYTES)?;
        let asked = request(
            operation,
            ImportKeyRequest {
                spec: Some(specs::spec_to_import(spec)),
                // EXPOSE: travels to the driver, which brings it into the KMS; the message wipes its copy.
                private_key: private_key.expose().to_vec(),
                label: label(wanted.label.as_ref()),
                tags: tags(&wanted.tags),
            },
        )?;
        let made = self.client().import_key(asked).await;
        made_key(operation, made)
    }

    async fn key_state(&self, key: &KmsKeyId) -> Result<KeyState, KmsError> {
        let operation = KmsOperation::KeyState;
        self.state_as(KeyRole::External, operation, key).await
    }

    async fn public_key(&self, key: &KmsKeyId) -> Result<ExternalPublicKey, KmsError> {
        let operation = KmsOperation::PublicKey;
        let asked = request(
            operation,
            PublicKeyRequest {
                key_id: key.to_string(),
            },
        )?;
        let known = answer(operation, Some(key), self.client().public_key(asked).await)?;
        check_answer(operation, "spki", &known.spki, 1..=MAX_RESULT_BYTES)?;
        let spec = known.spec.and_then(specs::read_spec_of_key);
        Ok(ExternalPublicKey {
            spec: spec.ok_or_else(|| invalid_answer(operation, "spec"))?,
            spki: known.spki.into_boxed_slice(),
        })
    }

    async fn sign(
        &self,
        key: &KmsKeyId,
        spec: SigningKeySpec,
        message: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        let operation = KmsOperation::Sign;
        check_size(operation, message.len(), self.can().max_message_bytes)?;
        let asked = request(
            operation,
            SignRequest {
                key_id: key.to_string(),
                spec: specs::signing(spec) as i32,
                message: message.to_vec(),
            },
        )?;
        let signed = answer(operation, Some(key), self.client().sign(asked).await)?;
        let sizes = 1..=MAX_RESULT_BYTES;
        check_answer(operation, "signature", &signed.signature, sizes)?;
        Ok(signed.signature)
    }

    async fn decrypt(
        &self,
        key: &KmsKeyId,
        spec: EncryptionKeySpec,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, KmsError> {
        let operation = KmsOperation::Decrypt;
        check_size(operation, ciphertext.len(), MAX_CIPHERTEXT_BYTES)?;
        let asked = request(
            operation,
            DecryptAsymmetricRequest {
                key_id: key.to_string(),
                spec: specs::encryption(spec) as i32,
                ciphertext: ciphertext.to_vec(),
            },
        )?;
        let opened = self.client().decrypt_asymmetric(asked).await;
        let mut opened = answer(operation, Some(key), opened)?;
        let sizes = 0..=MAX_CIPHERTEXT_BYTES;
        check_answer(operation, "plaintext", &opened.plaintext, sizes)?;
        Ok(SecretBytes::take(std::mem::take(&mut opened.plaintext)))
    }

    async fn delete_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        let operation = KmsOperation::DeleteKey;
        let asked = request(
            operation,
            DeleteKeyRequest {
                key_id: key.to_string(),
            },
        )?;
        answer(operation, Some(key), self.client().delete_key(asked).await)?;
        Ok(())
    }
}

impl DriverKms {
    fn check_held(&self, spec: KeySpec) -> Result<(), KmsError> {
        if self.can().holds(spec) {
            Ok(())
        } else {
            Err(self.can().unsupported(spec))
        }
    }
}
