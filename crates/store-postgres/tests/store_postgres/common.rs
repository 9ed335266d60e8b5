use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use strongroom_errors::Coded as _;
use strongroom_store::{ReplicaId, Replicas as _, Store, StoreError};
use strongroom_store_postgres::{Address, PostgresStore, SchemaName, Settings};
use strongroom_test_postgres::{Database, shared};
use strongroom_test_support::store::{
    CountingStore, CrashPlan, CrashingStore, FlakyStore, Storage, samples,
};

/// A time that is over soon, where something never answers; long enough for what does, on a machine that is busy with other things.
pub(crate) const SOON: Duration = Duration::from_secs(5);

static COUNT: AtomicU32 = AtomicU32::new(0);

pub(crate) fn number() -> u32 {
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// A process of its own, by another id than all others of these tests.
pub(crate) fn replica(name: &str, address: &str) -> Settings {
    let mut id = [7; 16];
    id[..4].copy_from_slice(&number().to_be_bytes());
    let address = Address::parse(address).unwrap();
    let mut settings = Settings::new(address, ReplicaId::from_bytes(id), name.to_owned());
    settings.max_connections = 5;
    settings.silent_after = Duration::from_millis(300);
    settings
}

/// A schema for one vault.
pub(crate) struct Place {
    pub(crate) database: Database<'static>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let name = format!("vault_{}", number());
        Self {
            database: shared().create_database(&name),
        }
    }

    pub(crate) fn settings(&self, name: &str) -> Settings {
        let mut settings = replica(name, &self.database.url());
        settings.schema = SchemaName::try_new("a_vault").unwrap();
        settings
    }

    /// Runs statements past the store.
    pub(crate) fn run(&self, sql: &str) -> String {
        self.database
            .run(&format!("SET search_path = a_vault; {sql}"))
    }
}

/// Takes the lease, from those that are gone or about to be.
pub(crate) async fn writer(store: PostgresStore) -> Arc<PostgresStore> {
    while !store.take_lease().await.unwrap().is_held_by(store.own_id()) {}
    Arc::new(store)
}

#[async_trait]
impl Storage for Place {
    async fn create(&self) -> Arc<dyn Store> {
        Arc::new(PostgresStore::create(self.settings("one")).await.unwrap())
    }

    async fn open(&self) -> Arc<dyn Store> {
        // The rules open stores that have no vault's row yet.
        let settings = self.settings("other");
        writer(PostgresStore::open(settings).await.unwrap()).await
    }
}

/// The same store behind every wrapper, none of which is armed.
pub(crate) struct HookedPlace(Place);

impl HookedPlace {
    pub(crate) fn new() -> Self {
        Self(Place::new())
    }
}

fn hooked(store: Arc<dyn Store>) -> Arc<dyn Store> {
    let crashing = Arc::new(CrashingStore::new(store, CrashPlan::never()));
    let flaky = Arc::new(FlakyStore::new(crashing));
    Arc::new(CountingStore::new(flaky))
}

#[async_trait]
impl Storage for HookedPlace {
    async fn create(&self) -> Arc<dyn Store> {
        let store = hooked(self.0.create().await);
        assert!(store.replicas().is_some());
        store
    }

    async fn open(&self) -> Arc<dyn Store> {
        hooked(self.0.open().await)
    }
}

/// The vault's row, its data key and `count` key pairs, in one commit.
pub(crate) async fn fill(store: &dyn Store, count: u32) {
    let mut write = store.begin().await.unwrap();
    write.insert_data_key(samples::data_key(1)).await.unwrap();
    write.insert_vault(samples::vault()).await.unwrap();
    let keys = (0..count).map(samples::key_pair);
    write.insert_keys(keys.collect()).await.unwrap();
    write.commit().await.unwrap();
}

pub(crate) async fn key_count(store: &dyn Store) -> u64 {
    store.read().await.unwrap().key_count().await.unwrap()
}

/// Stores a key pair, in one commit.
pub(crate) async fn put(store: &dyn Store, number: u32) -> Result<(), StoreError> {
    let mut write = store.begin().await?;
    write.insert_keys(vec![samples::key_pair(number)]).await?;
    write.commit().await
}

/// Ends every connection of a process, and waits until the server has done so.
pub(crate) fn kill(database: &Database<'_>, store: &PostgresStore) {
    let name = format!("strongroom {}", store.own_id());
    database.run(&format!(
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = '{name}'"
    ));
}

/// The code of an error, as programs see it.
pub(crate) fn code(error: &StoreError) -> &'static str {
    error.code().name()
}
