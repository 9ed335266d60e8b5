//! The local KMS as a holder of private keys.

use async_trait::async_trait;
use strongroom_crypto::{
    AsymmetricEncrypted, EncryptionKeySpec, KeySpec, KeyUsages, SigningKeySpec,
};
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, ExternalPublicKey, KeyState, KmsError, KmsKeyId,
    KmsOperation, MAX_CIPHERTEXT_BYTES, MAX_MESSAGE_BYTES, check_size, importable,
};
use strongroom_memory::SecretBytes;

use super::LocalKms;
use crate::error::LocalKmsError;
use crate::keyring::{Key, KeyKind, Material};

/// How long a deletion through [`ExternalKeys`] can be cancelled, as Canton asks of AWS.
const DELETION_DAYS: u32 = 7;

#[async_trait]
impl ExternalKeys for LocalKms {
    async fn generate_signing_key(
        &self,
        spec: SigningKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        self.add_key(
            KeyKind::Signing(spec),
            request.label.clone(),
            request.tags.clone(),
        )
    }

    async fn generate_encryption_key(
        &self,
        spec: EncryptionKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        self.add_key(
            KeyKind::Encryption(spec),
            request.label.clone(),
            request.tags.clone(),
        )
    }

    async fn import_key(
        &self,
        spec: KeySpec,
        private_key: &SecretBytes,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let private = importable(&self.shared.capabilities, spec, private_key)?;
        self.keep_key(
            Material::of(private),
            request.label.clone(),
            request.tags.clone(),
        )
    }

    async fn key_state(&self, key: &KmsKeyId) -> Result<KeyState, KmsError> {
        let opened = self.opened();
        let key = opened.keyring.known(key, self.now())?;
        external(key, KmsOperation::KeyState)?;
        Ok(key.key_state())
    }

    async fn public_key(&self, key: &KmsKeyId) -> Result<ExternalPublicKey, KmsError> {
        let opened = self.opened();
        let key = opened.keyring.usable(key, self.now())?;
        let spec = external(key, KmsOperation::PublicKey)?;
        let spki = match &key.current.material {
            Material::Signing(material) => material.parsed()?.0.spki(),
            Material::Encryption(material) => material.parsed()?.0.spki(),
            Material::Wrapper(_) => return Err(key.wrong_purpose(KmsOperation::PublicKey)),
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
        check_size(KmsOperation::Sign, message.len(), MAX_MESSAGE_BYTES)?;
        let opened = self.opened();
        let key = opened.keyring.usable(key, self.now())?;
        key.require(KeyKind::Signing(spec), KmsOperation::Sign)?;
        let Material::Signing(material) = &key.current.material else {
            return Err(key.wrong_purpose(KmsOperation::Sign));
        };
        let (_public, signer) = material.parsed()?;
        let signature = signer
            .sign(message, KeyUsages::ALL)
            .map_err(LocalKmsError::from)?;
        Ok(signature.bytes)
    }

    async fn decrypt(
        &self,
        key: &KmsKeyId,
        spec: EncryptionKeySpec,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, KmsError> {
        check_size(
            KmsOperation::Decrypt,
            ciphertext.len(),
            MAX_CIPHERTEXT_BYTES,
        )?;
        let opened = self.opened();
        let key = opened.keyring.usable(key, self.now())?;
        key.require(KeyKind::Encryption(spec), KmsOperation::Decrypt)?;
        let Material::Encryption(material) = &key.current.material else {
            return Err(key.wrong_purpose(KmsOperation::Decrypt));
        };
        let (public, decrypter) = material.parsed()?;
        let encrypted = AsymmetricEncrypted {
            ciphertext: ciphertext.to_vec(),
            algorithm: spec.algorithm(),
            encrypted_for: public.fingerprint(),
        };
        decrypter
            .decrypt(&encrypted)
            .ok()
            .ok_or_else(|| KmsError::DecryptFailed { id: key.id.clone() })
    }

    async fn delete_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        external(
            self.opened().keyring.known(key, self.now())?,
            KmsOperation::DeleteKey,
        )?;
        self.schedule_deletion(key, DELETION_DAYS).map(|_at| ())
    }
}

/// The spec of a key that this trait may speak of.
fn external(key: &Key, operation: KmsOperation) -> Result<KeySpec, KmsError> {
    key.kind.spec().ok_or_else(|| key.wrong_purpose(operation))
}
