//! Retiring keys.

use std::{collections::BTreeMap, sync::Arc};

use strongroom_crypto::Fingerprint;
use strongroom_store::KeyState;

use crate::{
    audit::AuditOperation, caller::Caller, directory::KeyEntry, error::VaultError, unit::Unit,
    vault::Vault,
};

impl Vault {
    /// Retires a key: from now on it verifies and decrypts what is old, and neither signs nor is encrypted to.
    ///
    /// There is no way back; retiring a retired key changes nothing.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`], [`VaultError::NoPrivateKey`]; errors of the store, and then the key is still active.
    pub async fn retire_key(
        &self,
        caller: &Caller,
        fingerprint: &Fingerprint,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let mut unit = Unit::begin(self).await?;
        let entry = self.key(fingerprint)?;
        let half = entry.private.as_ref().ok_or(VaultError::NoPrivateKey {
            fingerprint: *fingerprint,
        })?;
        if half.state == KeyState::Retired {
            return Ok(entry);
        }
        let retired = unit.retire(&entry).await?;
        unit.audit(
            caller,
            AuditOperation::RetireKey,
            Some(*fingerprint),
            BTreeMap::new(),
        )
        .await?;
        unit.commit().await?;
        Ok(retired)
    }
}
