//! Signatures and encryption.

use strongroom_crypto::{AsymmetricEncrypted, Fingerprint, KeyUsages, SecretBytes, Signature};

use super::Client;

impl Client {
    /// A signature over `message`; the key must have one of the usages.
    pub(crate) async fn sign(
        &self,
        key: &Fingerprint,
        message: Vec<u8>,
        allowed: KeyUsages,
    ) -> anyhow::Result<Signature> {
        match self {
            Self::Here(session) => {
                let (vault, caller) = (&session.vault, &session.caller);
                let signature = vault.sign_for(caller, key, &message, allowed).await?;
                // Nobody has the signature before it is on record.
                vault.flush_audit().await?;
                Ok(signature)
            }
            Self::There(server) => server.sign(key, message, allowed).await,
        }
    }

    pub(crate) async fn encrypt(
        &self,
        key: &Fingerprint,
        message: Vec<u8>,
    ) -> anyhow::Result<AsymmetricEncrypted> {
        match self {
            Self::Here(session) => Ok(session.vault.encrypt(key, &message)?),
            Self::There(server) => server.encrypt(key, message).await,
        }
    }

    pub(crate) async fn decrypt(
        &self,
        encrypted: &AsymmetricEncrypted,
    ) -> anyhow::Result<SecretBytes> {
        match self {
            Self::Here(session) => {
                let (vault, caller) = (&session.vault, &session.caller);
                let plaintext = vault.decrypt_for(caller, encrypted).await?;
                // Nobody has the plaintext before that is on record.
                vault.flush_audit().await?;
                Ok(plaintext)
            }
            Self::There(server) => server.decrypt(encrypted).await,
        }
    }
}
