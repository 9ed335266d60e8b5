//! Destroying keys.

use strongroom_crypto::Fingerprint;
use strongroom_store::Custody;

use crate::{
    audit::{AuditOperation, key_details},
    caller::Caller,
    error::VaultError,
    unit::Unit,
    vault::Vault,
};

impl Vault {
    /// Destroys a key, both halves, and wipes it from memory. It cannot be undone but from a backup.
    ///
    /// The bytes of a key that was stored in clear are scrubbed from the store's files.
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
            key_details(&entry),
        )
        .await?;
        unit.commit().await?;
        let was_clear = entry
            .private
            .as_ref()
            .is_some_and(|private| private.custody == Custody::Clear);
        if was_clear && let Err(error) = self.environment().store.scrub().await {
            // The key is gone from its table. Its bytes leave the rest of the files when the store closes.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the store could not be scrubbed of a deleted clear key"
            );
        }
        Ok(())
    }
}
