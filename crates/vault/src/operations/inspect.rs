//! What `doctor` asks of an open vault.

use std::sync::Arc;

use strongroom_crypto::Fingerprint;
use strongroom_store::{Custody, KeyState, VaultId};

use crate::{
    directory::KeyEntry, error::VaultError, operations::wraps::check::WrapCheck, vault::Vault,
};

/// What a thorough look at the vault found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// Each wrap, tried, and what would be lost with each provider.
    pub wraps: WrapCheck,
    /// Private keys that were opened, or that a KMS holds ready, and that fit their public halves.
    pub opened: usize,
    /// Keys that did not open, and why.
    pub broken: Vec<(Fingerprint, VaultError)>,
    /// Keys that a KMS holds.
    pub external: usize,
    /// Keys that a KMS has taken in, and of which a sealed copy is still here.
    pub copies: usize,
    /// Keys stored readable.
    pub clear: usize,
    /// Keys that once were.
    pub exposed: usize,
    /// Keys that only verify and decrypt.
    pub retired: usize,
    /// Records in the audit chain.
    pub audit_records: u64,
}

impl Vault {
    /// Opens every private key once, tries every wrap, and verifies the audit chain.
    ///
    /// `progress` hears how many keys are done, of how many.
    ///
    /// # Errors
    /// Errors of the store and a broken audit chain. Keys and wraps that fail are part of the answer.
    pub async fn inspect(
        &self,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Inspection, VaultError> {
        self.environment().store.check_integrity().await?;
        let mut inspection = Inspection {
            wraps: self.check_wraps().await,
            opened: 0,
            broken: Vec::new(),
            external: 0,
            copies: 0,
            clear: 0,
            exposed: 0,
            retired: 0,
            audit_records: self.walk_audit(|_entry| {}).await?.records,
        };
        let entries = self.directory().entries();
        for (done, entry) in entries.iter().enumerate() {
            inspection.count(entry);
            if entry.private.is_some() {
                match self.try_key(entry).await {
                    Ok(()) => inspection.opened += 1,
                    // Deleted while we were looking.
                    Err(VaultError::KeyNotFound { .. }) => {}
                    Err(error) => inspection.broken.push((entry.fingerprint(), error)),
                }
            }
            progress(done + 1, entries.len());
        }
        Ok(inspection)
    }

    /// Opens a key, or asks the KMS that holds it whether it is still there and usable.
    async fn try_key(&self, entry: &Arc<KeyEntry>) -> Result<(), VaultError> {
        let half = entry.private.as_ref();
        match half.and_then(|half| half.external.as_ref()) {
            Some(held) => {
                self.check_external(entry, held).await?;
                self.check_copy(entry).await
            }
            None => self.private_key(&entry.fingerprint()).await.map(drop),
        }
    }
}

impl Inspection {
    fn count(&mut self, entry: &KeyEntry) {
        let Some(private) = &entry.private else {
            return;
        };
        self.external += usize::from(private.custody == Custody::External);
        self.copies += usize::from(private.has_copy());
        self.clear += usize::from(private.custody == Custody::Clear);
        self.exposed += usize::from(private.exposed);
        self.retired += usize::from(private.state == KeyState::Retired);
    }
}

impl Vault {
    /// Checks that this is the vault that the configuration names.
    ///
    /// A vault binds its rows to its own id and cannot know which one its owner meant: without this, whoever can write
    /// the database could put another vault of the same owner in its place.
    ///
    /// # Errors
    /// [`VaultError::OtherVault`].
    pub fn expect_id(&self, configured: VaultId) -> Result<(), VaultError> {
        let found = self.id();
        if found == configured {
            Ok(())
        } else {
            Err(VaultError::OtherVault { configured, found })
        }
    }

    /// Checks that a wrapper key which the configuration names for a KMS is one that the vault is wrapped by there.
    ///
    /// A KMS in which the vault has no wrap yet contradicts nothing.
    ///
    /// # Errors
    /// [`VaultError::WrapperKeyContradiction`].
    pub fn expect_wrapper_key(&self, kms: &str, configured: &str) -> Result<(), VaultError> {
        let data_keys = self.data_keys();
        // During a rotation the operator may have changed the configuration already, or not yet.
        let wraps = data_keys.opened().flat_map(|key| self.wraps_of(key));
        let mut stored: Vec<_> = wraps.collect();
        stored.retain(|wrap| wrap.kms == kms);
        if stored.is_empty() || stored.iter().any(|wrap| wrap.wrapper_key_id == configured) {
            return Ok(());
        }
        let stored: Vec<_> = stored.into_iter().map(|wrap| wrap.wrapper_key_id).collect();
        Err(VaultError::WrapperKeyContradiction {
            configured: configured.to_owned(),
            stored: stored.join(", "),
        })
    }
}
