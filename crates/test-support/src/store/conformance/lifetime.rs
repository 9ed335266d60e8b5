use strongroom_store::StoreError;

use super::{assert_error, begin, read, samples, store_with_data_key, written};
use crate::store::Storage;

/// Rows outlive the store that wrote them.
pub async fn what_was_committed_is_there_after_opening_again(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(
        store,
        |write| write.insert_vault(samples::vault()),
        write.insert_wrap(samples::wrap("local", "a")),
        write.insert_keys((0..100).map(samples::key_pair).collect()),
        write.append_audit(samples::audit(1)),
    );
    store.close().await.unwrap();
    drop(store);

    let store = storage.open().await;
    let mut read = read(&store).await;
    assert_eq!(read.vault().await.unwrap(), Some(samples::vault()));
    assert_eq!(read.data_keys().await.unwrap(), [samples::data_key(1)]);
    assert_eq!(
        read.wraps(samples::data_key_id(1)).await.unwrap(),
        [samples::wrap("local", "a")]
    );
    assert_eq!(read.audit_head().await.unwrap(), Some(samples::audit(1)));
    let keys = read.keys_after(None, 200).await.unwrap();
    assert_eq!(keys, (0..100).map(samples::key_pair).collect::<Vec<_>>());
}

/// What was committed is safe without `close`; what was not is gone.
pub async fn a_store_that_was_not_closed_loses_nothing(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(
        store,
        |write| write.insert_vault(samples::vault()),
        write.insert_keys(vec![samples::key_pair(1)])
    );
    let mut unfinished = begin(&store).await;
    unfinished
        .insert_keys(vec![samples::key_pair(2)])
        .await
        .unwrap();
    drop(unfinished);
    drop(store);

    let store = storage.open().await;
    assert_eq!(
        read(&store).await.keys_after(None, 10).await.unwrap(),
        [samples::key_pair(1)]
    );
}

/// Nothing begins after the end, and the end may come twice.
pub async fn a_closed_store_answers_that_it_is_closed(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let mut still_reading = read(&store).await;
    assert_eq!(still_reading.key_count().await.unwrap(), 0);
    store.close().await.unwrap();
    store.close().await.unwrap();
    assert_error!(store.begin().await.unwrap_err(), StoreError::Closed);
    assert_error!(store.read().await.unwrap_err(), StoreError::Closed);
    assert_error!(store.scrub().await.unwrap_err(), StoreError::Closed);
    assert_error!(
        store.check_integrity().await.unwrap_err(),
        StoreError::Closed
    );
    assert_error!(
        still_reading.key_count().await.unwrap_err(),
        StoreError::TransactionClosed
    );
}

/// Closing ends an open write without storing it.
pub async fn a_write_that_is_open_when_the_store_closes_is_not_stored(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write.insert_vault(samples::vault()));
    let mut write = begin(&store).await;
    write.insert_keys(vec![samples::key_pair(1)]).await.unwrap();
    store.close().await.unwrap();
    let error = write
        .insert_keys(vec![samples::key_pair(2)])
        .await
        .unwrap_err();
    assert_error!(error, StoreError::TransactionClosed);
    assert_error!(
        write.commit().await.unwrap_err(),
        StoreError::TransactionClosed
    );
    drop(store);

    let store = storage.open().await;
    assert_eq!(read(&store).await.key_count().await.unwrap(), 0);
}

/// Scrubbing removes what is gone, and nothing else.
pub async fn a_scrubbed_store_keeps_its_rows(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write
        .insert_keys((0..500).map(samples::key_pair).collect()));
    written!(store, |write| write
        .delete_private_key(samples::fingerprint(0)));
    store.scrub().await.unwrap();

    let keys = read(&store).await.keys_after(None, 1_000).await.unwrap();
    let expected =
        std::iter::once((samples::public_key(0), None)).chain((1..500).map(samples::key_pair));
    assert_eq!(keys, expected.collect::<Vec<_>>());
    written!(store, |write| write
        .delete_private_key(samples::fingerprint(1)));
}

/// The check passes before, while and after rows come and go.
pub async fn a_sound_store_passes_the_integrity_check(storage: &dyn Storage) {
    let store = storage.create().await;
    store.check_integrity().await.unwrap();
    written!(
        store,
        |write| write.insert_data_key(samples::data_key(1)),
        write.insert_keys((0..500).map(samples::key_pair).collect()),
    );
    let _unfinished = begin(&store).await;
    store.check_integrity().await.unwrap();
}

/// A vault that was moved away is kept, and neither read nor written any more. Nothing of it holds before the commit.
pub async fn a_store_whose_vault_was_moved_away_is_used_no_more(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write.insert_vault(samples::vault()));
    let mut given_up = begin(&store).await;
    given_up.mark_moved("elsewhere").await.unwrap();
    drop(given_up);
    let mut earlier = read(&store).await;
    assert_eq!(earlier.key_count().await.unwrap(), 0);
    written!(store, |write| write.mark_moved("elsewhere"));
    let is_moved = |error| matches!(error, StoreError::Moved { target } if target == "elsewhere");
    assert!(is_moved(store.begin().await.unwrap_err()));
    assert!(is_moved(store.read().await.unwrap_err()));
    // What began before is of the moment before.
    assert_eq!(earlier.vault().await.unwrap(), Some(samples::vault()));
}
