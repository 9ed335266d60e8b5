//! Taking keys in that were made in a KMS beforehand.

use std::sync::Arc;

use strongroom_crypto::{KeyName, KeyUsages, PublicKey};
use strongroom_kms::KmsKeyId;

use super::journal::discarded;
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
        let found = self.find_held(kms.as_deref(), &key, usages).await?;
        let mut unit = Unit::begin(self).await?;
        let taken = unit.take_in(&found, name).await?;
        if taken.is_new {
            unit.audit_registration(caller, &taken.entry).await?;
            unit.commit().await?;
        }
        Ok(taken.entry)
    }

    /// What a KMS says of a key that it holds: usable, and of the purpose that is asked for.
    pub(crate) async fn find_held(
        &self,
        kms: Option<&str>,
        key: &KmsKeyId,
        usages: Option<KeyUsages>,
    ) -> Result<HeldKey<'_>, VaultError> {
        let holder = self.maker(kms)?;
        let key = holder.keys.complete_id(key).await?;
        let public = holder.public_key(&key, usages).await?;
        Ok(HeldKey {
            holder,
            key,
            public,
        })
    }
}

/// A key that a KMS holds.
pub(crate) struct HeldKey<'v> {
    pub(crate) holder: Holder<'v>,
    /// The id that means this key for good.
    pub(crate) key: KmsKeyId,
    pub(crate) public: PublicKey,
}

/// A key of a KMS that is one of the vault.
pub(crate) struct TakenIn {
    pub(crate) entry: Arc<KeyEntry>,
    /// Whether anything of it is new.
    pub(crate) is_new: bool,
}

impl Unit<'_> {
    /// Puts a key of a KMS into the vault, and strikes what the journal says of it.
    pub(crate) async fn take_in(
        &mut self,
        found: &HeldKey<'_>,
        name: Option<KeyName>,
    ) -> Result<TakenIn, VaultError> {
        let HeldKey {
            holder,
            key,
            public,
        } = found;
        let vault = self.vault();
        let kms = &holder.named.name;
        let journal = match vault.journal().about(kms, key) {
            // It is being destroyed, or just arrives by another way.
            Some((_entry, true)) => return Err(VaultError::ChangedUnderneath),
            Some((entry, false)) if entry.is_discarded() => {
                return Err(discarded(&entry));
            }
            Some((entry, false)) => Some(entry),
            None => None,
        };
        let entry = match vault.known(public, name.as_ref())? {
            Some(entry) if entry.private.is_some() => {
                // The same key under another id, in another KMS or in another custody is not what was asked for.
                if !entry.is_held_as(kms, key) {
                    return Err(VaultError::KeyExists {
                        fingerprint: entry.fingerprint(),
                        existing_name: entry.name.as_ref().map(|name| name.as_str().to_owned()),
                    });
                }
                if journal.is_none() {
                    let is_new = false;
                    return Ok(TakenIn { entry, is_new });
                }
                entry
            }
            Some(entry) => {
                self.add_private_half(&entry, holder.private_half(key))
                    .await?
            }
            None => {
                let half = holder.private_half(key);
                self.insert_key(public.clone(), name, Some(half)).await?
            }
        };
        if let Some(journal) = &journal {
            self.end_journal(journal).await?;
        }
        let is_new = true;
        Ok(TakenIn { entry, is_new })
    }

    /// Writes down that a key of a KMS is one of the vault.
    pub(crate) async fn audit_registration(
        &mut self,
        caller: &Caller,
        entry: &KeyEntry,
    ) -> Result<(), VaultError> {
        let (details, key) = (key_details(entry), Some(entry.fingerprint()));
        self.audit(caller, AuditOperation::RegisterKey, key, details)
            .await
    }
}
