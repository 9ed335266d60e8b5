//! Bringing the keys that are there into the custody that the settings name: what a start does first.

use std::sync::Arc;

use strongroom_crypto::Fingerprint;
use strongroom_store::Custody;

use crate::{
    audit::{AuditOperation, key_details},
    caller::Caller,
    directory::KeyEntry,
    error::VaultError,
    unit::{NewPrivateHalf, Unit},
    vault::Vault,
};

/// Which keys changed their custody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CustodyChanges {
    /// They were stored in clear and are sealed now. They stay marked as exposed.
    pub sealed: Vec<Fingerprint>,
    /// They were sealed and are stored in clear now.
    pub unsealed: Vec<Fingerprint>,
}

impl Vault {
    /// Seals keys that are stored in clear although the settings seal keys of their usages; and, only if the settings say
    /// `reverted`, stores those in clear that are sealed although the settings keep such keys in clear. Where a change of the
    /// configuration needs a second person, only the settings of the remembered one say so.
    ///
    /// To be called once after opening, by whoever is to write. Each direction is one unit of work with an audit record
    /// for each key, so that an interrupted one is simply done at the next start; when nothing is to be done, nothing is
    /// written. Sealing under the data key asks no KMS.
    ///
    /// # Errors
    /// Errors of the store, and of the KMS where rows are sealed directly: keys then stay as they were.
    pub async fn apply_custody(&self, caller: &Caller) -> Result<CustodyChanges, VaultError> {
        let to_seal = self.misplaced(Custody::Clear, Custody::Envelope);
        if !to_seal.is_empty() {
            self.seal_at_start(caller, &to_seal).await?;
        }
        let mut to_unseal = self.unreverted_keys();
        if !self.settings().reverted || !self.may_unseal_at_start(&to_unseal).await {
            to_unseal.clear();
        }
        if !to_unseal.is_empty() {
            self.unseal_keys(caller, &to_unseal).await?;
        }
        Ok(CustodyChanges {
            sealed: to_seal,
            unsealed: to_unseal,
        })
    }

    /// Keys that are sealed although the settings keep keys of their usages in clear. They stay so until the settings say
    /// `reverted`.
    #[must_use]
    pub fn unreverted_keys(&self) -> Vec<Fingerprint> {
        self.misplaced(Custody::Envelope, Custody::Clear)
    }

    /// Keys in one custody that would get another one if they were made now.
    fn misplaced(&self, found: Custody, wanted: Custody) -> Vec<Fingerprint> {
        let custody = &self.settings().custody;
        let is_misplaced = |entry: &&Arc<KeyEntry>| {
            let private = entry.private.as_ref();
            private.is_some_and(|private| private.custody == found)
                && custody.of_key(entry.usages()) == wanted
        };
        let entries = self.directory().entries();
        let misplaced = entries.iter().filter(is_misplaced);
        misplaced.map(|entry| entry.fingerprint()).collect()
    }

    /// Not by a file that nobody approved, where the vault remembers that it needs a second person.
    async fn may_unseal_at_start(&self, keys: &[Fingerprint]) -> bool {
        let Err(error) = self.heed_configuration().await else {
            return true;
        };
        if !keys.is_empty() {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "sealed keys do not become readable"
            );
        }
        false
    }

    async fn seal_at_start(&self, caller: &Caller, keys: &[Fingerprint]) -> Result<(), VaultError> {
        match self.seal_clear_keys(caller, keys).await {
            Ok(_sealed) => {}
            Err(error) if !self.misplaced(Custody::Clear, Custody::Envelope).is_empty() => {
                return Err(error);
            }
            // They are sealed; what is left of their old bytes goes when the store is closed.
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "old bytes of sealed keys may still be in the files of the database"
            ),
        }
        tracing::warn!(
            keys = keys.len(),
            "sealed private keys that were stored readable: they stay exposed until new keys take their place"
        );
        Ok(())
    }

    /// Stores sealed keys in clear, all or none.
    pub(super) async fn unseal_keys(
        &self,
        caller: &Caller,
        keys: &[Fingerprint],
    ) -> Result<(), VaultError> {
        let mut halves = Vec::with_capacity(keys.len());
        for key in keys {
            let (entry, private) = self.private_key(key).await?;
            let clear = Custody::Clear;
            let half = self
                .new_private_half(&private, &entry.public, clear)
                .await?;
            halves.push((*key, half));
        }
        let mut unit = Unit::begin(self).await?;
        for (key, half) in halves {
            let entry = self.key(&key)?;
            unit.unseal(caller, &entry, half).await?;
        }
        unit.commit().await?;
        tracing::warn!(
            keys = keys.len(),
            "private keys that were sealed are stored readable now, as the configuration says"
        );
        Ok(())
    }
}

impl Unit<'_> {
    async fn unseal(
        &mut self,
        caller: &Caller,
        entry: &KeyEntry,
        half: NewPrivateHalf,
    ) -> Result<(), VaultError> {
        let entry = self
            .replace_private_key(entry, Custody::Envelope, half)
            .await?;
        let key = Some(entry.fingerprint());
        self.audit(caller, AuditOperation::UnsealKey, key, key_details(&entry))
            .await
    }
}
