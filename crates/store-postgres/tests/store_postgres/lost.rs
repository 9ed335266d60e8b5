//! The network and the server fail under a store.

use std::{sync::OnceLock, time::Duration};

use strongroom_crypto::SecretBytes;
use strongroom_store::{ReplicaReport, Replicas as _, Store, StoreError};
use strongroom_store_postgres::{PostgresStore, Settings};
use strongroom_test_postgres::{PASSWORD, Proxy, Server, Setup, Stop, Weather};
use strongroom_test_support::store::{run, samples};

use crate::common::{SOON, code, fill, key_count, number, put, replica, writer};

fn with_port() -> Setup {
    Setup {
        tcp: true,
        ..Setup::default()
    }
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(&with_port()))
}

/// A vault behind a network that can be made to fail.
fn behind(server: &Server) -> (Proxy, Settings) {
    let database = server.create_database(&format!("lost_{}", number()));
    let proxy = Proxy::to(server.address());
    let mut settings = replica("one", &database.tcp_url(proxy.address()));
    settings.password = Some(SecretBytes::from_slice(PASSWORD.as_bytes()));
    (proxy, settings)
}

async fn create(settings: Settings) -> PostgresStore {
    let store = PostgresStore::create(settings).await.unwrap();
    fill(&store, 0).await;
    store
}

#[test]
fn a_commit_whose_answer_is_lost_is_found_by_the_next_transaction() {
    run(async {
        let (proxy, settings) = behind(server());
        let store = create(settings).await;
        let mut write = store.begin().await.unwrap();
        write.insert_keys(vec![samples::key_pair(1)]).await.unwrap();
        proxy.lose_answer(b"COMMIT");
        let answer = write.commit().await;
        assert!(matches!(answer, Err(StoreError::OutcomeUnknown { .. })));
        assert_eq!(proxy.lost(), 1);
        assert_eq!(store.begin().await.unwrap().key_count().await.unwrap(), 1);
    });
}

#[test]
fn a_commit_that_is_lost_on_its_way_is_not_done() {
    run(async {
        let (proxy, settings) = behind(server());
        let store = create(settings).await;
        let mut write = store.begin().await.unwrap();
        write.insert_keys(vec![samples::key_pair(1)]).await.unwrap();
        proxy.lose_question(b"COMMIT");
        let answer = write.commit().await;
        assert!(matches!(answer, Err(StoreError::OutcomeUnknown { .. })));
        assert_eq!(store.begin().await.unwrap().key_count().await.unwrap(), 0);
    });
}

#[test]
fn a_network_that_swallows_everything_holds_nobody_for_ever() {
    run(async {
        let (proxy, mut settings) = behind(server());
        settings.statement_timeout = SOON;
        settings.connect_timeout = SOON;
        let store = create(settings).await;
        let mut write = store.begin().await.unwrap();
        proxy.set(Weather::Held);
        let error = write.key_count().await.unwrap_err();
        assert_eq!(code(&error), "POSTGRES_TIMEOUT");
        drop(write);
        for error in [
            store.read().await.unwrap_err(),
            store.list().await.unwrap_err(),
        ] {
            assert_eq!(code(&error), "POSTGRES_UNREACHABLE");
        }
        proxy.set(Weather::Clear);
        proxy.cut();
        put(&store, 1).await.unwrap();
        assert_eq!(key_count(&store).await, 1);
    });
}

#[test]
fn a_store_outlives_a_server_that_crashes_and_starts_again() {
    run(async {
        let server = Server::start(&with_port());
        let (_proxy, settings) = behind(&server);
        let store = create(settings).await;
        put(&store, 1).await.unwrap();
        let mut unfinished = store.begin().await.unwrap();
        unfinished
            .insert_keys(vec![samples::key_pair(2)])
            .await
            .unwrap();
        server.stop(Stop::Crash);
        assert!(matches!(
            unfinished.commit().await,
            Err(StoreError::OutcomeUnknown { .. })
        ));
        let error = store.begin().await.unwrap_err();
        assert!(
            ["POSTGRES_UNREACHABLE", "POSTGRES_CONNECTION_LOST"].contains(&code(&error)),
            "{error:?}"
        );
        server.start_again();
        store.changed().await;
        assert_eq!(key_count(&store).await, 1);
        put(&store, 3).await.unwrap();
    });
}

