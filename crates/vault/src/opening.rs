//! Opening private keys when they are first used.

use std::sync::Arc;

use strongroom_crypto::{Fingerprint, PrivateKey};

use crate::{cache::KeyCache, directory::KeyEntry, error::VaultError, vault::Vault};

/// A key just opened, and the entry that it was opened for.
pub(crate) struct Opened<K> {
    pub(crate) entry: Arc<KeyEntry>,
    pub(crate) key: K,
}

impl Vault {
    /// Runs `operation` with a key that was not in the cache, opening it by `open` unless somebody else just did.
    ///
    /// A key that was deleted or retired while it was being opened is neither kept nor used.
    pub(crate) async fn with_opened<K, T>(
        &self,
        cache: &KeyCache<K>,
        fingerprint: &Fingerprint,
        open: impl Future<Output = Result<Opened<K>, VaultError>>,
        operation: impl Fn(&K) -> T,
    ) -> Result<T, VaultError> {
        let gate = cache.gate(fingerprint);
        let permit = gate.lock().await;
        let outcome = match cache.with(fingerprint, self.now(), &operation) {
            Some(done) => Ok(done),
            None => open
                .await
                .and_then(|opened| self.use_and_keep(cache, opened, &operation)),
        };
        drop(permit);
        cache.close_gate(fingerprint, gate);
        outcome
    }

    fn use_and_keep<K, T>(
        &self,
        cache: &KeyCache<K>,
        opened: Opened<K>,
        operation: impl Fn(&K) -> T,
    ) -> Result<T, VaultError> {
        let Opened { entry, key } = opened;
        let now = self.now();
        let keep = || {
            let done = operation(&key);
            cache.insert(entry.fingerprint(), key, now);
            done
        };
        self.directory()
            .if_current(&entry, keep)
            .ok_or(VaultError::ChangedUnderneath)
    }

    /// Reads, authenticates and opens the private row of `entry`.
    pub(crate) async fn read_private_key(
        &self,
        entry: &Arc<KeyEntry>,
    ) -> Result<PrivateKey, VaultError> {
        let fingerprint = entry.fingerprint();
        if entry.private.is_none() {
            return Err(VaultError::NoPrivateKey { fingerprint });
        }
        let mut snapshot = self.environment().store.read().await?;
        let record = snapshot.private_key(fingerprint).await?;
        drop(snapshot);
        let record = record.ok_or(VaultError::ChangedUnderneath)?;
        self.authenticate(entry, &record)?;
        self.open_key(&record, &entry.public).await
    }
}
