//! Bringing keys in.

pub(crate) mod canton;

use std::sync::Arc;

use strongroom_crypto::{KeyName, PrivateKey, PublicKey};
use strongroom_store::Custody;

use crate::{
    audit::{AuditOperation, key_details},
    caller::Caller,
    directory::KeyEntry,
    error::VaultError,
    unit::Unit,
    vault::Vault,
};

/// A private key that shall come into the vault; its public half is derived from it.
#[derive(Debug)]
pub struct ImportedKey {
    /// The private key.
    pub private: PrivateKey,
    /// Its public half, as derived, with the usages it shall have.
    pub public: PublicKey,
    /// The operator's label.
    pub name: Option<KeyName>,
}

/// A public key that shall come into the vault.
#[derive(Debug)]
pub struct PublicKeyImport {
    /// The public key.
    pub public: PublicKey,
    /// The operator's label.
    pub name: Option<KeyName>,
}

impl Vault {
    /// Takes a private key in, into the custody that the settings choose.
    ///
    /// The same key with the same name and usages again is no error, changes nothing and leaves no audit record. A key of
    /// which the vault has the public half only gets its private half. A key that was deleted and comes back is active,
    /// and exposed only if it is stored readable now: the audit log has its history.
    ///
    /// # Errors
    /// [`VaultError::Key`] when the halves differ; [`VaultError::KeyExists`] when the vault has it with another name or
    /// other usages; errors of store and KMS. Nothing was kept then.
    pub async fn import_key(
        &self,
        caller: &Caller,
        import: ImportedKey,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let ImportedKey {
            private,
            public,
            name,
        } = import;
        if private.public_key(public.usages())?.fingerprint() != public.fingerprint() {
            return Err(strongroom_crypto::KeyError::HalvesDiffer.into());
        }
        let custody = self.custody_of(&public);
        let half = self.new_private_half(&private, &public, custody).await?;
        let mut unit = Unit::begin(self).await?;
        let entry = match self.known(&public, name.as_ref())? {
            Some(entry) if entry.private.is_some() => return Ok(entry),
            Some(entry) => unit.add_private_half(&entry, half).await?,
            None => unit.insert_key(public, name, Some(half)).await?,
        };
        unit.audit(
            caller,
            AuditOperation::ImportKey,
            Some(entry.fingerprint()),
            key_details(&entry),
        )
        .await?;
        unit.commit().await?;
        Ok(entry)
    }

    /// Takes a public key in, for convenience: to verify and encrypt by fingerprint.
    ///
    /// # Errors
    /// [`VaultError::KeyExists`] when the vault has it with another name or other usages; errors of the store.
    pub async fn import_public_key(
        &self,
        caller: &Caller,
        import: PublicKeyImport,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let PublicKeyImport { public, name } = import;
        let mut unit = Unit::begin(self).await?;
        if let Some(entry) = self.known(&public, name.as_ref())? {
            return Ok(entry);
        }
        let entry = unit.insert_key(public, name, None).await?;
        unit.audit(
            caller,
            AuditOperation::ImportPublicKey,
            Some(entry.fingerprint()),
            key_details(&entry),
        )
        .await?;
        unit.commit().await?;
        Ok(entry)
    }

    /// The custody that the settings choose for a key.
    pub(crate) fn custody_of(&self, public: &PublicKey) -> Custody {
        let custody = &self.settings().custody;
        public
            .usages()
            .map_or(custody.encryption, |usages| custody.for_signing(usages))
    }

    /// The entry of a key that is in the vault already, if it is there just so. Asked under the writer lock.
    pub(crate) fn known(
        &self,
        public: &PublicKey,
        name: Option<&KeyName>,
    ) -> Result<Option<Arc<KeyEntry>>, VaultError> {
        let fingerprint = public.fingerprint();
        match self.directory().entry(&fingerprint) {
            None => Ok(None),
            Some(entry) if entry.public == *public && entry.name.as_ref() == name => {
                Ok(Some(entry))
            }
            Some(entry) => Err(VaultError::KeyExists {
                fingerprint,
                existing_name: entry.name.as_ref().map(|name| name.as_str().to_owned()),
            }),
        }
    }
}
