//! Taking keys in that were made in a KMS beforehand.

use std::sync::Arc;

use strongroom_crypto::{KeyName, KeyUsages, PublicKey};
use strongroom_kms::KmsKeyId;

use crate::{
    audit::{AuditOperation, key_details},
    caller::Caller,
    directory::KeyEntry,
    error::VaultError,
    operations::{external::Holder, generate::usages_of_a_key},
    unit::Unit,
    vault::Vault,
};

/// A key of a KMS that shall become one of the vault.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The configured name of the KMS; none takes the one that makes new external keys.
    pub kms: Option<String>,
    /// The key, as its KMS calls it.
    pub key: KmsKeyId,
    /// What a signing key may sign; none for an encryption key.
    pub usages: Option<KeyUsages>,
    /// The operator's label.
    pub name: Option<KeyName>,
}

impl Vault {
    /// Makes a key that is in a KMS one of this vault, in custody `external`. The KMS is asked for its state, spec and public
    /// half; from then on it is only asked to sign and to decrypt.
    ///
    /// The same key with the same name and usages again is no error and changes nothing. A key of which the vault has the
    /// public half only gets its private half.
    ///
    /// # Errors
    /// [`VaultError::UnknownKms`], [`VaultError::NoExternalKms`]; [`VaultError::ExternalKeyPurpose`] for a key that does not
    /// do what it is registered for; [`VaultError::KeyExists`] when the vault has it with another name or other usages;
    /// [`VaultError::Kms`] for a key that is missing, disabled, about to be deleted or of no known spec; errors of the store.
    pub async fn register_key(
        &self,
        caller: &Caller,
        registration: Registration,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let Registration {
            kms,
            key,
            usages,
            name,
        } = registration;
        let usages = usages_of_a_key(usages)?;
        let holder = match &kms {
            Some(kms) => self.holder(kms)?,
            None => self.maker()?,
        };
        let key = holder.keys.complete_id(&key).await?;
        let public = holder.public_key(&key, usages).await?;
        self.take_in(caller, &holder, &key, public, name).await
    }

    /// Puts a key of a KMS into the vault, and strikes what the journal says of it.
    pub(super) async fn take_in(
        &self,
        caller: &Caller,
        holder: &Holder<'_>,
        key: &KmsKeyId,
        public: PublicKey,
        name: Option<KeyName>,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let mut unit = Unit::begin(self).await?;
        let (entry, is_new) = unit.register(self, holder, key, public, name).await?;
        if is_new {
            let details = key_details(&entry);
            let fingerprint = Some(entry.fingerprint());
            unit.audit(caller, AuditOperation::RegisterKey, fingerprint, details)
                .await?;
            unit.commit().await?;
        }
        Ok(entry)
    }
}

impl Unit<'_> {
    /// Puts a key of a KMS in, and strikes what the journal says of it. Says whether that changes anything.
    pub(crate) async fn register(
        &mut self,
        vault: &Vault,
        holder: &Holder<'_>,
        key: &KmsKeyId,
        public: PublicKey,
        name: Option<KeyName>,
    ) -> Result<(Arc<KeyEntry>, bool), VaultError> {
        let kms = &holder.named.name;
        let journal = match vault.journal().about(kms, key) {
            // It is being destroyed, or just arrives by another way.
            Some((_entry, true)) => return Err(VaultError::ChangedUnderneath),
            Some((entry, false)) => Some(entry),
            None => None,
        };
        let entry = match vault.known(&public, name.as_ref())? {
            Some(entry) if entry.private.is_some() => {
                // The same key under another id, in another KMS or in another custody is not what was asked for.
                if !entry.is_held_as(kms, key) {
                    return Err(VaultError::KeyExists {
                        fingerprint: entry.fingerprint(),
                        existing_name: entry.name.as_ref().map(|name| name.as_str().to_owned()),
                    });
                }
                if journal.is_none() {
                    return Ok((entry, false));
                }
                entry
            }
            Some(entry) => {
                let half = holder.private_half(key);
                self.add_private_half(&entry, half).await?
            }
            None => {
                let half = holder.private_half(key);
                self.insert_key(public, name, Some(half)).await?
            }
        };
        if let Some(journal) = &journal {
            self.end_journal(journal).await?;
        }
        Ok((entry, true))
    }
}
