//! Authenticating what a store holds, before anything of it is believed.

use std::{hash::BuildHasherDefault, sync::Arc, thread};

use async_trait::async_trait;
use strongroom_crypto::{
    EncryptionPublicKey, KeySpec, PublicKey, SigningPublicKey, encoding::Encoder,
};
use strongroom_store::{
    DataKeyRecord, KeyRow, PrivateKeyRecord, PublicKeyRecord, ReadTransaction, TakeKeys,
    VaultRecord, WrapRecord,
};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    approvals::Approval,
    background::outcome_of,
    backups::Backup,
    data_keys::{DataKeys, OpenedDataKey},
    digest::MultisetDigest,
    directory::{Entries, KeyEntry, PrivateHalf},
    error::VaultError,
    journal::JournalEntry,
    node::{Identity, Rotation},
    rows::{self, Tag},
    state::VaultState,
};

/// Keys read and authenticated at a time.
const PAGE: usize = 1024;
/// Pages read ahead of those being authenticated, for each thread.
const READ_AHEAD: usize = 4;

/// What was found authentic so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    digest: MultisetDigest,
    entries: u64,
}

impl Found {
    /// All that was there after the commit that left `state`.
    pub(crate) const fn of(state: &VaultState) -> Self {
        Self {
            digest: state.digest,
            entries: state.entries,
        }
    }

    pub(crate) fn add(&mut self, element: &Tag) {
        self.digest.add(element);
        self.entries += 1;
    }

    pub(crate) fn remove(&mut self, element: &Tag) {
        self.digest.remove(element);
        self.entries = self.entries.wrapping_sub(1);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.digest.merge(&other.digest);
        self.entries = self.entries.wrapping_add(other.entries);
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        self.digest.remove(&other.digest.to_bytes());
        self.entries = self.entries.wrapping_sub(other.entries);
    }

    /// The sum over so many entries as were found.
    ///
    /// # Errors
    /// [`VaultError::StateMismatch`]: there are more or fewer.
    pub(crate) fn digest_of(&self, expected_entries: u64) -> Result<MultisetDigest, VaultError> {
        if self.entries == expected_entries {
            Ok(self.digest)
        } else {
            Err(VaultError::StateMismatch {
                expected_entries,
                found_entries: self.entries,
            })
        }
    }

    /// Holds everything that was found against what the last commit left.
    ///
    /// # Errors
    /// [`VaultError::StateMismatch`]: a row was dropped, revived, or put back to an earlier day.
    pub(crate) fn check(&self, state: &VaultState) -> Result<(), VaultError> {
        if self.digest == state.digest && self.entries == state.entries {
            Ok(())
        } else {
            Err(VaultError::StateMismatch {
                expected_entries: state.entries,
                found_entries: self.entries,
            })
        }
    }
}

/// Authenticates everything but keys.
///
/// # Errors
/// [`VaultError::RowNotAuthentic`]. Rows without a tag of their own show in [`Found::check`].
pub(crate) fn metadata(
    vault: &VaultRecord,
    data_keys: &[DataKeyRecord],
    wraps: &[WrapRecord],
    current: &OpenedDataKey,
) -> Result<Found, VaultError> {
    let mut found = Found::default();
    found.add(&current.element(&rows::tag_vault(vault, current)));
    for record in data_keys {
        let tag = rows::tag_data_key(record, current);
        rows::check_tag(&tag, &record.mac, rows::DATA_KEYS, &record.id)?;
        found.add(&current.element(&tag));
    }
    for wrap in wraps {
        found.add(&current.element(&rows::tag_wrap(wrap, current)));
    }
    Ok(found)
}

