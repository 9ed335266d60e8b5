use std::{sync::Arc, time::Duration};

use sqlx::{Connection as _, Executor as _, PgConnection};
use strongroom_store::{Store, StoreError};
use strongroom_store_postgres::PostgresStore;
use strongroom_test_support::store::{run, samples};

use crate::common::{Place, fill, writer};

const DAY: Duration = Duration::from_secs(86_400);

/// The schema as the second version made it, with a vault in it.
const SECOND_VERSION: &str = concat!(
    "CREATE SCHEMA a_vault; SET search_path = a_vault;",
    include_str!("../../migrations/0001_initial.sql"),
    include_str!("../../migrations/0002_topology.sql"),
    "INSERT INTO strongroom_schema VALUES (1, 2);
     INSERT INTO data_keys VALUES (decode(repeat('01', 16), 'hex'), decode(repeat('02', 32), 'hex'), 0, 0, decode(repeat('03', 32), 'hex'));
     INSERT INTO vault VALUES (1, decode(repeat('04', 16), 'hex'), 0, decode(repeat('01', 16), 'hex'), '');"
);

#[track_caller]
fn assert_no_vault(opened: Result<PostgresStore, StoreError>) {
    assert!(
        matches!(opened, Err(StoreError::NotAVault { .. })),
        "{opened:?}"
    );
}

#[test]
fn a_vault_is_there_once_its_row_is() {
    run(async {
        let place = Place::new();
        assert_no_vault(PostgresStore::open(place.settings("one")).await);
        let store: Arc<dyn Store> =
            Arc::new(PostgresStore::create(place.settings("one")).await.unwrap());
        store.close().await.unwrap();
        assert_no_vault(PostgresStore::open(place.settings("one")).await);
        assert!(!PostgresStore::exists(&place.settings("one")).await.unwrap());

        let store: Arc<dyn Store> =
            Arc::new(PostgresStore::create(place.settings("one")).await.unwrap());
        fill(&*store, 3).await;
        store.close().await.unwrap();
        assert!(PostgresStore::exists(&place.settings("one")).await.unwrap());
        let again = PostgresStore::create(place.settings("one"))
            .await
            .unwrap_err();
        assert!(matches!(again, StoreError::AlreadyAVault { .. }));
        assert!(
            again
                .to_string()
                .starts_with("there is a vault in schema a_vault of postgres://tester@"),
            "{again}"
        );
        let store = PostgresStore::open(place.settings("one")).await.unwrap();
        assert_eq!(store.read().await.unwrap().key_count().await.unwrap(), 3);
    });
}

#[test]
fn a_vault_is_not_made_by_two_at_once() {
    run(async {
        let place = Place::new();
        let first = PostgresStore::create(place.settings("first"))
            .await
            .unwrap();
        let mut settings = place.settings("second");
        // So that the first one, which says nothing meanwhile, is not taken for dead.
        settings.silent_after = DAY;
        let second = PostgresStore::create(settings).await.unwrap_err();
        assert!(matches!(second, StoreError::NotWriter { holder: Some(name) } if name == "first"));
        first.close().await.unwrap();
        PostgresStore::create(place.settings("second"))
            .await
            .unwrap();
    });
}

/// As when its process was killed: its connections end a moment after it.
#[test]
fn whoever_goes_on_with_what_a_dead_process_began_to_make_waits_until_it_is_seen_to_be_gone() {
    run(async {
        let place = Place::new();
        let mut settings = place.settings("second");
        settings.silent_after = DAY;
        let first = PostgresStore::create(place.settings("first"))
            .await
            .unwrap();
        let dies = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(first);
        });
        let second = PostgresStore::create(settings).await.unwrap();
        dies.await.unwrap();
        second.close().await.unwrap();
    });
}

#[test]
fn a_schema_of_somebody_else_is_refused_and_left_as_it_is() {
    run(async {
        let place = Place::new();
        place
            .database
            .run("CREATE SCHEMA a_vault; CREATE TABLE a_vault.theirs (a int)");
        assert_no_vault(PostgresStore::create(place.settings("one")).await);
        assert_no_vault(PostgresStore::open(place.settings("one")).await);
        let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'a_vault'";
        assert_eq!(place.run(tables), "theirs\n");
    });
}

#[test]
fn a_vault_is_made_in_an_empty_schema_that_was_made_before() {
    run(async {
        let place = Place::new();
        place.database.run("CREATE SCHEMA a_vault");
        fill(
            &PostgresStore::create(place.settings("one")).await.unwrap(),
            1,
        )
        .await;
    });
}

#[test]
fn a_newer_schema_is_refused() {
    run(async {
        let place = Place::new();
        let store = PostgresStore::create(place.settings("one")).await.unwrap();
        fill(&store, 1).await;
        place.run("UPDATE strongroom_schema SET version = 99");
        for refused in [
            PostgresStore::open(place.settings("two")).await,
            PostgresStore::create(place.settings("two")).await,
        ] {
            assert!(matches!(
                refused,
                Err(StoreError::NewerSchema { found: 99, .. })
            ));
        }
    });
}

#[test]
fn an_older_schema_is_upgraded_once_by_many_that_open_it_at_once() {
    run(async {
        let place = Place::new();
        place.database.run(SECOND_VERSION);
        let opening = (0..5).map(|_| {
            let settings = place.settings("one");
            tokio::spawn(async move { PostgresStore::open(settings).await })
        });
        let opening: Vec<_> = opening.collect();
        let mut stores = Vec::new();
        for open in opening {
            stores.push(open.await.unwrap().unwrap());
        }
        assert_eq!(place.run("SELECT version FROM strongroom_schema"), "8\n");
        let store = writer(stores.pop().unwrap()).await;
        let mut write = store.begin().await.unwrap();
        write
            .insert_keys(vec![(samples::public_key(1), Some(samples::copied_key(1)))])
            .await
            .unwrap();
        write.commit().await.unwrap();
    });
}

/// What a process of an older version does goes on while a newer one upgrades, and afterwards: an upgrade only adds.
#[test]
fn an_upgrade_does_not_disturb_a_process_of_the_version_before() {
    run(async {
        let place = Place::new();
        place.database.run(SECOND_VERSION);
        // As that version read and wrote: in a transaction that was open before, by the columns that there were then.
        let mut older = PgConnection::connect(&place.database.url()).await.unwrap();
        for statement in [
            "SET search_path = a_vault",
            "BEGIN ISOLATION LEVEL REPEATABLE READ",
            "SELECT vault_id, state FROM vault",
        ] {
            older.execute(statement).await.unwrap();
        }
        let newer = tokio::spawn(PostgresStore::open(place.settings("newer")));
        for statement in [
            "SELECT vault_id, state FROM vault",
            "COMMIT",
            "INSERT INTO audit (sequence, body, hash) VALUES (1, '\\x01', decode(repeat('05', 32), 'hex'))",
            "UPDATE vault SET state = '\\x02'",
        ] {
            older.execute(statement).await.unwrap();
        }
        let newer = newer.await.unwrap().unwrap();
        for statement in [
            "INSERT INTO audit (sequence, body, hash) VALUES (2, '\\x01', decode(repeat('06', 32), 'hex'))",
            "UPDATE vault SET state = '\\x03'",
        ] {
            older.execute(statement).await.unwrap();
        }
        let mut read = newer.read().await.unwrap();
        let vault = read.vault().await.unwrap().unwrap();
        assert_eq!(vault.state, [3]);
    });
}
