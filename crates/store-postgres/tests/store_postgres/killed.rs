//! The server ends connections: each call finds its connection gone, and nothing is half done.

use strongroom_store::{Store, StoreError};
use strongroom_store_postgres::PostgresStore;
use strongroom_test_support::store::{run, samples};

use crate::common::{Place, code, fill, key_count, kill, put};

/// How many times [`write`] may be killed: before each of its calls, and after the last one.
const MOMENTS: usize = 7;

async fn write(store: &PostgresStore, kill: impl Fn(usize)) -> Result<(), StoreError> {
    kill(0);
    let mut write = store.begin().await?;
    kill(1);
    write
        .insert_keys((0..5000).map(samples::key_pair).collect())
        .await?;
    kill(2);
    write
        .update_private_keys(vec![samples::private_key(1)])
        .await?;
    kill(3);
    write.append_audit(samples::audit(1)).await?;
    kill(4);
    write.key_count().await?;
    kill(5);
    write.commit().await?;
    kill(6);
    Ok(())
}

#[test]
fn a_write_whose_connection_is_killed_leaves_nothing_and_the_next_one_works() {
    run(async {
        for moment in 0..MOMENTS {
            let place = Place::new();
            let store = PostgresStore::create(place.settings("one")).await.unwrap();
            fill(&store, 0).await;
            let at = |now| {
                if now == moment {
                    kill(&place.database, &store);
                }
            };
            let written = write(&store, at).await;
            match moment {
                // Before anything was asked, another connection takes its place; after the end there is nothing to lose.
                0 | 6 => written.unwrap(),
                5 => assert!(matches!(written, Err(StoreError::OutcomeUnknown { .. }))),
                _ => assert_eq!(code(&written.unwrap_err()), "POSTGRES_CONNECTION_LOST"),
            }
            let is_there = matches!(moment, 0 | 6);
            assert_eq!(
                key_count(&store).await,
                if is_there { 5000 } else { 0 },
                "{moment}"
            );
            put(&store, 9999).await.unwrap();
        }
    });
}

#[test]
fn a_read_whose_connection_is_killed_is_dead_and_the_next_one_works() {
    run(async {
        let place = Place::new();
        let store = PostgresStore::create(place.settings("one")).await.unwrap();
        fill(&store, 3).await;
        let mut read = store.read().await.unwrap();
        kill(&place.database, &store);
        let error = read.key_count().await.unwrap_err();
        assert_eq!(code(&error), "POSTGRES_CONNECTION_LOST");
        assert!(matches!(
            read.key_count().await,
            Err(StoreError::TransactionClosed)
        ));
        assert_eq!(key_count(&store).await, 3);
        store.check_integrity().await.unwrap();
    });
}