/// Authenticates what the store says of the node: who it is, and its rotations under way.
///
/// # Errors
/// [`VaultError::RowNotAuthentic`]; errors of the store.
pub(crate) async fn node(
    snapshot: &mut dyn ReadTransaction,
    data_keys: &DataKeys,
    found: &mut Found,
) -> Result<(Option<Identity>, Vec<Rotation>), VaultError> {
    let identity = match snapshot.identity().await? {
        None => None,
        Some(record) => Some(Identity::authentic(&record, data_keys)?),
    };
    let mut rotations = Vec::new();
    for record in snapshot.rotations().await? {
        rotations.push(Rotation::authentic(&record, data_keys)?);
    }
    let current = data_keys.current();
    for element in identity
        .iter()
        .map(|identity| identity.element(current))
        .chain(rotations.iter().map(|rotation| rotation.element(current)))
    {
        found.add(&element);
    }
    Ok((identity, rotations))
}

/// Authenticates the journal of keys that a KMS makes or destroys.
///
/// # Errors
/// [`VaultError::RowNotAuthentic`]; errors of the store.
pub(crate) async fn journal(
    snapshot: &mut dyn ReadTransaction,
    data_keys: &DataKeys,
    found: &mut Found,
) -> Result<Vec<JournalEntry>, VaultError> {
    let mut entries = Vec::new();
    for record in snapshot.kms_journal().await? {
        let entry = JournalEntry::authentic(record, data_keys)?;
        found.add(&entry.element(data_keys.current()));
        entries.push(entry);
    }
    Ok(entries)
}

/// Authenticates what the store says of the backups that were made.
///
/// # Errors
/// [`VaultError::RowNotAuthentic`]; errors of the store.
pub(crate) async fn backups(
    snapshot: &mut dyn ReadTransaction,
    data_keys: &DataKeys,
    found: &mut Found,
) -> Result<Vec<Backup>, VaultError> {
    let mut backups = Vec::new();
    for record in snapshot.backups().await? {
        let backup = Backup::authentic(record, data_keys)?;
        found.add(&backup.element(data_keys.current()));
        backups.push(backup);
    }
    Ok(backups)
}

/// Authenticates what was asked for and needs a second person.
///
/// # Errors
/// [`VaultError::RowNotAuthentic`]; errors of the store.
pub(crate) async fn approvals(
    snapshot: &mut dyn ReadTransaction,
    data_keys: &DataKeys,
    found: &mut Found,
) -> Result<Vec<Approval>, VaultError> {
    let mut approvals = Vec::new();
    for record in snapshot.approvals().await? {
        let approval = Approval::authentic(&record, data_keys)?;
        found.add(&approval.element(data_keys.current()));
        approvals.push(approval);
    }
    Ok(approvals)
}

/// Authenticates all keys, about `expected` of them: reads page after page while other threads authenticate.
///
/// # Errors
/// [`VaultError::RowNotAuthentic`]; errors of the store. A public row that was dropped takes its private row with it:
/// it shows in [`Found::check`].
pub(crate) async fn keys(
    snapshot: &mut dyn ReadTransaction,
    data_keys: &Arc<DataKeys>,
    expected: usize,
    found: &mut Found,
) -> Result<Entries, VaultError> {
    // One processor reads.
    let threads = thread::available_parallelism()
        .map_or(1, |all| all.get() - 1)
        .max(1);
    let mut workers: Vec<_> = (0..threads)
        .map(|_| Worker::start(Arc::clone(data_keys), expected / threads))
        .collect();
    let mut sharing = Sharing {
        workers: &workers,
        next: 0,
    };
    snapshot.all_keys(PAGE, &mut sharing).await?;
    let mut entries = Entries::default();
    for worker in workers.drain(..) {
        let authentic = worker.join().await?;
        found.merge(&authentic.found);
        if entries.is_empty() {
            entries = authentic.entries;
        } else {
            entries.extend(authentic.entries);
        }
    }
    Ok(entries)
}

/// Shares pages among workers.
struct Sharing<'w> {
    workers: &'w [Worker],
    next: usize,
}

#[async_trait]
impl TakeKeys for Sharing<'_> {
    /// A worker that is gone found a bad row, and joining it says so.
    async fn take(&mut self, keys: Vec<KeyRow>) -> bool {
        let worker = self.workers.get(self.next % self.workers.len());
        self.next += 1;
        match worker {
            Some(worker) => worker.pages.send(keys).await.is_ok(),
            None => false,
        }
    }
}

