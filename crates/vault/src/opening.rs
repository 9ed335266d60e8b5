//! Opening private keys when they are first used.

use std::sync::Arc;

use strongroom_crypto::{Fingerprint, KeyError, PrivateKey};
use strongroom_store::Sealing;

use crate::{
    cache::{KeyCache, OpenedBy},
    directory::KeyEntry,
    error::{ReplicaError, VaultError},
    vault::Vault,
};

/// A key just opened, and the entry that it was opened for.
pub(crate) struct Opened<K> {
    pub(crate) entry: Arc<KeyEntry>,
    pub(crate) key: K,
}

impl Vault {
    /// Runs `operation` with a key that was not in the cache, opening it by `open` unless somebody else just did.
    ///
    /// A key that was changed while it was being opened is neither kept nor used: `open` (which may say so itself, by
    /// none) is asked again, and finds it retired, deleted, or sealed otherwise.
    pub(crate) async fn with_opened<K, T, F>(
        &self,
        cache: &KeyCache<K>,
        fingerprint: &Fingerprint,
        open: impl Fn() -> F,
        operation: impl Fn(&K) -> T,
    ) -> Result<T, VaultError>
    where
        F: Future<Output = Result<Option<Opened<K>>, VaultError>>,
    {
        let gate = cache.gate(fingerprint);
        let _permit = gate.lock().await;
        loop {
            if let Some(done) = cache.with(fingerprint, self.now(), &operation) {
                return Ok(done);
            }
            match open().await {
                Ok(Some(opened)) => {
                    if let Some(done) = self.use_and_keep(cache, opened, &operation) {
                        return Ok(done);
                    }
                }
                Ok(None) => {}
                // Opened keys outlast their KMS for as long as the settings say.
                Err(error) if is_fault_of_kms(&error) => {
                    let done = cache.with_expired(fingerprint, self.now(), &operation);
                    return done.ok_or(error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn use_and_keep<K, T>(
        &self,
        cache: &KeyCache<K>,
        opened: Opened<K>,
        operation: impl Fn(&K) -> T,
    ) -> Option<T> {
        let Opened { entry, key } = opened;
        let now = self.now();
        let private = entry.private.as_ref();
        let is_direct = private.is_some_and(|private| private.sealing == Sealing::Direct);
        let opened_by = if is_direct {
            OpenedBy::Kms
        } else {
            OpenedBy::Vault
        };
        let keep = || {
            let done = operation(&key);
            cache.insert(entry.fingerprint(), key, opened_by, now);
            done
        };
        self.directory().if_current(&entry, keep)
    }

    /// Key and private key of `fingerprint`, for operations that keep no opened key. The halves fit.
    pub(crate) async fn private_key(
        &self,
        fingerprint: &Fingerprint,
    ) -> Result<(Arc<KeyEntry>, PrivateKey), VaultError> {
        loop {
            let entry = self.key(fingerprint)?;
            let private = match self.private_key_in_force(&entry).await {
                Err(VaultError::Replica(ReplicaError::Behind)) => {
                    self.catch_up().await?;
                    None
                }
                other => other?,
            };
            let Some(private) = private else {
                continue;
            };
            // A row sealed directly opens to whatever its KMS says.
            if private.public_key(entry.usages())? != entry.public {
                return Err(KeyError::HalvesDiffer.into());
            }
            return Ok((entry, private));
        }
    }

    /// Reads, authenticates and opens the private row of `entry`; none if a unit of work has replaced the entry.
    ///
    /// The store learns of a change before the directory does, so a row that is not the one we know is tampered with
    /// only if no unit was under way. Not to be called within a unit: it waits for the one under way.
    ///
    /// # Errors
    /// [`ReplicaError::Behind`](crate::ReplicaError::Behind) when another process has committed what is not known here.
    pub(crate) async fn private_key_in_force(
        &self,
        entry: &Arc<KeyEntry>,
    ) -> Result<Option<PrivateKey>, VaultError> {
        let error = match self.read_private_key(entry).await {
            // A row may have been read under a data key, or a wrapper key, that was gone before it was looked at.
            Err(
                error @ (VaultError::RowNotAuthentic { .. }
                | VaultError::UnknownDataKey { .. }
                | VaultError::WrapperKeyNotConfigured { .. }
                | VaultError::ChangedUnderneath),
            ) => error,
            other => return other.map(Some),
        };
        self.settled().await;
        // Another process may have changed it; and as long as that is not known, nobody is accused. To catch up is up to
        // somebody who holds no lock.
        self.check_abreast().await?;
        match self.directory().if_current(entry, || ()) {
            Some(()) => Err(error),
            None => Ok(None),
        }
    }

    /// Reads, authenticates and opens the private row of `entry`, as it must be if nobody writes.
    pub(crate) async fn read_private_key(
        &self,
        entry: &Arc<KeyEntry>,
    ) -> Result<PrivateKey, VaultError> {
        let fingerprint = entry.fingerprint();
        let half = entry.private.as_ref();
        let half = half.ok_or(VaultError::NoPrivateKey { fingerprint })?;
        if let Some(held) = &half.external {
            return Err(VaultError::HeldByKms {
                fingerprint,
                kms: held.kms.clone(),
            });
        }
        let mut snapshot = self.environment().store.read().await?;
        let record = snapshot.private_key(fingerprint).await?;
        drop(snapshot);
        let record = record.ok_or(VaultError::ChangedUnderneath)?;
        self.authenticate(entry, &record)?;
        self.open_key(&record, &entry.public).await
    }
}

/// Whether the KMS is down, rather than refuses.
fn is_fault_of_kms(error: &VaultError) -> bool {
    matches!(error, VaultError::Kms(source) if source.is_fault_of_kms())
}