#[test]
fn a_store_follows_its_address_to_a_standby_that_is_promoted() {
    run(async {
        let primary = Server::start(&with_port());
        let standby = primary.standby("second", true);
        let (proxy, settings) = behind(&primary);
        let store = create(settings).await;
        put(&store, 1).await.unwrap();
        primary.stop(Stop::Crash);
        proxy.lead_to(standby.address());
        let error = store.begin().await.unwrap_err();
        assert_eq!(code(&error), "POSTGRES_READ_ONLY");
        standby.promote();
        put(&store, 2).await.unwrap();
        assert_eq!(key_count(&store).await, 2);
    });
}

/// A commit waits for its standby; whoever takes over meanwhile ends the wait. The commit was done, and nobody was told so.
#[test]
fn a_commit_that_waits_for_a_standby_is_there_for_who_takes_over() {
    run(async {
        let primary = Server::start(&with_port());
        let standby = primary.standby("second", true);
        let (proxy, mut settings) = behind(&primary);
        settings.statement_timeout = SOON;
        let other = replica(
            "other",
            &settings
                .address
                .to_string()
                .replace(&proxy.address().to_string(), &primary.address().to_string()),
        );
        let store = create(settings).await;
        let mut write = store.begin().await.unwrap();
        write.insert_keys(vec![samples::key_pair(1)]).await.unwrap();
        standby.freeze();
        let answer = write.commit().await;
        assert!(matches!(answer, Err(StoreError::OutcomeUnknown { .. })));

        let mut other = other;
        other.password = Some(SecretBytes::from_slice(PASSWORD.as_bytes()));
        let other = PostgresStore::open(other).await.unwrap();
        let id = other.own_id();
        let taking = writer(other);
        let thawing = async {
            // The first writer's commit is ended by then, and the takeover's own waits.
            let waits = format!(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'strongroom {id}'"
            );
            while primary.database("postgres").run(&waits).is_empty() {
                tokio::task::yield_now().await;
            }
            standby.thaw();
        };
        let (other, ()) = tokio::join!(taking, thawing);
        assert_eq!(key_count(&*other).await, 1);
        assert!(matches!(
            store.begin().await,
            Err(StoreError::NotWriter { .. })
        ));
        put(&*other, 2).await.unwrap();
    });
}

/// Who leaves the lease where it is writes nothing that a standby would have to confirm.
#[test]
fn who_does_not_write_goes_on_while_the_standby_is_away() {
    run(async {
        let primary = Server::start(&with_port());
        let standby = primary.standby("second", true);
        let (proxy, mut settings) = behind(&primary);
        settings.statement_timeout = SOON;
        settings.silent_after = Duration::from_secs(3600);
        let address = settings.address.to_string();
        let directly =
            address.replace(&proxy.address().to_string(), &primary.address().to_string());
        let mut other = replica("other", &directly);
        other.password = Some(SecretBytes::from_slice(PASSWORD.as_bytes()));
        other.statement_timeout = SOON;
        other.silent_after = Duration::from_secs(3600);
        let store = create(settings).await;
        let other = PostgresStore::open(other).await.unwrap();
        standby.freeze();
        // A commit does wait for it.
        assert!(matches!(
            put(&store, 1).await,
            Err(StoreError::OutcomeUnknown { .. })
        ));
        let report = ReplicaReport {
            generation: 1,
            degraded: None,
        };
        for _ in 0..2 {
            let lease = other.take_lease().await.unwrap();
            assert!(lease.is_held_by(store.own_id()));
            let lease = other.beat(&report).await.unwrap();
            assert!(lease.is_held_by(store.own_id()));
        }
        assert_eq!(other.list().await.unwrap().len(), 2);
        standby.thaw();
    });
}
