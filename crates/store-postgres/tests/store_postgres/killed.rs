//! The server ends connections: each call finds its connection gone, and nothing is half done.

use strongroom_store::{ReplicaReport, Replicas as _, Store, StoreError};
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

/// Who asks about the lease finds its connection gone, and asks again on another.
#[test]
fn the_lease_is_asked_about_on_connections_that_are_whole() {
    run(async {
        let place = Place::new();
        let store = PostgresStore::create(place.settings("one")).await.unwrap();
        fill(&store, 0).await;
        let report = ReplicaReport {
            generation: 1,
            degraded: None,
        };
        kill(&place.database, &store);
        assert!(
            store
                .beat(&report)
                .await
                .unwrap()
                .is_held_by(store.own_id())
        );
        kill(&place.database, &store);
        assert_eq!(store.list().await.unwrap().len(), 1);
        kill(&place.database, &store);
        store.ask_to_step_down().await.unwrap();
        kill(&place.database, &store);
        store.give_lease().await.unwrap();
        kill(&place.database, &store);
        assert!(store.take_lease().await.unwrap().is_held_by(store.own_id()));
        kill(&place.database, &store);
        store.scrub().await.unwrap();
        put(&store, 1).await.unwrap();
        kill(&place.database, &store);
        store.close().await.unwrap();
    });
}

/// The transaction that takes the lease over is killed at each of its statements: the lease is at one place, and usable.
#[test]
fn a_takeover_that_is_killed_leaves_the_lease_where_it_was_or_takes_it() {
    run(async {
        let place = Place::new();
        let store = PostgresStore::create(place.settings("one")).await.unwrap();
        fill(&store, 0).await;
        store.give_lease().await.unwrap();
        // While the row is locked, the takeover waits; and is killed there.
        for number in 1..4 {
            let taking = store.take_lease();
            let killing = async {
                tokio::task::yield_now().await;
                kill(&place.database, &store);
            };
            let (_taken_or_not, ()) = tokio::join!(taking, killing);
            while !store
                .take_lease()
                .await
                .is_ok_and(|lease| lease.is_held_by(store.own_id()))
            {}
            put(&store, number).await.unwrap();
            store.give_lease().await.unwrap();
        }
        assert_eq!(key_count(&store).await, 3);
    });
}
