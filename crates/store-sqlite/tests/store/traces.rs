//! What deleted keys leave behind.

use strongroom_store::Store;
use strongroom_test_support::store::{Storage, samples};

use crate::common::{TemporaryFolder, fill};

fn holds_clear_key(folder: &TemporaryFolder) -> bool {
    folder.files().iter().any(|(_, bytes)| {
        bytes
            .windows(samples::CLEAR_KEY.len())
            .any(|window| window == samples::CLEAR_KEY)
    })
}

async fn with_clear_keys(folder: &TemporaryFolder) -> std::sync::Arc<dyn Store> {
    let store = folder.create().await;
    fill(&store, 0).await;
    let mut write = store.begin().await.unwrap();
    let keys = (0..300)
        .map(|number| {
            (
                samples::public_key(number),
                Some(samples::clear_key(number)),
            )
        })
        .collect();
    write.insert_keys(keys).await.unwrap();
    write.commit().await.unwrap();
    assert!(holds_clear_key(folder));
    store
}

#[tokio::test]
async fn a_scrub_removes_what_readable_keys_left_behind() {
    let folder = TemporaryFolder::new();
    let store = with_clear_keys(&folder).await;
    let mut write = store.begin().await.unwrap();
    write
        .update_private_keys((0..150).map(samples::private_key).collect())
        .await
        .unwrap();
    for number in 150..300 {
        write
            .delete_private_key(samples::fingerprint(number))
            .await
            .unwrap();
    }
    write.commit().await.unwrap();

    store.scrub().await.unwrap();
    assert!(!holds_clear_key(&folder));
}

#[tokio::test]
async fn a_read_that_was_dropped_does_not_hold_up_a_scrub() {
    let folder = TemporaryFolder::new();
    let store = with_clear_keys(&folder).await;
    let mut read = store.read().await.unwrap();
    assert_eq!(read.key_count().await.unwrap(), 300);
    drop(read);
    store.scrub().await.unwrap();
}

#[tokio::test]
async fn readers_that_gave_their_pages_back_go_on_reading() {
    let folder = TemporaryFolder::new();
    let store = with_clear_keys(&folder).await;
    let mut reads = Vec::new();
    for _ in 0..4 {
        let mut read = store.read().await.unwrap();
        assert_eq!(read.keys_after(None, 1_000).await.unwrap().len(), 300);
        reads.push(read);
    }
    reads.clear();
    store.scrub().await.unwrap();
    for _ in 0..4 {
        let mut read = store.read().await.unwrap();
        assert_eq!(read.keys_after(None, 1_000).await.unwrap().len(), 300);
        reads.push(read);
    }
}

#[tokio::test]
async fn a_deleted_key_is_overwritten_in_the_database() {
    let folder = TemporaryFolder::new();
    let store = with_clear_keys(&folder).await;
    let mut write = store.begin().await.unwrap();
    for number in 0..300 {
        write
            .delete_private_key(samples::fingerprint(number))
            .await
            .unwrap();
    }
    write.commit().await.unwrap();
    store.close().await.unwrap();
    assert!(
        !holds_clear_key(&folder),
        "closing writes the log back and removes it"
    );
}
