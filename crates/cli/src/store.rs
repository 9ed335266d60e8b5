//! The configured database: the one place that picks its adapter.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use strongroom_config::{Config, ReplicaConfig, StoreConfig};
use strongroom_crypto::{Random as _, SystemRandom};
use strongroom_memory::SecretBytes;
use strongroom_store::{Place, ReplicaId, Store, StoreError};
use strongroom_store_postgres::{Address, PostgresStore, SchemaName, Settings};
use strongroom_store_sqlite::SqliteStore;

use crate::{environment, secrets, session};

/// What a prompt for the password says.
const PASSWORD: &str = "Password of the database";

/// Where the vault of a configuration is.
pub(crate) enum ConfiguredStore {
    /// In the vault's own folder, for one process at a time.
    Folder(PathBuf),
    /// In a PostgreSQL database, for several.
    Database(Box<Database>),
}

/// A vault in PostgreSQL, as this process reaches it.
pub(crate) struct Database {
    store: StoreConfig,
    replica: ReplicaConfig,
    /// Read once, since it may be typed.
    password: Option<SecretBytes>,
}

impl ConfiguredStore {
    /// That of `config`, whose vault has the folder `dir`.
    ///
    /// # Errors
    /// Those of reading the password.
    pub(crate) fn of(config: &Config, dir: &Path) -> anyhow::Result<Self> {
        match &config.store {
            None => Ok(Self::Folder(dir.to_owned())),
            Some(store) => Self::in_database(store.clone(), config.replica.clone()),
        }
    }

    /// One in PostgreSQL.
    ///
    /// # Errors
    /// Those of reading the password.
    pub(crate) fn in_database(store: StoreConfig, replica: ReplicaConfig) -> anyhow::Result<Self> {
        let source = store.password.as_ref();
        let password = source.map(|source| secrets::read(source, PASSWORD));
        Ok(Self::Database(Box::new(Database {
            password: password.transpose()?,
            store,
            replica,
        })))
    }

    /// Whether there is a vault, finished or damaged.
    ///
    /// # Errors
    /// That the database does not say.
    pub(crate) async fn exists(&self) -> anyhow::Result<bool> {
        match self {
            Self::Folder(dir) => Ok(SqliteStore::exists(dir)),
            Self::Database(database) => Ok(PostgresStore::exists(&database.settings()?).await?),
        }
    }

    /// Makes the store of a new vault; one whose making was interrupted is gone on with.
    pub(crate) async fn create(&self) -> anyhow::Result<Arc<dyn Store>> {
        match self {
            Self::Folder(dir) => Ok(Arc::new(SqliteStore::create(dir).await?)),
            Self::Database(database) => {
                let store = PostgresStore::create(database.settings()?).await?;
                Ok(to_be_closed(Arc::new(store)))
            }
        }
    }

    /// Opens the store of a vault.
    pub(crate) async fn open(&self) -> anyhow::Result<Arc<dyn Store>> {
        self.open_with_server().await.map(|(store, _server)| store)
    }

    /// The same, and what can be asked of a server only.
    pub(crate) async fn open_with_server(
        &self,
    ) -> anyhow::Result<(Arc<dyn Store>, Option<Arc<PostgresStore>>)> {
        match self {
            Self::Folder(dir) => Ok((session::open_store(dir).await?, None)),
            Self::Database(database) => {
                let server = Arc::new(PostgresStore::open(database.settings()?).await?);
                Ok((to_be_closed(Arc::clone(&server)), Some(server)))
            }
        }
    }

    /// Opens one that several processes may share; none, and nothing is opened, where one at a time has the vault.
    pub(crate) async fn open_shared(&self) -> anyhow::Result<Option<Arc<PostgresStore>>> {
        match self {
            Self::Folder(_) => Ok(None),
            Self::Database(_) => Ok(self.open_with_server().await?.1),
        }
    }

    /// Opens what is left of a vault that was moved away, to be read only.
    pub(crate) async fn open_left(&self) -> anyhow::Result<Arc<dyn Store>> {
        match self {
            Self::Folder(dir) => Ok(Arc::new(SqliteStore::open_left(dir).await?)),
            Self::Database(database) => {
                let store = PostgresStore::open_left(database.settings()?).await?;
                Ok(to_be_closed(Arc::new(store)))
            }
        }
    }

    /// Where it is, for people.
    pub(crate) fn place(&self) -> anyhow::Result<Place> {
        match self {
            Self::Folder(dir) => Ok(Place::Folder(dir.clone())),
            Self::Database(database) => place_of(&database.store),
        }
    }
}

/// Where a database is, for people.
pub(crate) fn place_of(store: &StoreConfig) -> anyhow::Result<Place> {
    let address = Address::parse(&store.url)?;
    Ok(Place::Database(format!(
        "schema {} of {address}",
        store.schema
    )))
}

impl Database {
    /// Of one more opening: each is a process of its own to the others.
    pub(crate) fn settings(&self) -> anyhow::Result<Settings> {
        let (store, replica) = (&self.store, &self.replica);
        let mut id = [0; 16];
        SystemRandom.fill(&mut id)?;
        let name = match &replica.name {
            Some(name) => name.clone(),
            None => environment::host_name(),
        };
        let address = Address::parse(&store.url)?;
        // EXPOSE: from locked memory into locked memory.
        let password = self.password.as_ref().map(|it| it.expose());
        Ok(Settings {
            password: password.map(SecretBytes::from_slice),
            schema: SchemaName::try_new(&store.schema)?,
            max_connections: store.max_connections,
            connect_timeout: store.connect_timeout,
            statement_timeout: store.statement_timeout,
            lock_timeout: store.lock_timeout,
            idle_timeout: store.idle_timeout,
            keepalive: store.keepalive,
            silent_after: replica.silent_after,
            ..Settings::new(address, ReplicaId::from_bytes(id), name)
        })
    }
}

/// The databases that this process has open.
static OPEN: Mutex<Vec<Weak<dyn Store>>> = Mutex::new(Vec::new());

fn to_be_closed(store: Arc<PostgresStore>) -> Arc<dyn Store> {
    let store: Arc<dyn Store> = store;
    let mut open = OPEN.lock();
    open.retain(|store| store.strong_count() > 0);
    open.push(Arc::downgrade(&store));
    store
}

/// Closes the databases that a command left open because it failed: others hear at once that the lease is free, and need not
/// find out by the silence.
pub(crate) async fn close_what_is_open() {
    let open = std::mem::take(&mut *OPEN.lock());
    for store in open.iter().filter_map(Weak::upgrade) {
        session::close_refused(store).await;
    }
}

/// Whether a failure says that there is a vault already.
pub(crate) fn is_already_a_vault(refused: &anyhow::Error) -> bool {
    matches!(
        refused.downcast_ref(),
        Some(StoreError::AlreadyAVault { .. })
    )
}
