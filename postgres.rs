//! A house whose database is in PostgreSQL: one of its own in the server of these tests.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use strongroom_crypto::{Random as _, SystemRandom};
use strongroom_store::{ReplicaId, Store, StoreError};
use strongroom_store_postgres::{Address, PostgresStore, Settings};
use strongroom_test_postgres::{Database, shared};

/// Names the database in the folder of a house, for whichever process opens the vault there.
const FILE: &str = "postgres";

/// The database of one house.
#[derive(Debug)]
pub(crate) struct Postgres {
    name: String,
    url: String,
    /// Whether the database goes with this.
    is_owned: bool,
}

impl Postgres {
    /// A new, empty database for the house in `root`.
    pub(crate) fn create(root: &Path) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("house_{}", NUMBER.fetch_add(1, Ordering::SeqCst));
        let url = shared().create_database(&name).url();
        fs::write(root.join(FILE), format!("{name} {url}")).unwrap();
        Self {
            name,
            url,
            is_owned: true,
        }
    }

    /// The database of the house in `root`, which another process may have made; none if the house is on files.
    pub(crate) fn of(root: &Path) -> Option<Self> {
        let text = fs::read_to_string(root.join(FILE)).ok()?;
        let (name, url) = text.split_once(' ').unwrap();
        Some(Self {
            name: name.to_owned(),
            url: url.to_owned(),
            is_owned: false,
        })
    }

    /// As a process has it that starts now: it is nobody who was there before.
    fn settings(&self) -> Settings {
        let mut id = [0; 16];
        SystemRandom.fill(&mut id).unwrap();
        let address = Address::parse(&self.url).unwrap();
        let mut settings = Settings::new(address, ReplicaId::from_bytes(id), "test".to_owned());
        settings.max_connections = 4;
        settings
    }

    pub(crate) async fn create_store(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(PostgresStore::create(self.settings()).await?))
    }

    pub(crate) async fn open_store(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(PostgresStore::open(self.settings()).await?))
    }

    pub(crate) async fn has_vault(&self) -> bool {
        PostgresStore::exists(&self.settings()).await.unwrap()
    }

    /// Replaces the database by a copy of `other`. Whoever is connected to either is thrown out.
    pub(crate) fn put_back(&self, other: &Self) {
        let (own, other) = (&self.name, &other.name);
        shared().database("postgres").run(&format!(
            "drop database {own} with (force); \
             select pg_terminate_backend(pid) from pg_stat_activity where datname = '{other}'; \
             create database {own} template {other}"
        ));
    }

    /// Past the store: what its operator has.
    pub(crate) fn database(&self) -> Database<'static> {
        shared().database(&self.name)
    }

    /// Whether a process is believed to write, dead or alive.
    pub(crate) fn has_writer(&self) -> bool {
        let held = "select count(*) from strongroom.lease where holder is not null";
        self.database().run(held).trim() == "1"
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.is_owned && !std::thread::panicking() {
            let drop = format!("drop database {} with (force)", self.name);
            shared().database("postgres").run(&drop);
        }
    }
}
