//! Moving keys to the new data key: read, opened, sealed and tagged while the batch before is being written.

use std::sync::Arc;

use strongroom_crypto::{Fingerprint, Random, SecretBytes, encoding::Encoder};
use strongroom_store::{KeyRow, PrivateKeyRecord, PublicKeyRecord, Sealing, VaultId};
use subtle::ConstantTimeEq;

use super::{
    Moved,
    direct::{KEYS_PER_COMMIT, Resealed},
    incoming,
};
use crate::{
    background::on_a_thread,
    data_keys::DataKeys,
    directory::{KeyEntry, PrivateHalf},
    error::{VaultError, WrapperKeyError},
    fingerprints::FingerprintMap,
    rows,
    sealing::{Reseal, context_of},
    unit::{MovedKey, Unit},
    vault::Vault,
};

/// Keys to move, in the order of their fingerprints, and how far they were read.
struct Queue {
    entries: Vec<Arc<KeyEntry>>,
    next: usize,
    /// Of which so many at most are in a batch.
    batch: usize,
}

/// A batch that is ready to be written.
struct Batch {
    moved: Vec<MovedKey>,
    /// Keys whose rows are not those that the vault knows, or not there: changed meanwhile, or behind our back.
    doubtful: Vec<Arc<KeyEntry>>,
    /// Why no further key can move, once these have.
    failed: Option<VaultError>,
}

impl Vault {
    /// Moves every key that is under the old data key now. Those that others change meanwhile stay for the next time.
    pub(super) async fn move_keys(&self, moved: &mut Moved<'_>) -> Result<(), VaultError> {
        let mut queue = self.keys_to_move()?;
        let mut ready = self.next_batch(&mut queue).await?;
        while let Some(mut batch) = ready {
            if let Some(failed) = batch.failed.take() {
                moved.add(self.write(batch).await?)?;
                return Err(failed);
            }
            // A failure ahead does not keep from being written what is ready.
            let (next, written) = tokio::join!(self.next_batch(&mut queue), self.write(batch));
            moved.add(written?)?;
            ready = next?;
        }
        Ok(())
    }

    /// As the directory knows them now: rows that are read later are as old or newer.
    fn keys_to_move(&self) -> Result<Queue, VaultError> {
        let data_keys = self.data_keys();
        let new = incoming(&data_keys)?.id;
        let wrapper_keys = self.wrapper_keys_of(new);
        let mut entries = self.directory().entries();
        entries.retain(|entry| !entry.is_under(new, &wrapper_keys));
        let mut batch = self.settings().rotation.keys_per_commit.max(1);
        let mut of_kms = entries.iter();
        if of_kms.any(|entry| entry.is_sealed_by_other_than(&wrapper_keys)) {
            batch = batch.min(KEYS_PER_COMMIT);
        }
        let next = 0;
        Ok(Queue {
            entries,
            next,
            batch,
        })
    }

    async fn next_batch(&self, queue: &mut Queue) -> Result<Option<Batch>, VaultError> {
        let Some(first) = queue.entries.get(queue.next) else {
            return Ok(None);
        };
        let batch = queue.batch;
        let mut snapshot = self.environment().store.read().await?;
        let page = snapshot
            .keys_after(before(first.fingerprint()), batch)
            .await?;
        drop(snapshot);
        let last = page.last().map(|(public, _)| public.fingerprint);
        let rest = queue.entries.get(queue.next..).unwrap_or_default();
        let covered = match last {
            Some(last) if page.len() == batch => {
                rest.partition_point(|entry| entry.fingerprint() <= last)
            }
            // There are no more.
            _ => rest.len(),
        };
        queue.next += covered;
        let mut wanted: FingerprintMap<Arc<KeyEntry>> = rest
            .iter()
            .take(covered)
            .map(|entry| (entry.fingerprint(), Arc::clone(entry)))
            .collect();
        let rows = page.into_iter().filter_map(|(public, private)| {
            let entry = wanted.remove(&public.fingerprint)?;
            Some((entry, (public, private)))
        });
        let mut rows: Vec<_> = rows.collect();
        let missing = wanted.into_values().collect();
        let (resealed, failed) = self.reseal_directly(&mut rows).await?;
        let worker = Worker {
            data_keys: self.data_keys(),
            vault: self.id(),
            random: Arc::clone(&self.environment().random),
        };
        let work = move || worker.run(rows, resealed, missing);
        let batch = on_a_thread(work).await?;
        Ok(Some(Batch { failed, ..batch }))
    }

    /// Writes a batch, and says how many keys have moved.
    async fn write(&self, batch: Batch) -> Result<u64, VaultError> {
        let Batch {
            moved, doubtful, ..
        } = batch;
        if !doubtful.is_empty() {
            self.settled().await;
            for entry in doubtful {
                // Nobody has changed it, and yet it is another row.
                if self.directory().if_current(&entry, || ()).is_some() {
                    let fingerprint = entry.fingerprint();
                    return Err(rows::not_authentic(rows::PRIVATE_KEYS, &fingerprint));
                }
            }
        }
        if moved.is_empty() {
            return Ok(0);
        }
        let mut unit = Unit::begin(self).await?;
        let count = unit.move_keys(moved).await?;
        unit.commit().await?;
        Ok(count)
    }
}

