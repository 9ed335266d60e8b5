//! Proving that a KMS does the work of a key.

use strongroom_crypto::{EncryptionPublicKey, PublicKey, SigningPublicKey};
use strongroom_kms::{KmsError, KmsKeyId};
use subtle::ConstantTimeEq;

use crate::{
    directory::KeyEntry,
    error::{MigrationError, VaultError},
    operations::external::{Holder, using::signature_of},
    vault::Vault,
};

/// What a KMS signs, followed by 32 random bytes: no message of a ledger begins so.
const PROOF: &[u8] =
    b"strongroom: this key management system has taken a private key in. It proves no more. ";

impl Vault {
    /// Has the KMS use a key, and checks that by the public key which is published.
    ///
    /// # Errors
    /// [`MigrationError::NotProved`]; that the KMS does not work.
    pub(super) async fn prove(
        &self,
        holder: &Holder<'_>,
        key: &KmsKeyId,
        entry: &KeyEntry,
    ) -> Result<(), VaultError> {
        let outcome = match &entry.public {
            PublicKey::Signing(public) => self.prove_signing(holder, key, public).await,
            PublicKey::Encryption(public) => self.prove_decrypting(holder, key, public).await,
        };
        match outcome {
            // What the KMS refuses, or does not answer, says nothing of the key.
            Err(VaultError::Kms(error)) if !is_about_the_work(&error) => Err(error.into()),
            Err(source) => Err(MigrationError::NotProved {
                fingerprint: entry.fingerprint(),
                kms: holder.named.name.clone(),
                key: key.as_str().to_owned(),
                source: Box::new(source),
            }
            .into()),
            Ok(()) => Ok(()),
        }
    }

    async fn prove_signing(
        &self,
        holder: &Holder<'_>,
        key: &KmsKeyId,
        public: &SigningPublicKey,
    ) -> Result<(), VaultError> {
        let mut message = PROOF.to_vec();
        message.extend_from_slice(&self.random_bytes()?);
        let bytes = holder.keys.sign(key, public.spec(), &message).await?;
        let signature = signature_of(public, bytes);
        Ok(public.verify(&message, &signature, public.usages())?)
    }

    async fn prove_decrypting(
        &self,
        holder: &Holder<'_>,
        key: &KmsKeyId,
        public: &EncryptionPublicKey,
    ) -> Result<(), VaultError> {
        let secret = self.random_bytes()?;
        let encrypted = public.encrypt(&secret, self.random())?;
        let decrypted = holder
            .keys
            .decrypt(key, public.spec(), &encrypted.ciphertext)
            .await?;
        // EXPOSE: compared with what was made up for this.
        if decrypted.expose().ct_eq(&secret).into() {
            Ok(())
        } else {
            Err(VaultError::Decrypt(strongroom_crypto::DecryptError::Failed))
        }
    }

    fn random_bytes(&self) -> Result<[u8; 32], VaultError> {
        let mut bytes = [0; 32];
        self.random().fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// Whether the KMS has tried to do the work of the key, and could not.
const fn is_about_the_work(error: &KmsError) -> bool {
    matches!(
        error,
        KmsError::DecryptFailed { .. }
            | KmsError::WrongPurpose { .. }
            | KmsError::AnswerInvalid { .. }
    )
}
