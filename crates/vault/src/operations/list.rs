//! Finding keys.

use std::sync::Arc;

use strongroom_crypto::{Fingerprint, KeyPurpose, KeyUsages};

use crate::{directory::KeyEntry, error::VaultError, vault::Vault};

/// Which keys to list: those that pass every filter that is set (reference: vault-service, section 3, "Filters").
#[derive(Clone, Debug, Default)]
pub struct KeyFilter {
    /// Exactly this key.
    pub fingerprint: Option<Fingerprint>,
    /// The name contains this; a key without a name counts as one with an empty name.
    pub name: String,
    /// Any of these purposes; empty means all.
    pub purposes: Vec<KeyPurpose>,
    /// Signing keys must share one of these usages, proof of ownership aside. Encryption keys are not excluded by it.
    pub usages: Option<KeyUsages>,
    /// Also list keys of which the vault has the public half only.
    pub public_only: bool,
}

impl KeyFilter {
    fn accepts(&self, entry: &KeyEntry) -> bool {
        let name = entry.name.as_ref().map_or("", |name| name.as_str());
        (self.public_only || entry.private.is_some())
            && self
                .fingerprint
                .is_none_or(|fingerprint| fingerprint == entry.fingerprint())
            && name.contains(&self.name)
            && (self.purposes.is_empty() || self.purposes.contains(&entry.purpose()))
            && match (self.usages, entry.usages()) {
                (Some(wanted), Some(usages)) => usages.intersects_relevantly(wanted),
                _ => true,
            }
    }
}

impl Vault {
    /// The keys that pass `filter`, ordered by fingerprint.
    ///
    /// # Errors
    /// [`VaultError::UsageOfEncryptionKeys`] when the filter asks for encryption keys with a usage.
    pub fn list(&self, filter: &KeyFilter) -> Result<Vec<Arc<KeyEntry>>, VaultError> {
        if filter.usages.is_some() && filter.purposes.contains(&KeyPurpose::Encryption) {
            return Err(VaultError::UsageOfEncryptionKeys);
        }
        let mut entries = self.directory().entries();
        entries.retain(|entry| filter.accepts(entry));
        Ok(entries)
    }

    /// The key with this fingerprint.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`].
    pub fn key(&self, fingerprint: &Fingerprint) -> Result<Arc<KeyEntry>, VaultError> {
        self.directory()
            .entry(fingerprint)
            .ok_or(VaultError::KeyNotFound {
                fingerprint: *fingerprint,
            })
    }
}