/// A thread that authenticates pages.
struct Worker {
    pages: mpsc::Sender<Vec<KeyRow>>,
    thread: JoinHandle<Result<Authentic, VaultError>>,
}

impl Worker {
    fn start(data_keys: Arc<DataKeys>, expected: usize) -> Self {
        let (pages, mut queue) = mpsc::channel::<Vec<KeyRow>>(READ_AHEAD);
        let thread = tokio::task::spawn_blocking(move || {
            let mut authentic = Authentic::with_capacity(expected);
            let mut encoder = Encoder::new();
            while let Some(rows) = queue.blocking_recv() {
                for (public, private) in rows {
                    authentic.take(public, private, &data_keys, &mut encoder)?;
                }
            }
            Ok(authentic)
        });
        Self { pages, thread }
    }

    async fn join(self) -> Result<Authentic, VaultError> {
        drop(self.pages);
        outcome_of(self.thread).await
    }
}

/// Keys that were found authentic.
struct Authentic {
    entries: Entries,
    found: Found,
}

impl Authentic {
    fn with_capacity(capacity: usize) -> Self {
        let entries = Entries::with_capacity_and_hasher(capacity, BuildHasherDefault::default());
        Self {
            entries,
            found: Found::default(),
        }
    }

    fn take(
        &mut self,
        public: PublicKeyRecord,
        private: Option<PrivateKeyRecord>,
        data_keys: &DataKeys,
        encoder: &mut Encoder,
    ) -> Result<(), VaultError> {
        let entry = entry(public, private, data_keys, encoder)?;
        self.found.add(&entry.element(data_keys.current()));
        self.entries.insert(entry.fingerprint(), Arc::new(entry));
        Ok(())
    }
}

/// Authenticates one key.
///
/// # Errors
/// [`VaultError::RowNotAuthentic`].
pub(crate) fn entry(
    public: PublicKeyRecord,
    private: Option<PrivateKeyRecord>,
    data_keys: &DataKeys,
    encoder: &mut Encoder,
) -> Result<KeyEntry, VaultError> {
    let private = private
        .map(|record| authentic_half(&record, data_keys, encoder))
        .transpose()?;
    authentic_entry(public, private, data_keys, encoder)
}

fn authentic_half(
    record: &PrivateKeyRecord,
    data_keys: &DataKeys,
    encoder: &mut Encoder,
) -> Result<PrivateHalf, VaultError> {
    rows::check_tag(
        &rows::tag_private_key(record, data_keys, encoder)?,
        &record.mac,
        rows::PRIVATE_KEYS,
        &record.fingerprint,
    )?;
    PrivateHalf::of(record, data_keys)
}

/// Rebuilds the public key and computes its fingerprint anew: a row cannot claim another's.
fn authentic_entry(
    record: PublicKeyRecord,
    private: Option<PrivateHalf>,
    data_keys: &DataKeys,
    encoder: &mut Encoder,
) -> Result<KeyEntry, VaultError> {
    let refused = |fingerprint| rows::not_authentic(rows::PUBLIC_KEYS, &fingerprint);
    rows::check_tag(
        &rows::tag_public_key(&record, data_keys, encoder)?,
        &record.mac,
        rows::PUBLIC_KEYS,
        &record.fingerprint,
    )?;
    let public = match (record.spec, record.usages) {
        (KeySpec::Signing(spec), Some(usages)) => {
            PublicKey::Signing(SigningPublicKey::from_validated(spec, record.spki, usages))
        }
        (KeySpec::Encryption(spec), None) => {
            PublicKey::Encryption(EncryptionPublicKey::from_validated(spec, record.spki))
        }
        _ => return Err(refused(record.fingerprint)),
    };
    if public.fingerprint() != record.fingerprint {
        return Err(refused(record.fingerprint));
    }
    Ok(KeyEntry {
        public,
        name: record.name,
        created_at: record.created_at,
        private,
        public_tag: record.mac,
        public_data_key: record.data_key_id,
    })
}
