//! Signatures, and encryption, by a server.

mod streams;

use strongroom_crypto::{AsymmetricEncrypted, Fingerprint, KeyUsages, SecretBytes, Signature};
use strongroom_proto::{read_asymmetric_encrypted, read_signature, usage_numbers, v30};
use strongroom_server::contract::strongroom::{
    DecryptRequest, EncryptRequest, SignItem, SignRequest, encrypt_request,
    sign_item::{Content, Key},
};

use super::{RemoteError, Server};

impl Server {
    pub(crate) async fn sign(
        &self,
        key: &Fingerprint,
        message: Vec<u8>,
        allowed: KeyUsages,
    ) -> anyhow::Result<Signature> {
        let item = SignItem {
            key: Some(Key::Fingerprint(key.to_string())),
            content: Some(Content::Message(message)),
            usages: usage_numbers(allowed),
        };
        let signed = self.signing().sign(SignRequest { item: Some(item) }).await;
        let signed = signed.map_err(RemoteError::from)?.into_inner();
        let signature = signed
            .signature
            .ok_or_else(|| RemoteError::without("a signature"))?;
        Ok(read_signature(signature).map_err(|error| RemoteError::unreadable(&error))?)
    }

    pub(crate) async fn encrypt(
        &self,
        key: &Fingerprint,
        message: Vec<u8>,
    ) -> anyhow::Result<AsymmetricEncrypted> {
        let request = EncryptRequest {
            key: Some(encrypt_request::Key::Fingerprint(key.to_string())),
            plaintext: message,
        };
        let encrypted = self.signing().encrypt(request).await;
        let encrypted = encrypted.map_err(RemoteError::from)?.into_inner().encrypted;
        let encrypted = encrypted.ok_or_else(|| RemoteError::without("a ciphertext"))?;
        let read = read_asymmetric_encrypted(&encrypted);
        Ok(read.map_err(|error| RemoteError::unreadable(&error))?)
    }

    pub(crate) async fn decrypt(
        &self,
        encrypted: &AsymmetricEncrypted,
    ) -> anyhow::Result<SecretBytes> {
        let request = DecryptRequest {
            encrypted: Some(v30::AsymmetricEncrypted::from(encrypted)),
        };
        let decrypted = self.signing().decrypt(request).await;
        let mut decrypted = decrypted.map_err(RemoteError::from)?.into_inner();
        Ok(SecretBytes::take(std::mem::take(&mut decrypted.plaintext)))
    }
}
