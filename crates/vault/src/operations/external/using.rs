//! Signing and decrypting in a KMS.

use std::sync::Arc;

use strongroom_crypto::{
    AsymmetricEncrypted, DecryptError, EncryptionPublicKey, KeyUsages, SecretBytes, SignError,
    Signature, SigningPublicKey, clock::Clock,
};
use strongroom_kms::{ExternalKeys, KmsError, KmsKeyId, KmsOperation};
use strongroom_store::KmsKeyRef;

use crate::{directory::KeyEntry, error::VaultError, kms_watch::KmsWatch, vault::Vault};

/// A key that a KMS holds, and the way to it. A call of it needs no vault, and so may go on when its caller goes.
pub(crate) struct HeldKey {
    kms: String,
    key: KmsKeyId,
    keys: Arc<dyn ExternalKeys>,
    watch: Arc<KmsWatch>,
    clock: Arc<dyn Clock>,
}

impl Vault {
    pub(crate) fn held_key(&self, held: &KmsKeyRef) -> Result<HeldKey, VaultError> {
        Ok(HeldKey {
            key: key_of(held)?,
            keys: self.holder(&held.kms)?.keys,
            kms: held.kms.clone(),
            watch: Arc::clone(self.kms_watch()),
            clock: Arc::clone(&self.environment().clock),
        })
    }

    /// Signs with a key that a KMS holds, as [`HeldKey::sign`].
    ///
    /// None if the key was changed meanwhile: what was true of it when the call was sent is true no more.
    pub(crate) async fn sign_externally(
        &self,
        entry: &Arc<KeyEntry>,
        public: &SigningPublicKey,
        held: &KmsKeyRef,
        message: &[u8],
        allowed: KeyUsages,
    ) -> Result<Option<Signature>, VaultError> {
        let key = self.held_key(held)?;
        let signature = key.sign(public, message, allowed).await?;
        Ok(self.directory().if_current(entry, || signature))
    }

    /// Decrypts with a key that a KMS holds, as [`HeldKey::decrypt`]; none as in [`Self::sign_externally`].
    pub(crate) async fn decrypt_externally(
        &self,
        entry: &Arc<KeyEntry>,
        public: &EncryptionPublicKey,
        held: &KmsKeyRef,
        encrypted: &AsymmetricEncrypted,
    ) -> Result<Option<SecretBytes>, VaultError> {
        let key = self.held_key(held)?;
        let plaintext = key.decrypt(public, encrypted).await?;
        Ok(self.directory().if_current(entry, || plaintext))
    }

    /// Whether the KMS still has the key, usable, and it is the one of this public key.
    pub(crate) async fn check_external(
        &self,
        entry: &KeyEntry,
        held: &KmsKeyRef,
    ) -> Result<(), VaultError> {
        let found = self
            .holder(&held.kms)?
            .public_key(&key_of(held)?, entry.usages())
            .await?;
        if found == entry.public {
            Ok(())
        } else {
            Err(VaultError::ExternalKeyExchanged {
                fingerprint: entry.fingerprint(),
                kms: held.kms.clone(),
            })
        }
    }
}

impl HeldKey {
    /// Signs: one call, after everything else was checked.
    ///
    /// The signature is verified before it leaves. So a KMS, an alias or somebody in between that signs with another key is
    /// noticed here, and not by those who receive the signature.
    pub(crate) async fn sign(
        &self,
        public: &SigningPublicKey,
        message: &[u8],
        allowed: KeyUsages,
    ) -> Result<Signature, VaultError> {
        let usages = public.usages();
        if !usages.intersects(allowed) {
            return Err(VaultError::Sign(SignError::InvalidKeyUsage {
                fingerprint: public.fingerprint(),
                usages,
                wanted: allowed,
            }));
        }
        let outcome = self.keys.sign(&self.key, public.spec(), message).await;
        self.note(&outcome);
        let signature = signature_of(public, outcome?);
        public
            .verify(message, &signature, allowed)
            .map_err(|source| KmsError::answer_invalid(KmsOperation::Sign, source))?;
        Ok(signature)
    }

    /// Decrypts: one call.
    pub(crate) async fn decrypt(
        &self,
        public: &EncryptionPublicKey,
        encrypted: &AsymmetricEncrypted,
    ) -> Result<SecretBytes, VaultError> {
        let spec = public.spec();
        if !encrypted.algorithm.supports(spec) {
            return Err(VaultError::Decrypt(DecryptError::AlgorithmMismatch {
                algorithm: encrypted.algorithm,
                spec,
            }));
        }
        let ciphertext = &encrypted.ciphertext;
        let outcome = self.keys.decrypt(&self.key, spec, ciphertext).await;
        self.note(&outcome);
        match outcome {
            Ok(plaintext) => Ok(plaintext),
            // As for any other custody: why is not said.
            Err(KmsError::DecryptFailed { .. } | KmsError::PayloadTooLarge { .. }) => {
                Err(VaultError::Decrypt(DecryptError::Failed))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What the use of a key shows of its KMS: a refusal is about the key or the message, and says nothing of the others.
    fn note<T>(&self, outcome: &Result<T, KmsError>) {
        if !outcome
            .as_ref()
            .is_err_and(|error| !error.is_fault_of_kms())
        {
            self.watch.note(&self.kms, self.clock.now(), outcome);
        }
    }
}

/// What a KMS answered, as a signature of this key; it is not verified yet.
pub(crate) fn signature_of(public: &SigningPublicKey, bytes: Vec<u8>) -> Signature {
    let algorithm = public.spec().algorithm();
    Signature {
        bytes,
        format: algorithm.format(),
        signed_by: public.fingerprint(),
        algorithm: Some(algorithm),
    }
}

/// The row's tag was checked, so only a later version of ours writes an id that this one does not take.
fn key_of(held: &KmsKeyRef) -> Result<KmsKeyId, VaultError> {
    Ok(KmsKeyId::try_new(held.key_id.as_str()).map_err(KmsError::from)?)
}
