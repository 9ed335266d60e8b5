//! Files that were changed by anything but the store.

use std::fs;

use strongroom_store::{Damage, Store, StoreError};
use strongroom_store_sqlite::SqliteStore;
use strongroom_test_support::store::{Storage, samples};

use crate::common::{TemporaryFolder, all_keys};

/// Pseudo-random numbers that are the same in every run (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// Which uses of a damaged file were refused.
#[derive(Debug, Default)]
struct Refusals {
    opening: Option<StoreError>,
    /// What the vault reads when it opens.
    reading: Option<StoreError>,
    writing: Option<StoreError>,
    checking: Option<StoreError>,
}

impl Refusals {
    fn all(&self) -> impl Iterator<Item = &StoreError> {
        [&self.opening, &self.reading, &self.writing, &self.checking]
            .into_iter()
            .flatten()
    }

    /// Nothing can be stored: the first write is refused at the latest.
    fn protect_the_file(&self) -> bool {
        self.opening.is_some() || self.writing.is_some()
    }
}

/// Uses a damaged file in every way. Whatever happens it must be an answer or a clear refusal, and the file stays as it
/// is.
async fn use_damaged(bytes: &[u8]) -> Refusals {
    let folder = TemporaryFolder::new();
    folder.put("vault.db", bytes);
    let _whatever_but_a_panic = SqliteStore::exists(folder.path());
    let mut refusals = Refusals::default();
    match SqliteStore::open(folder.path()).await {
        Ok(store) => {
            refusals.reading = read_as_a_vault_does(&store).await.err();
            refusals.writing = try_to_write(&store).await.err();
            refusals.checking = store.check_integrity().await.err();
            let _whatever_but_a_panic = store.close().await;
        }
        Err(error) => refusals.opening = Some(error),
    }
    assert_eq!(
        fs::read(folder.database()).unwrap(),
        bytes,
        "the file was changed: {refusals:?}"
    );
    for error in refusals.all() {
        assert!(is_clear(error), "{refusals:?}");
    }
    refusals
}

async fn read_as_a_vault_does(store: &SqliteStore) -> Result<(), StoreError> {
    let mut read = store.read().await?;
    read.vault().await?;
    for data_key in read.data_keys().await? {
        read.wraps(data_key.id).await?;
    }
    read.audit_head().await?;
    read.keys_after(None, usize::MAX).await?;
    Ok(())
}

/// A store that has refused a write refuses the next one, too.
async fn try_to_write(store: &SqliteStore) -> Result<(), StoreError> {
    let first = begin_and_stop(store).await;
    let second = begin_and_stop(store).await;
    assert_eq!(first.is_err(), second.is_err(), "{first:?} {second:?}");
    if first.is_err() {
        assert!(store.scrub().await.is_err(), "{first:?}");
    }
    first
}

async fn begin_and_stop(store: &SqliteStore) -> Result<(), StoreError> {
    store.begin().await?.rollback().await
}

fn is_clear(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Corrupted { .. }
            | StoreError::NotAVault { .. }
            | StoreError::NewerSchema { .. }
    )
}

#[tokio::test]
async fn changed_bytes_anywhere_are_refused_clearly_or_do_no_harm() {
    let folder = TemporaryFolder::with_vault(300).await;
    let sound = fs::read(folder.database()).unwrap();
    let mut numbers = Numbers(0x5eed);
    let mut refused = 0;
    for round in 0..400 {
        let mut bytes = sound.clone();
        // Half of the rounds aim at the parts that hold structure: the header and the beginnings of pages.
        let at = if round % 2 == 0 {
            numbers.below(bytes.len())
        } else {
            numbers.below(bytes.len() / 4096) * 4096 + numbers.below(120)
        };
        let length = 1 + numbers.below(16);
        for byte in bytes.iter_mut().skip(at).take(length) {
            *byte ^= u8::try_from(1 + numbers.below(255)).unwrap();
        }
        let refusals = use_damaged(&bytes).await;
        refused += usize::from(refusals.all().next().is_some());
        if let (Some(StoreError::Corrupted { damage, .. }), false) =
            (&refusals.checking, refusals.protect_the_file())
        {
            // What the quick look does not see is a matter of values and references, which no write makes worse.
            assert!(
                matches!(damage, Damage::Reference { .. } | Damage::Structure { .. }),
                "{length} bytes at {at}: {refusals:?}"
            );
        }
    }
    // The rest fell into MACs, ciphertexts and free space, which the vault authenticates or nobody reads.
    assert!(refused > 100, "only {refused} rounds were noticed");
}

