use std::{pin::pin, sync::Arc};

use strongroom_store::StoreError;

use super::{assert_error, begin, poll_once, read, samples, store_with_data_key, written};
use crate::store::Storage;

/// Changes are visible inside at once, outside after the commit.
pub async fn a_write_sees_its_own_changes_and_nobody_else_does(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let mut write = begin(&store).await;
    write.insert_keys(vec![samples::key_pair(1)]).await.unwrap();
    assert_eq!(
        write.keys_after(None, 10).await.unwrap(),
        [samples::key_pair(1)]
    );
    assert_eq!(read(&store).await.key_count().await.unwrap(), 0);
    write.commit().await.unwrap();
    assert_eq!(read(&store).await.key_count().await.unwrap(), 1);
}

/// `rollback` gives everything up.
pub async fn a_write_that_is_rolled_back_leaves_no_trace(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let mut write = begin(&store).await;
    write.insert_keys(vec![samples::key_pair(1)]).await.unwrap();
    write.append_audit(samples::audit(1)).await.unwrap();
    write.rollback().await.unwrap();

    let mut read = read(&store).await;
    assert_eq!(read.key_count().await.unwrap(), 0);
    assert_eq!(read.audit_head().await.unwrap(), None);
}

/// Forgetting to commit is rolling back, and the next writer is not kept waiting.
pub async fn a_write_that_is_dropped_leaves_no_trace(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let mut write = begin(&store).await;
    write.insert_keys(vec![samples::key_pair(1)]).await.unwrap();
    drop(write);

    let mut next = begin(&store).await;
    assert_eq!(next.key_count().await.unwrap(), 0);
    next.insert_keys(vec![samples::key_pair(1)]).await.unwrap();
    next.commit().await.unwrap();
    assert_eq!(read(&store).await.key_count().await.unwrap(), 1);
}

/// After an error nothing of the transaction can be stored, not even what came before the error.
pub async fn a_failed_write_is_dead(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let mut write = begin(&store).await;
    write
        .insert_public_key(samples::public_key(1))
        .await
        .unwrap();
    let error = write
        .delete_private_key(samples::fingerprint(1))
        .await
        .unwrap_err();
    assert_error!(error, StoreError::KeyMissing { .. });
    let error = write
        .insert_public_key(samples::public_key(2))
        .await
        .unwrap_err();
    assert_error!(error, StoreError::TransactionClosed);
    assert_error!(
        write.key_count().await.unwrap_err(),
        StoreError::TransactionClosed
    );
    assert_error!(
        write.commit().await.unwrap_err(),
        StoreError::TransactionClosed
    );
    assert_eq!(read(&store).await.key_count().await.unwrap(), 0);
}

/// Who stops waiting for a change does not know whether it was made, so the transaction cannot go on.
pub async fn a_write_that_was_given_up_in_the_middle_is_dead(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let mut write = begin(&store).await;
    write
        .insert_public_key(samples::public_key(1))
        .await
        .unwrap();
    let mut change = Box::pin(write.insert_keys((2..500).map(samples::key_pair).collect()));
    let answer = poll_once(change.as_mut()).await;
    drop(change);
    if answer.is_none() {
        assert_error!(
            write.commit().await.unwrap_err(),
            StoreError::TransactionClosed
        );
        assert_eq!(read(&store).await.key_count().await.unwrap(), 0);
    } else {
        drop(write);
    }
    written!(store, |write| write
        .insert_public_key(samples::public_key(1)));
}

/// A read does not change under its reader, even where the first look comes after the commit.
pub async fn a_read_belongs_to_one_moment(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write.insert_keys(vec![samples::key_pair(1)]));
    let mut before = read(&store).await;
    written!(
        store,
        |write| write.insert_keys(vec![samples::key_pair(2)]),
        write.delete_private_key(samples::fingerprint(1)),
        write.append_audit(samples::audit(1)),
    );
    assert_eq!(
        before.keys_after(None, 10).await.unwrap(),
        [samples::key_pair(1)]
    );
    assert_eq!(before.audit_head().await.unwrap(), None);
    let mut after = read(&store).await;
    assert_eq!(
        after.keys_after(None, 10).await.unwrap(),
        [(samples::public_key(1), None), samples::key_pair(2)]
    );
}

/// While somebody writes, others read the state before.
pub async fn a_read_does_not_wait_for_the_writer(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let mut write = begin(&store).await;
    write
        .insert_keys((0..2_000).map(samples::key_pair).collect())
        .await
        .unwrap();
    assert_eq!(read(&store).await.keys_after(None, 10).await.unwrap(), []);
    write.commit().await.unwrap();
}

/// The second writer begins when the first has ended, and sees what it did.
pub async fn writers_take_turns(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let mut first = begin(&store).await;
    first.append_audit(samples::audit(1)).await.unwrap();
    let mut second = pin!(store.begin());
    assert!(
        poll_once(second.as_mut()).await.is_none(),
        "two writers at once"
    );
    first.commit().await.unwrap();

    let mut second = second.await.unwrap();
    assert_eq!(second.audit_head().await.unwrap(), Some(samples::audit(1)));
    second.append_audit(samples::audit(2)).await.unwrap();
    second.commit().await.unwrap();
    assert_eq!(
        read(&store).await.audit_after(0, 10).await.unwrap(),
        [samples::audit(1), samples::audit(2)]
    );
}

/// A `begin` that is dropped while it waits, or while it begins, leaves nothing open.
pub async fn a_writer_that_stopped_waiting_does_not_block_the_next(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let first = begin(&store).await;
    let mut waiting = Box::pin(store.begin());
    assert!(
        poll_once(waiting.as_mut()).await.is_none(),
        "two writers at once"
    );
    drop(waiting);
    drop(first);

    let mut beginning = Box::pin(store.begin());
    // It may have begun already, or not.
    drop(poll_once(beginning.as_mut()).await);
    drop(beginning);
    written!(store, |write| write.append_audit(samples::audit(1)));
    assert_eq!(
        read(&store).await.audit_head().await.unwrap(),
        Some(samples::audit(1))
    );
}

/// More reads than a store has connections are served, some of them later.
pub async fn many_reads_run_at_once(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write
        .insert_keys((0..100).map(samples::key_pair).collect()));
    let tasks = (0..40)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut read = store.read().await.unwrap();
                tokio::task::yield_now().await;
                read.keys_after(None, 200).await.unwrap().len()
            })
        })
        .collect::<Vec<_>>();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 100);
    }
}