/// The fingerprint just before this one; none before the first.
fn before(fingerprint: Fingerprint) -> Option<Fingerprint> {
    let mut bytes = *fingerprint.as_bytes();
    for byte in bytes.iter_mut().rev() {
        let (less, borrow) = byte.overflowing_sub(1);
        *byte = less;
        if !borrow {
            return Some(Fingerprint::from_bytes(bytes));
        }
    }
    None
}

/// Computes, on a thread of its own, what rows become.
struct Worker {
    data_keys: Arc<DataKeys>,
    vault: VaultId,
    random: Arc<dyn Random>,
}

impl Worker {
    fn run(
        &self,
        rows: Vec<(Arc<KeyEntry>, KeyRow)>,
        mut resealed: FingerprintMap<Resealed>,
        missing: Vec<Arc<KeyEntry>>,
    ) -> Result<Batch, VaultError> {
        let mut batch = Batch {
            moved: Vec::with_capacity(rows.len()),
            doubtful: missing,
            failed: None,
        };
        let mut encoder = Encoder::new();
        let mut scratch = SecretBytes::zeroed(64);
        for (entry, (public, private)) in rows {
            if !self.is_known(&entry, &public, private.as_ref(), &mut encoder)? {
                batch.doubtful.push(entry);
                continue;
            }
            let resealed = resealed.remove(&public.fingerprint);
            let private = match private {
                None => None,
                Some(record) => {
                    Some(self.private(&entry, record, resealed, &mut encoder, &mut scratch)?)
                }
            };
            batch
                .moved
                .push(self.moved(entry, public, private, &mut encoder)?);
        }
        Ok(batch)
    }

    /// Whether these are the rows that the vault authenticated or wrote last.
    fn is_known(
        &self,
        entry: &KeyEntry,
        public: &PublicKeyRecord,
        private: Option<&PrivateKeyRecord>,
        encoder: &mut Encoder,
    ) -> Result<bool, VaultError> {
        let known = |id| self.data_keys.named(id).is_ok();
        let named = [
            Some(&public.data_key_id),
            private.map(|row| &row.data_key_id),
        ];
        if !named.into_iter().flatten().all(known) {
            return Ok(false);
        }
        let tag = rows::tag_public_key(public, &self.data_keys, encoder)?;
        let same_public: bool = entry.public_tag.ct_eq(&tag).into();
        let same_private = match (&entry.private, private) {
            (None, None) => true,
            (Some(half), Some(record)) => {
                let tag = rows::tag_private_key(record, &self.data_keys, encoder)?;
                half.tag.ct_eq(&tag).into()
            }
            _ => false,
        };
        Ok(same_public && same_private)
    }

    fn private(
        &self,
        entry: &KeyEntry,
        mut record: PrivateKeyRecord,
        resealed: Option<Resealed>,
        encoder: &mut Encoder,
        scratch: &mut SecretBytes,
    ) -> Result<PrivateKeyRecord, VaultError> {
        let new = self.data_keys.writing();
        if let Some(resealed) = resealed {
            record.wrapper_key_id = Some(resealed.wrapper_key_id);
            record.key = resealed.key;
        }
        if let (Sealing::DataKey, Some(sealed)) = (record.sealing, record.key.sealed())
            && record.data_key_id != new.id
        {
            let reseal = Reseal {
                old: self.data_keys.named(&record.data_key_id)?,
                new,
                random: self.random.as_ref(),
            };
            let moved = reseal.run(sealed, &context_of(self.vault, &entry.public), scratch);
            let fingerprint = entry.fingerprint();
            let moved = moved.ok_or_else(|| rows::not_authentic(rows::PRIVATE_KEYS, &fingerprint));
            record
                .key
                .replace_sealed(moved.map_err(|error| not_moved(entry, error))??);
        }
        record.data_key_id = new.id;
        record.mac = rows::tag_private_key(&record, &self.data_keys, encoder)?;
        Ok(record)
    }

    fn moved(
        &self,
        before: Arc<KeyEntry>,
        mut public: PublicKeyRecord,
        private: Option<PrivateKeyRecord>,
        encoder: &mut Encoder,
    ) -> Result<MovedKey, VaultError> {
        let (new, current) = (self.data_keys.writing(), self.data_keys.current());
        public.data_key_id = new.id;
        public.mac = rows::tag_public_key(&public, &self.data_keys, encoder)?;
        let half = private.as_ref();
        let half = half.map(|record| PrivateHalf::of(record, &self.data_keys));
        let after = KeyEntry {
            private: half.transpose()?,
            public_tag: public.mac,
            public_data_key: new.id,
            ..KeyEntry::clone(&before)
        };
        Ok(MovedKey {
            leaves: before.element(current),
            enters: after.element(current),
            before,
            after: Arc::new(after),
            public,
            private,
        })
    }
}

/// The rotation stops at this key.
pub(super) fn not_moved(entry: &KeyEntry, source: VaultError) -> VaultError {
    WrapperKeyError::KeyNotMoved {
        fingerprint: entry.fingerprint(),
        source: Box::new(source),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_before_another_is_the_next_smaller_one() {
        let mut bytes = [0; 32];
        assert_eq!(before(Fingerprint::from_bytes(bytes)), None);
        bytes[30] = 1;
        let mut smaller = [0; 32];
        smaller[31] = 0xff;
        let found = before(Fingerprint::from_bytes(bytes));
        assert_eq!(found, Some(Fingerprint::from_bytes(smaller)));
    }
}
