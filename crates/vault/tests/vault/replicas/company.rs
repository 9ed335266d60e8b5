//! Several vaults over one store, each with an anchor and a clock of its own.

use std::{sync::Arc, time::Duration};

use rusqlite::Connection;
use strongroom_files::OsFiles;
use strongroom_kms::KmsProvider;
use strongroom_store::Replicas;
use strongroom_test_support::{
    FixedClock,
    store::{CountingStore, SharedHandle, SharedStore},
};
use strongroom_vault::{
    Anchor, AnchorError, AnchorRecord, Environment, FileAnchor, NamedKms, NamedWrapper,
    ReplicaSettings, Settings, Vault, VaultError,
};

use crate::house::{House, KMS_NAME, caller};

/// The house, and the store that all share.
pub(super) struct Company {
    pub(super) house: House,
    shared: Arc<SharedStore>,
    /// Counts the calls of all.
    pub(super) calls: Arc<CountingStore>,
}

/// One process.
pub(super) struct Process {
    pub(super) vault: Arc<Vault>,
    pub(super) store: Arc<SharedHandle>,
    pub(super) clock: Arc<FixedClock>,
}

impl Company {
    /// A new vault; the process that made it is the one that writes.
    pub(super) async fn new() -> (Self, Process) {
        Self::new_with(settings()).await
    }

    pub(super) async fn new_with(settings: Settings) -> (Self, Process) {
        let house = House::new();
        let calls = Arc::new(CountingStore::new(house.new_store().await));
        let shared = SharedStore::over(Arc::<CountingStore>::clone(&calls));
        let company = Self {
            house,
            shared,
            calls,
        };
        let store = company.shared.handle("one");
        store.take_lease().await.unwrap();
        let (environment, clock) = company.environment("one", &store);
        let new = strongroom_vault::NewVault {
            id: crate::house::VAULT_ID,
            wrapper_key: None,
        };
        let vault = Vault::create(environment, settings, &caller(), new)
            .await
            .unwrap();
        let vault = Arc::new(vault);
        let first = Process {
            vault,
            store,
            clock,
        };
        (company, first)
    }

    pub(super) async fn open(&self, name: &str) -> Process {
        self.open_with(name, settings()).await
    }

    pub(super) async fn open_with(&self, name: &str, settings: Settings) -> Process {
        self.try_open(name, settings).await.unwrap()
    }

    /// Opens, where its anchor is, with another KMS in front of the one of the house.
    pub(super) async fn open_over(&self, name: &str, kms: Arc<dyn KmsProvider>) -> Process {
        let store = self.shared.handle(name);
        let (environment, clock) = self.environment(name, &store);
        let environment = Environment {
            wrappers: vec![NamedWrapper {
                name: KMS_NAME.to_owned(),
                wrapper: kms.key_wrapper().unwrap(),
            }],
            kms: vec![NamedKms {
                name: KMS_NAME.to_owned(),
                provider: kms,
            }],
            ..environment
        };
        let vault = Arc::new(Vault::open(environment, settings()).await.unwrap());
        Process {
            vault,
            store,
            clock,
        }
    }

    /// Opens after its anchor is there; each read of the anchor takes so long.
    pub(super) async fn open_slowly(
        &self,
        name: &str,
        clock: &Arc<FixedClock>,
        takes: Duration,
    ) -> Process {
        drop(self.open(name).await);
        let store = self.shared.handle(name);
        let (environment, _other) = self.environment(name, &store);
        let environment = Environment {
            anchor: Arc::new(SlowAnchor {
                inner: environment.anchor,
                clock: Arc::clone(clock),
                takes,
            }),
            clock: Arc::<FixedClock>::clone(clock),
            ..environment
        };
        let vault = Vault::open(environment, settings()).await.unwrap();
        Process {
            vault: Arc::new(vault),
            store,
            clock: Arc::clone(clock),
        }
    }

    /// Opens in other surroundings than usual.
    pub(super) async fn open_in(
        &self,
        name: &str,
        settings: Settings,
        change: impl FnOnce(Environment) -> Environment,
    ) -> Process {
        self.try_open_in(name, settings, change).await.unwrap()
    }

