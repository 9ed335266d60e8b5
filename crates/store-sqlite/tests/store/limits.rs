//! No space left.

use strongroom_store::{Store, StoreError};
use strongroom_store_sqlite::{Limits, SqliteStore};
use strongroom_test_support::store::samples;

use crate::common::{TemporaryFolder, all_keys};

const LIMITS: Limits = Limits {
    max_bytes: Some(400 << 10),
};

async fn add_keys(store: &SqliteStore, numbers: std::ops::Range<u32>) -> Result<(), StoreError> {
    let mut write = store.begin().await?;
    write
        .insert_keys(numbers.map(samples::key_pair).collect())
        .await?;
    write.commit().await
}

#[tokio::test]
async fn a_change_that_finds_no_space_changes_nothing() {
    let folder = TemporaryFolder::with_vault(10).await;
    let store = SqliteStore::open_within(folder.path(), LIMITS)
        .await
        .unwrap();
    let mut stored = 10;
    loop {
        match add_keys(&store, stored..stored + 50).await {
            Ok(()) => stored += 50,
            Err(error) => {
                assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
                break;
            }
        }
        assert!(stored < 10_000, "the limit does not hold");
    }
    assert!(stored > 100);
    let expected = (0..stored).map(samples::key_pair).collect::<Vec<_>>();
    assert_eq!(all_keys(&store).await.unwrap(), expected);
    store.check_integrity().await.unwrap();

    // Deleting works and makes room.
    let mut write = store.begin().await.unwrap();
    for number in 0..60 {
        write
            .delete_private_key(samples::fingerprint(number))
            .await
            .unwrap();
        write
            .delete_public_key(samples::fingerprint(number))
            .await
            .unwrap();
    }
    write.commit().await.unwrap();
    add_keys(&store, 0..40).await.unwrap();

    store.close().await.unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    assert_eq!(
        all_keys(&store).await.unwrap().len(),
        usize::try_from(stored).unwrap() - 20
    );
}

#[tokio::test]
async fn a_vault_that_finds_no_space_for_its_schema_can_be_created_later() {
    let folder = TemporaryFolder::new();
    let limits = Limits {
        max_bytes: Some(8 << 10),
    };
    let error = SqliteStore::create_within(folder.path(), limits)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(!SqliteStore::exists(folder.path()));
    SqliteStore::create(folder.path()).await.unwrap();
}
