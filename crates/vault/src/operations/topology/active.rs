//! Which keys are in force.

use strongroom_crypto::{Fingerprint, KeyUsage};
use strongroom_topology::{At, StoreId, current_encryption_key, current_signing_key};

use crate::{error::VaultError, vault::Vault};

impl Vault {
    /// The key with which the node signs for `usage` now: the last one in its mapping that may, and whose private half is
    /// here. A rotated key is used as soon as it is announced.
    ///
    /// # Errors
    /// [`VaultError::NotIdentified`]; [`VaultError::NoCurrentKey`]; errors of the store.
    pub async fn current_signing_key(&self, usage: KeyUsage) -> Result<Fingerprint, VaultError> {
        let identity = self.identity().ok_or(VaultError::NotIdentified)?;
        let store = self.topology(&StoreId::Authorized).await?;
        let holds = |key: &Fingerprint| self.may_sign(key);
        store
            .owner_to_key(&identity.member, At::Head)
            .and_then(|mapping| current_signing_key(mapping, usage, &holds))
            .map(|key| key.fingerprint())
            .ok_or(VaultError::NoCurrentKey {
                wanted: usage.label(),
            })
    }

    /// The key that others encrypt to now: the last encryption key in the node's mapping.
    ///
    /// # Errors
    /// As [`Vault::current_signing_key`].
    pub async fn current_encryption_key(&self) -> Result<Fingerprint, VaultError> {
        let identity = self.identity().ok_or(VaultError::NotIdentified)?;
        let store = self.topology(&StoreId::Authorized).await?;
        store
            .owner_to_key(&identity.member, At::Head)
            .and_then(current_encryption_key)
            .map(|key| key.fingerprint())
            .ok_or(VaultError::NoCurrentKey {
                wanted: "encryption",
            })
    }
}
