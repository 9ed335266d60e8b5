//! The one path on which a private key leaves the vault.

use std::collections::BTreeMap;

use strongroom_crypto::{Fingerprint, SecretBytes};

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
}

impl ExportForm {
    const fn name(&self) -> &'static str {
        match self {
            Self::Pkcs8Pem => "pkcs8-pem",
            Self::Pkcs8Der => "pkcs8-der",
            Self::KeyPair => "key-pair",
            Self::EncryptedKeyPair(_) => "encrypted-key-pair",
        }
    }
}

impl Vault {
    /// Gives a private key out. The audit record is durable before the key leaves.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`], [`VaultError::NoPrivateKey`]; errors of store and KMS.
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
        };
        let mut unit = Unit::begin(self).await?;
        // A key that was deleted meanwhile does not leave any more.
        self.key(fingerprint)?;
        let details = BTreeMap::from([("form".to_owned(), form.name().to_owned())]);
        unit.audit(
            caller,
            AuditOperation::ExportKey,
            Some(*fingerprint),
            details,
        )
        .await?;
        unit.commit().await?;
        Ok(exported)
    }
}
