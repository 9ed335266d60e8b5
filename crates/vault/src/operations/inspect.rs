//! What `doctor` asks of an open vault.

use strongroom_crypto::Fingerprint;
use strongroom_errors::Coded;
use strongroom_kms::WrapContext;
use strongroom_store::{Custody, KeyState, VaultId};

use crate::{
    data_keys::{OpenedDataKey, wrapped_key},
    directory::KeyEntry,
    error::VaultError,
    vault::Vault,
};

/// What a thorough look at the vault found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// Each wrap of the current data key, tried.
    pub wraps: Vec<WrapStatus>,
    /// Private keys that were opened, or that a KMS holds ready, and that fit their public halves.
    pub opened: usize,
    /// Keys that did not open, and why.
    pub broken: Vec<(Fingerprint, VaultError)>,
    /// Keys that a KMS holds.
    pub external: usize,
    /// Keys stored readable.
    pub clear: usize,
    /// Keys that once were.
    pub exposed: usize,
    /// Keys that only verify and decrypt.
    pub retired: usize,
    /// Records in the audit chain.
    pub audit_records: u64,
}

/// A wrap of the data key, tried.
#[derive(Debug)]
#[non_exhaustive]
pub struct WrapStatus {
    /// The configured name of its KMS.
    pub kms: String,
    /// The wrapper key.
    pub wrapper_key_id: String,
    /// None if it opens the vault; else the code of the failure.
    pub failure: Option<&'static str>,
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
            wraps: self.try_wraps().await?,
            opened: 0,
            broken: Vec::new(),
            external: 0,
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
    async fn try_key(&self, entry: &KeyEntry) -> Result<(), VaultError> {
        let half = entry.private.as_ref();
        match half.and_then(|half| half.external.as_ref()) {
            Some(held) => self.check_external(entry, held).await,
            None => self.private_key(&entry.fingerprint()).await.map(drop),
        }
    }

    async fn try_wraps(&self) -> Result<Vec<WrapStatus>, VaultError> {
        let mut snapshot = self.environment().store.read().await?;
        let id = self.data_keys().current().id;
        let records = snapshot.data_keys().await?;
        let record = records
            .iter()
            .find(|record| record.id == id)
            .ok_or(VaultError::UnknownDataKey { id })?;
        let wraps = snapshot.wraps(id).await?;
        drop(snapshot);
        let context = WrapContext::for_data_key(self.id().as_bytes(), id.as_bytes());
        let mut statuses = Vec::with_capacity(wraps.len());
        for wrap in wraps {
            let wrapped = wrapped_key(&wrap)?;
            let failure = match self.environment().wrapper(&wrap.kms) {
                None => Some(VaultError::NoWrapper.code().name()),
                Some(named) => match named.wrapper.unwrap_key(&wrapped, &context).await {
                    Ok(secret) => OpenedDataKey::from_unwrapped(record, secret)
                        .err()
                        .map(|error| error.code().name()),
                    Err(error) => Some(error.code().name()),
                },
            };
            statuses.push(WrapStatus {
                kms: wrap.kms,
                wrapper_key_id: wrap.wrapper_key_id,
                failure,
            });
        }
        Ok(statuses)
    }
}

impl Inspection {
    fn count(&mut self, entry: &KeyEntry) {
        let Some(private) = &entry.private else {
            return;
        };
        self.external += usize::from(private.custody == Custody::External);
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

    /// Checks that the wrap that opened this vault is the configured one, if it came from that KMS.
    ///
    /// # Errors
    /// [`VaultError::WrapperKeyContradiction`].
    pub fn expect_wrapper_key(&self, kms: &str, configured: &str) -> Result<(), VaultError> {
        let stored = self.opened_by();
        if &*stored.kms == kms && &*stored.wrapper_key_id != configured {
            return Err(VaultError::WrapperKeyContradiction {
                configured: configured.to_owned(),
                stored: stored.wrapper_key_id.as_ref().to_owned(),
            });
        }
        Ok(())
    }
}
