//! Files that were changed by anything but the store.

use std::fs;

use strongroom_store::{Store, StoreError};
use strongroom_store_sqlite::SqliteStore;

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

/// What use of the damaged file says. It must be an answer or a clear refusal, and a refused file is not changed.
async fn use_damaged(bytes: &[u8]) -> Result<(), StoreError> {
    let folder = TemporaryFolder::new();
    fs::write(folder.database(), bytes).unwrap();
    let _whatever_but_a_panic = SqliteStore::exists(folder.path());
    let store = match SqliteStore::open(folder.path()).await {
        Ok(store) => store,
        Err(error) => {
            assert_eq!(
                fs::read(folder.database()).unwrap(),
                bytes,
                "a refused file was changed: {error}"
            );
            return Err(error);
        }
    };
    let mut read = store.read().await?;
    read.vault().await?;
    read.data_keys().await?;
    read.audit_after(0, 100).await?;
    drop(read);
    all_keys(&store).await?;
    store.check_integrity().await
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
    let folder = TemporaryFolder::with_vault(150).await;
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
        if let Err(error) = use_damaged(&bytes).await {
            assert!(is_clear(&error), "{length} bytes at {at}: {error:?}");
            refused += 1;
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
        let error = use_damaged(&sound[..length]).await.unwrap_err();
        assert!(is_clear(&error), "{length} bytes left: {error:?}");
    }
}

#[tokio::test]
async fn zeros_in_place_of_a_page_are_refused_clearly() {
    let folder = TemporaryFolder::with_vault(150).await;
    let sound = fs::read(folder.database()).unwrap();
    for page in 0..sound.len() / 4096 {
        let mut bytes = sound.clone();
        bytes[page * 4096..(page + 1) * 4096].fill(0);
        let error = use_damaged(&bytes).await.unwrap_err();
        assert!(is_clear(&error), "page {page}: {error:?}");
    }
}

#[tokio::test]
async fn a_damaged_vault_is_there_but_does_not_open() {
    let folder = TemporaryFolder::with_vault(150).await;
    let mut bytes = fs::read(folder.database()).unwrap();
    bytes[100..4096].fill(0x55);
    fs::write(folder.database(), bytes).unwrap();
    assert!(SqliteStore::exists(folder.path()));
    let error = SqliteStore::open(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupted { .. }), "{error:?}");
    let error = SqliteStore::create(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupted { .. }), "{error:?}");
}
