//! Two in each other's way, of whom the server gives one up: the store begins again, and its caller hears nothing of it.

use std::thread;

use strongroom_store::{Replicas as _, Store as _, StoreError};
use strongroom_store_postgres::PostgresStore;
use strongroom_test_support::store::{run, samples};

use crate::common::{Place, code, fill, key_count, put};

/// Somebody who holds the row of the lease until a writer waits for it, and then asks for the lock that the writer has. Of the two
/// the server gives up the one that looks for a deadlock, and this one does not.
const CROSSWISE: &str = "\
    SET deadlock_timeout = '1h';
    BEGIN;
    SELECT FROM lease FOR UPDATE;
    DO $$ BEGIN
        WHILE NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock') LOOP
            PERFORM pg_sleep(0.001);
            PERFORM pg_stat_clear_snapshot();
        END LOOP;
    END $$;
    SELECT FROM pg_advisory_xact_lock(hashtextextended('strongroom a_vault', 0));
    COMMIT;";

#[test]
fn a_writer_that_the_server_gives_up_for_another_begins_again() {
    run(async {
        let place = Place::new();
        let name = place.database.name();
        // Long enough for the other to have asked by then.
        place.database.run(&format!(
            "ALTER DATABASE {name} SET deadlock_timeout = '5s'"
        ));
        let store = PostgresStore::create(place.settings("one")).await.unwrap();
        fill(&store, 1).await;
        let other = thread::spawn({
            let database = strongroom_test_postgres::shared().database(name);
            move || database.run(&format!("SET search_path = a_vault; {CROSSWISE}"))
        });
        let held =
            "SELECT 1 FROM pg_locks WHERE relation = 'lease'::regclass AND mode = 'RowShareLock'";
        while place.run(held).is_empty() {}
        put(&store, 2).await.unwrap();
        other.join().unwrap();
        assert_eq!(key_count(&store).await, 2);
        store.close().await.unwrap();
        // What connections that have ended counted.
        let deadlocks = format!("SELECT deadlocks FROM pg_stat_database WHERE datname = '{name}'");
        while place.run(&deadlocks).trim() == "0" {}
        assert_eq!(place.run(&deadlocks).trim(), "1");
    });
}

/// Somebody who is none of the replicas, and locks tables in another order than they do.
const OUTSIDER: &str = "\
    SET deadlock_timeout = '1h';
    BEGIN;
    LOCK TABLE audit IN EXCLUSIVE MODE;
    DO $$ BEGIN
        WHILE NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock') LOOP
            PERFORM pg_sleep(0.001);
            PERFORM pg_stat_clear_snapshot();
        END LOOP;
    END $$;
    LOCK TABLE public_keys IN EXCLUSIVE MODE;
    COMMIT;";

#[test]
fn a_unit_of_work_that_the_server_gives_up_in_the_middle_has_stored_nothing_and_can_be_done_again()
{
    run(async {
        let place = Place::new();
        let name = place.database.name();
        place.database.run(&format!(
            "ALTER DATABASE {name} SET deadlock_timeout = '5s'"
        ));
        let store = PostgresStore::create(place.settings("one")).await.unwrap();
        fill(&store, 1).await;
        let mut write = store.begin().await.unwrap();
        write.insert_keys(vec![samples::key_pair(2)]).await.unwrap();
        let other = thread::spawn({
            let database = strongroom_test_postgres::shared().database(name);
            move || database.run(&format!("SET search_path = a_vault; {OUTSIDER}"))
        });
        let held = "SELECT 1 FROM pg_locks WHERE relation = 'audit'::regclass AND mode = 'ExclusiveLock' AND granted";
        while place.run(held).is_empty() {}
        let refused = write.append_audit(samples::audit(1)).await;
        assert_eq!(code(&refused.unwrap_err()), "POSTGRES_GIVEN_UP");
        assert!(matches!(
            write.commit().await,
            Err(StoreError::TransactionClosed)
        ));
        other.join().unwrap();
        assert_eq!(key_count(&store).await, 1);
        put(&store, 2).await.unwrap();
        assert_eq!(key_count(&store).await, 2);
    });
}

/// One writes at a time, so none of them is ever in the way of another: what is left is who begins, and that begins again.
#[test]
fn of_replicas_that_write_and_take_over_in_any_order_the_server_gives_up_none() {
    run(async {
        let place = Place::new();
        let name = place.database.name();
        let store = PostgresStore::create(place.settings("one")).await.unwrap();
        fill(&store, 0).await;
        let mut replicas = vec![store];
        for name in ["two", "three"] {
            replicas.push(PostgresStore::open(place.settings(name)).await.unwrap());
        }
        let tasks: Vec<_> = (1_u32..)
            .zip(replicas)
            .map(|(replica, store)| {
                tokio::spawn(async move {
                    let mut written = 0;
                    for round in 0.. {
                        if written == 15 {
                            break;
                        }
                        // Nobody beats, so whoever has the lease is soon taken for dead, wherever it is.
                        let taken = store.take_lease().await;
                        let wrote = put(&store, replica * 1000 + round).await;
                        for error in [taken.as_ref().err(), wrote.as_ref().err()] {
                            let code = error.map(code);
                            assert_ne!(code, Some("POSTGRES_GIVEN_UP"), "{replica}, {round}");
                        }
                        if wrote.is_ok() {
                            written += 1;
                            let _lost = store.give_lease().await;
                        }
                    }
                    written
                })
            })
            .collect();
        let mut written = 0;
        for task in tasks {
            written += task.await.unwrap();
        }
        assert_eq!(written, 45);
        let counted =
            format!("SELECT deadlocks + conflicts FROM pg_stat_database WHERE datname = '{name}'");
        assert_eq!(place.run(&counted).trim(), "0");
    });
}
