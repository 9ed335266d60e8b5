//! The one path on which a private key leaves the vault.

use std::collections::BTreeMap;

use strongroom_crypto::{Fingerprint, OaepHash, SecretBytes, WrappingKey};

use crate::{audit::AuditOperation, caller::Caller, error::VaultError, unit::Unit, vault::Vault};

/// The form in which a private key leaves.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExportForm {
    /// PKCS#8 as PEM (RFC 5958, RFC 7468), readable by everybody who has the file.
    Pkcs8Pem,
    /// PKCS#8 as DER, readable by everybody who has the file.
    Pkcs8Der,
    /// Canton's key-pair container, readable by everybody who has the file.
    KeyPair,
    /// Canton's key-pair container, encrypted with this password.
    EncryptedKeyPair(SecretBytes),
    /// PKCS#8, wrapped for the owner of an RSA key: what another key store takes ("bring your own key"). See
    /// [`WrappingKey::wrap`].
    Wrapped(WrappingKey, OaepHash),
}

impl ExportForm {
    const fn name(&self) -> &'static str {
        match self {
            Self::Pkcs8Pem => "pkcs8-pem",
            Self::Pkcs8Der => "pkcs8-der",
            Self::KeyPair => "key-pair",
            Self::EncryptedKeyPair(_) => "encrypted-key-pair",
            Self::Wrapped(..) => "wrapped",
        }
    }

    /// What the audit log says of it.
    fn details(&self) -> BTreeMap<String, String> {
        let mut details = BTreeMap::from([("form".to_owned(), self.name().to_owned())]);
        if let Self::Wrapped(wrapping, hash) = self {
            details.insert("wrapping_key".to_owned(), wrapping.fingerprint());
            details.insert("oaep_hash".to_owned(), hash.name().to_owned());
        }
        details
    }
}

impl Vault {
    /// Gives a private key out. The audit record is durable before the key leaves.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`], [`VaultError::NoPrivateKey`]; [`VaultError::Key`] if the library fails; errors of store and
    /// KMS.
    pub async fn export_key(
        &self,
        caller: &Caller,
        fingerprint: &Fingerprint,
        form: &ExportForm,
    ) -> Result<SecretBytes, VaultError> {
        let (entry, private) = self.private_key(fingerprint).await?;
        let exported = match form {
            ExportForm::Pkcs8Pem => private.to_pkcs8_pem()?,
            ExportForm::Pkcs8Der => private.to_pkcs8()?,
            ExportForm::KeyPair => strongroom_proto::encode_key_pair(&private, &entry.public)?,
            ExportForm::EncryptedKeyPair(password) => {
                let encrypted = strongroom_proto::encode_encrypted_key_pair(
                    &private,
                    &entry.public,
                    password,
                    self.random(),
                )?;
                SecretBytes::from_slice(&encrypted)
            }
            ExportForm::Wrapped(wrapping, hash) => {
                SecretBytes::take(wrapping.wrap(&private, *hash, self.random())?)
            }
        };
        let mut unit = Unit::begin(self).await?;
        // A key that was deleted meanwhile does not leave any more.
        self.key(fingerprint)?;
        let (key, details) = (Some(*fingerprint), form.details());
        unit.audit(caller, AuditOperation::ExportKey, key, details)
            .await?;
        unit.commit().await?;
        Ok(exported)
    }
}
