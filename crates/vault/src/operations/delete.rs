//! Destroying keys.

use strongroom_crypto::Fingerprint;

use crate::{
    audit::AuditOperation, caller::Caller, error::VaultError, operations::generate::details,
    unit::Unit, vault::Vault,
};

impl Vault {
    /// Destroys a key, both halves, and wipes it from memory. It cannot be undone but from a backup.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`]; errors of the store, and then the key is still there.
    pub async fn delete_key(
        &self,
        caller: &Caller,
        fingerprint: &Fingerprint,
    ) -> Result<(), VaultError> {
        let mut unit = Unit::begin(self).await?;
        let entry = self.key(fingerprint)?;
        unit.delete_key(&entry).await?;
        unit.audit(
            caller,
            AuditOperation::DeleteKey,
            Some(*fingerprint),
            details(&entry),
        )
        .await?;
        unit.commit().await?;
        // First the directory, then the caches: nobody can open it again in between.
        self.directory().remove(fingerprint);
        self.caches().signing.remove(fingerprint);
        self.caches().decryption.remove(fingerprint);
        Ok(())
    }
}