    pub(super) async fn try_open(
        &self,
        name: &str,
        settings: Settings,
    ) -> Result<Process, VaultError> {
        self.try_open_in(name, settings, |usual| usual).await
    }

    async fn try_open_in(
        &self,
        name: &str,
        settings: Settings,
        change: impl FnOnce(Environment) -> Environment,
    ) -> Result<Process, VaultError> {
        let store = self.shared.handle(name);
        let (environment, clock) = self.environment(name, &store);
        let environment = change(environment);
        let vault = if self.anchor_path(name).exists() {
            Vault::open(environment, settings).await?
        } else {
            // The first look of a new process is its operator's.
            Vault::danger_accept_state(environment, settings, &caller(), crate::house::VAULT_ID)
                .await?
        };
        Ok(Process {
            vault: Arc::new(vault),
            store,
            clock,
        })
    }

    /// Its operator takes the state of the store for the right one.
    pub(super) async fn accept(&self, name: &str) -> Result<Process, VaultError> {
        let store = self.shared.handle(name);
        let (environment, clock) = self.environment(name, &store);
        let id = crate::house::VAULT_ID;
        let vault = Vault::danger_accept_state(environment, settings(), &caller(), id).await?;
        Ok(Process {
            vault: Arc::new(vault),
            store,
            clock,
        })
    }

    pub(super) fn anchor_path(&self, name: &str) -> std::path::PathBuf {
        self.house.root().join(format!("anchor-{name}.json"))
    }

    fn environment(&self, name: &str, store: &Arc<SharedHandle>) -> (Environment, Arc<FixedClock>) {
        let clock = Arc::new(FixedClock::default());
        let environment = Environment {
            anchor: Arc::new(FileAnchor::new(
                Arc::new(OsFiles::new()),
                self.anchor_path(name),
            )),
            clock: Arc::<FixedClock>::clone(&clock),
            ..self.house.environment(Arc::<SharedHandle>::clone(store))
        };
        (environment, clock)
    }
}

/// Nobody waits for a lease: the clocks stand still.
pub(super) fn settings() -> Settings {
    Settings {
        replica: ReplicaSettings {
            wait_for_lease: Duration::ZERO,
            ..ReplicaSettings::default()
        },
        ..Settings::default()
    }
}

pub(super) fn strict() -> Settings {
    let settings = settings();
    Settings {
        replica: ReplicaSettings {
            strict: true,
            ..settings.replica
        },
        ..settings
    }
}

/// An anchor on a slow disk.
#[derive(Debug)]
struct SlowAnchor {
    inner: Arc<dyn Anchor>,
    clock: Arc<FixedClock>,
    takes: Duration,
}

impl Anchor for SlowAnchor {
    fn location(&self) -> Option<String> {
        self.inner.location()
    }

    fn load(&self) -> Result<Option<AnchorRecord>, AnchorError> {
        self.clock.advance(self.takes);
        self.inner.load()
    }

    fn store(&self, record: &AnchorRecord) -> Result<(), AnchorError> {
        self.inner.store(record)
    }
}

/// All rows of one moment.
pub(super) struct Saved {
    database: Connection,
}

impl Saved {
    pub(super) fn of(company: &Company) -> Self {
        let database = company.house.database();
        let copy = company.house.root().join("saved.db");
        let copy = copy.to_str().unwrap();
        database.execute("VACUUM INTO ?1", [copy]).unwrap();
        database.execute("ATTACH ?1 AS saved", [copy]).unwrap();
        Self { database }
    }

    pub(super) fn put_back(&self) {
        let mut tables = self
            .database
            .prepare("SELECT name FROM saved.sqlite_schema WHERE type = 'table'")
            .unwrap();
        let tables: Vec<String> = tables
            .query_map((), |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let statements = tables.iter().map(|table| {
            format!(
                "DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM saved.{table};"
            )
        });
        let all: String = statements.collect();
        self.database
            .execute_batch(&format!("BEGIN; {all} COMMIT"))
            .unwrap();
    }
}
