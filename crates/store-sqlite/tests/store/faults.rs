//! The fault injectors do what they say.

use std::sync::Arc;

use strongroom_store::{Store, StoreError};
use strongroom_test_support::store::{CountingStore, FlakyStore, Storage, StoreCall, samples};

use crate::common::{TemporaryFolder, all_keys, fill};

async fn add_key(store: &dyn Store, number: u32) -> Result<(), StoreError> {
    let mut write = store.begin().await?;
    write.key_count().await?;
    write.insert_keys(vec![samples::key_pair(number)]).await?;
    write.commit().await
}

fn full() -> StoreError {
    StoreError::Full {
        source: "on purpose".into(),
    }
}

#[tokio::test]
async fn a_failure_of_any_call_stores_nothing() {
    let folder = TemporaryFolder::new();
    let inner = folder.create().await;
    fill(&inner, 0).await;
    let store = FlakyStore::new(Arc::clone(&inner));
    for number in 1.. {
        store.hook().fail_call(number, full);
        let outcome = add_key(&store, 1).await;
        if !store.hook().has_struck() {
            outcome.unwrap();
            assert_eq!(
                (number, store.hook().calls()),
                (5, 4),
                "begin, count, insert, commit"
            );
            break;
        }
        assert!(matches!(outcome, Err(StoreError::Full { .. })));
        assert_eq!(all_keys(&*inner).await.unwrap(), [], "call {number}");
    }
    assert_eq!(all_keys(&*inner).await.unwrap(), [samples::key_pair(1)]);
}

#[tokio::test]
async fn a_transaction_is_dead_after_an_injected_failure() {
    let folder = TemporaryFolder::new();
    let store = FlakyStore::new(folder.create().await);
    let mut write = store.begin().await.unwrap();
    store.hook().fail_call(1, full);
    assert!(matches!(
        write.key_count().await,
        Err(StoreError::Full { .. })
    ));
    assert!(matches!(
        write.commit().await,
        Err(StoreError::TransactionClosed)
    ));
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_stored() {
    let folder = TemporaryFolder::new();
    let inner = folder.create().await;
    fill(&inner, 0).await;
    let store = FlakyStore::new(Arc::clone(&inner));
    store.hook().lose_commit_answer(2);
    add_key(&store, 1).await.unwrap();
    assert!(matches!(
        add_key(&store, 2).await,
        Err(StoreError::OutcomeUnknown { .. })
    ));
    assert!(store.hook().has_struck());
    assert_eq!(all_keys(&*inner).await.unwrap().len(), 2);
}

#[tokio::test]
async fn calls_are_counted_by_kind() {
    let folder = TemporaryFolder::new();
    let inner = folder.create().await;
    fill(&inner, 0).await;
    let store = CountingStore::new(inner);
    add_key(&store, 1).await.unwrap();
    add_key(&store, 2).await.unwrap();
    assert_eq!(
        (store.hook().of(StoreCall::Commit), store.hook().total()),
        (2, 8)
    );
    store.hook().reset();
    assert_eq!(store.hook().total(), 0);
}
