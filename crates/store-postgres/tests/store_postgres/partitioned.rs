//! A writer that the network or the server cuts off, and another that takes over.

use std::{sync::Arc, time::Duration};

use strongroom_crypto::SecretBytes;
use strongroom_store::{Replicas as _, Store, StoreError};
use strongroom_store_postgres::{PostgresStore, Settings};
use strongroom_test_postgres::{PASSWORD, Proxy, Server, Setup, Weather};
use strongroom_test_support::store::{run, samples};

use crate::common::{SOON, code, fill, key_count, number, put, replica, writer};

/// A server that two processes share: one by way of a network that fails, the other directly.
struct House {
    server: Server,
    proxy: Proxy,
    cut_off: PostgresStore,
    other: Settings,
}

impl House {
    async fn new() -> Self {
        let server = Server::start(&Setup {
            tcp: true,
            ..Setup::default()
        });
        let database = server.create_database(&format!("house_{}", number()));
        let proxy = Proxy::to(server.address());
        let settings = |name: &str, address| {
            let mut settings = replica(name, &database.tcp_url(address));
            settings.password = Some(SecretBytes::from_slice(PASSWORD.as_bytes()));
            settings.statement_timeout = SOON;
            settings.connect_timeout = SOON;
            settings
        };
        let cut_off = PostgresStore::create(settings("cut off", proxy.address()))
            .await
            .unwrap();
        fill(&cut_off, 0).await;
        let mut other = settings("other", server.address());
        other.statement_timeout = Duration::from_secs(10);
        other.connect_timeout = Duration::from_secs(10);
        Self {
            server,
            proxy,
            cut_off,
            other,
        }
    }

    /// Another process takes over and writes; then the network is whole again.
    async fn take_over(&mut self) -> Arc<PostgresStore> {
        let other = replica("other", &self.server.database("postgres").url());
        let settings = std::mem::replace(&mut self.other, other);
        let other = writer(PostgresStore::open(settings).await.unwrap()).await;
        put(&*other, 2).await.unwrap();
        self.proxy.set(Weather::Clear);
        other
    }

    /// What is there is what the other one wrote, and it alone goes on.
    async fn check(&self, other: &PostgresStore) {
        loop {
            match self.cut_off.begin().await {
                Err(StoreError::NotWriter { holder }) => {
                    assert_eq!(holder.as_deref(), Some("other"));
                    break;
                }
                Ok(_) => panic!("it writes"),
                // Its connections were held, and are found to be broken one by one.
                Err(_broken) => {}
            }
        }
        let mut read = other.read().await.unwrap();
        let keys = read.keys_after(None, 10).await.unwrap();
        assert_eq!(keys, [samples::key_pair(2)]);
        put(other, 3).await.unwrap();
    }
}

#[test]
fn a_writer_that_is_cut_off_in_a_transaction_stores_nothing() {
    run(async {
        let mut house = House::new().await;
        let mut write = house.cut_off.begin().await.unwrap();
        write.insert_keys(vec![samples::key_pair(1)]).await.unwrap();
        house.proxy.set(Weather::Held);
        let other = house.take_over().await;
        write.commit().await.unwrap_err();
        house.check(&other).await;
    });
}

#[test]
fn a_commit_that_the_network_holds_until_another_took_over_is_not_done() {
    run(async {
        let mut house = House::new().await;
        let mut write = house.cut_off.begin().await.unwrap();
        write.insert_keys(vec![samples::key_pair(1)]).await.unwrap();
        house.proxy.set(Weather::Held);
        let answer = write.commit().await;
        assert!(matches!(answer, Err(StoreError::OutcomeUnknown { .. })));
        let other = house.take_over().await;
        house.check(&other).await;
    });
}

/// The answer to a commit never comes, and the commit is there: whoever takes over builds on it.
#[test]
fn a_commit_whose_answer_the_network_swallows_is_there_for_who_takes_over() {
    run(async {
        let mut house = House::new().await;
        let mut write = house.cut_off.begin().await.unwrap();
        write.insert_keys(vec![samples::key_pair(1)]).await.unwrap();
        house.proxy.set(Weather::Deaf);
        let answer = write.commit().await;
        assert!(matches!(answer, Err(StoreError::OutcomeUnknown { .. })));
        let other = house.take_over().await;
        assert_eq!(key_count(&*other).await, 2);
    });
}

#[test]
fn a_server_that_is_frozen_holds_nobody_for_ever() {
    run(async {
        let house = House::new().await;
        put(&house.cut_off, 1).await.unwrap();
        house.server.freeze();
        let error = house.cut_off.begin().await.unwrap_err();
        assert!(
            ["POSTGRES_TIMEOUT", "POSTGRES_UNREACHABLE"].contains(&code(&error)),
            "{error:?}"
        );
        house.server.thaw();
        while put(&house.cut_off, 2).await.is_err() {}
        assert!(key_count(&house.cut_off).await >= 2);
        assert!(
            house
                .cut_off
                .take_lease()
                .await
                .unwrap()
                .is_held_by(house.cut_off.own_id())
        );
    });
}

/// The time of a statement is for statements that have work to do. Whether anybody is there is found out sooner.
#[test]
fn a_network_that_swallows_everything_is_found_out_within_the_time_of_a_connection() {
    run(async {
        let server = Server::start(&Setup {
            tcp: true,
            ..Setup::default()
        });
        let database = server.create_database(&format!("house_{}", number()));
        let proxy = Proxy::to(server.address());
        let mut settings = replica("one", &database.tcp_url(proxy.address()));
        settings.password = Some(SecretBytes::from_slice(PASSWORD.as_bytes()));
        settings.connect_timeout = SOON;
        settings.statement_timeout = Duration::from_secs(3600);
        let store = PostgresStore::create(settings).await.unwrap();
        fill(&store, 1).await;
        // Leaves a connection that is there already when the network fails.
        drop(store.read().await.unwrap());
        proxy.set(Weather::Held);
        let patience = Duration::from_secs(60);
        let read = tokio::time::timeout(patience, store.read()).await;
        assert!(read.expect("an answer").is_err());
        let taken = tokio::time::timeout(patience, store.take_lease()).await;
        assert!(taken.expect("an answer").is_err());
        proxy.set(Weather::Clear);
        proxy.cut();
        while store.read().await.is_err() {}
    });
}
