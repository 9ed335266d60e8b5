//! Two in each other's way, of whom the server gives one up: the store begins again, and its caller hears nothing of it.

use std::thread;

use strongroom_store::Store as _;
use strongroom_store_postgres::PostgresStore;
use strongroom_test_support::store::run;

use crate::common::{Place, fill, key_count, put};

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
            "ALTER DATABASE {name} SET deadlock_timeout = '2s'"
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