#[tokio::test]
async fn a_truncated_database_is_refused_clearly() {
    let folder = TemporaryFolder::with_vault(150).await;
    let sound = fs::read(folder.database()).unwrap();
    let mut numbers = Numbers(0xcafe);
    let random = (0..60).map(|_| numbers.below(sound.len()));
    for length in [1, 15, 16, 71, 72, 99, 100, 511, 512, 4095, 4096, 4097, 8192]
        .into_iter()
        .chain(random)
    {
        let refusals = use_damaged(&sound[..length]).await;
        assert!(
            refusals.protect_the_file(),
            "{length} bytes left: {refusals:?}"
        );
    }
}

#[tokio::test]
async fn zeros_in_place_of_a_page_are_refused_clearly() {
    let folder = TemporaryFolder::with_vault(150).await;
    let sound = fs::read(folder.database()).unwrap();
    for page in 0..sound.len() / 4096 {
        let mut bytes = sound.clone();
        bytes[page * 4096..(page + 1) * 4096].fill(0);
        let refusals = use_damaged(&bytes).await;
        assert!(refusals.protect_the_file(), "page {page}: {refusals:?}");
    }
}

#[tokio::test]
async fn damage_that_opening_does_not_meet_stops_the_first_write_and_every_later_one() {
    let folder = TemporaryFolder::with_vault(150).await;
    let mut bytes = fs::read(folder.database()).unwrap();
    let audit_page: u32 = folder
        .connection()
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'audit'",
            (),
            |row| row.get(0),
        )
        .unwrap();
    // Number of cells, in a page without any.
    bytes[usize::try_from(audit_page - 1).unwrap() * 4096 + 4] ^= 0x10;
    folder.put("vault.db", &bytes);

    let store = SqliteStore::open(folder.path()).await.unwrap();
    assert_eq!(all_keys(&store).await.unwrap().len(), 150);
    for _attempt in 0..3 {
        let error = store.begin().await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupted { .. }), "{error:?}");
    }
    let error = store.scrub().await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupted { .. }), "{error:?}");
    assert_eq!(all_keys(&store).await.unwrap().len(), 150, "reads go on");
    store.close().await.unwrap();
    assert!(fs::read(folder.database()).unwrap() == bytes);
}

#[tokio::test]
async fn a_damaged_database_with_a_log_to_write_back_is_refused_at_opening() {
    let folder = TemporaryFolder::with_vault(150).await;
    let store = folder.open().await;
    let mut write = store.begin().await.unwrap();
    write.append_audit(samples::audit(1)).await.unwrap();
    write.commit().await.unwrap();
    let crashed = folder.copy();
    let mut bytes = fs::read(crashed.database()).unwrap();
    // The last page is one of keys, which the log does not hold.
    let last_page = bytes.len() - 4096;
    bytes[last_page..].fill(0x55);
    crashed.put("vault.db", &bytes);
    let before = crashed.files();

    let error = SqliteStore::open(crashed.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupted { .. }), "{error:?}");
    let mut after = crashed.files();
    after.retain(|(path, _)| !path.to_string_lossy().ends_with("-shm"));
    assert!(after == before, "a refused vault was changed");
}

#[tokio::test]
async fn a_damaged_vault_is_there_but_does_not_open() {
    let folder = TemporaryFolder::with_vault(150).await;
    let mut bytes = fs::read(folder.database()).unwrap();
    bytes[100..4096].fill(0x55);
    folder.put("vault.db", &bytes);
    assert!(SqliteStore::exists(folder.path()));
    let error = SqliteStore::open(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupted { .. }), "{error:?}");
    let error = SqliteStore::create(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupted { .. }), "{error:?}");
}
