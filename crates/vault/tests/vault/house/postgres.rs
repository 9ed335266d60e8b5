//! A house whose database is in PostgreSQL: one of its own in the server of these tests.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use strongroom_crypto::{Random as _, SystemRandom};
use strongroom_store::{ReplicaId, StoreError};
use strongroom_store_postgres::{Address, PostgresStore, Settings};
use strongroom_test_postgres::{Database, shared};

/// Names the database in the folder of a house, for whichever process opens the vault there.
const FILE: &str = "postgres";

/// Waits until nobody is connected but the one who asks. Then says whether the lease, if there is one yet, is held, which only
/// a dead process does.
const DEAD_WRITERS: &str = "\
do $$ begin \
  while exists (select 1 from pg_stat_activity where datname = current_database() \
                and backend_type = 'client backend' and pid <> pg_backend_pid()) loop \
    perform pg_sleep(0.002); perform pg_stat_clear_snapshot(); \
  end loop; \
end $$;
select to_regclass('strongroom.lease') is not null as is_there \\gset
\\if :is_there
select count(*) from strongroom.lease where holder is not null;
\\endif
";

/// Every row of the vault as text; bytes are hexadecimal there.
const ALL_ROWS: &str = "select format('select t::text from strongroom.%I t', tablename) \
     from pg_tables where schemaname = 'strongroom' \\gexec\n";

/// The database of one house.
#[derive(Debug)]
pub(crate) struct Postgres {
    name: String,
    url: String,
    /// Whether the database goes with this.
    is_owned: bool,
}

impl Postgres {
    /// A database for the house in `root`, which is not made yet.
    pub(crate) fn new(root: &Path) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("house_{}", NUMBER.fetch_add(1, Ordering::SeqCst));
        let url = shared().database(&name).url();
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

    /// Makes it, empty.
    pub(crate) fn make(self) -> Self {
        shared().create_database(&self.name);
        self
    }

    /// Replaces it by a copy of `other`. Whoever is connected to either is thrown out.
    pub(crate) fn put_back(&self, other: &Self) {
        let (own, other) = (&self.name, &other.name);
        shared().database("postgres").run(&format!(
            "set client_min_messages = error; drop database if exists {own} with (force); \
             select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = '{other}'; \
             create database {own} template {other} strategy file_copy"
        ));
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

    pub(crate) async fn create_store(&self) -> Result<PostgresStore, StoreError> {
        PostgresStore::create(self.settings()).await
    }

    pub(crate) async fn open_store(&self) -> Result<PostgresStore, StoreError> {
        PostgresStore::open(self.settings()).await
    }

    pub(crate) async fn open_left(&self) -> Result<PostgresStore, StoreError> {
        PostgresStore::open_left(self.settings()).await
    }

    pub(crate) async fn has_vault(&self) -> bool {
        PostgresStore::exists(&self.settings()).await.unwrap()
    }

    /// Past the store: what its operator has.
    fn database(&self) -> Database<'static> {
        shared().database(&self.name)
    }

    /// Whether a process that is gone still holds the lease.
    pub(crate) fn has_dead_writer(&self) -> bool {
        self.database().run(DEAD_WRITERS).trim() == "1"
    }

    /// Whether `bytes` stand in any row.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        let rows = self.database().run(ALL_ROWS);
        assert!(rows.contains("\\x"), "no bytes are seen: {rows}");
        rows.contains(&data_encoding::HEXLOWER.encode(bytes))
    }

    /// What the rows of private keys hold.
    pub(crate) fn stored_keys(&self) -> Vec<Vec<u8>> {
        let rows = self.database().run(
            "select encode(stored_key, 'hex') from strongroom.private_keys where stored_key is not null",
        );
        let decode = |line: &str| data_encoding::HEXLOWER.decode(line.as_bytes()).unwrap();
        rows.lines().map(decode).collect()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.is_owned && !std::thread::panicking() {
            let drop = format!(
                "set client_min_messages = error; drop database if exists {} with (force)",
                self.name
            );
            shared().database("postgres").run(&drop);
        }
    }
}
