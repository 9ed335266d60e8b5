//! The store: one connection that writes, a few that read, one for the lease and one that listens.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use strongroom_store::{ReadTransaction, Replicas, Store, StoreError, WriteTransaction};

use crate::{
    connections::{Connections, permit},
    error::{failed, refused, unreadable},
    integrity, moved,
    news::News,
    open,
    row::Column,
    session::{Session, Slot},
    settings::Settings,
    transaction::PostgresTransaction,
    wire::Wire,
    writing::Beginning,
};

/// How long the server may take to go through the whole vault.
const LONG: Duration = Duration::from_secs(4 * 60 * 60);

/// What the transaction that reads begins with. The server takes the snapshot with the first question.
const BEGIN_TO_READ: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT (SELECT target FROM moved)";

/// The tables from which rows go.
const SCRUBBED: &[&str] = &[
    "private_keys",
    "public_keys",
    "wraps",
    "kms_journal",
    "vault",
    "topology",
];

/// A vault in a schema of a PostgreSQL database, which any number of processes may have open.
///
/// # How to open one
///
/// ```no_run
/// use strongroom_store::{ReplicaId, Store};
/// use strongroom_store_postgres::{Address, PostgresStore, Settings};
///
/// # async fn open(random: [u8; 16]) -> Result<(), Box<dyn std::error::Error>> {
/// let address = Address::parse("postgres://vault@db.example.com/vaults?sslrootcert=/etc/ssl/db.pem")?;
/// let settings = Settings::new(address, ReplicaId::from_bytes(random), "node-1".to_owned());
/// let store = PostgresStore::open(settings).await?;
/// if let Some(replicas) = store.replicas() {
///     replicas.take_lease().await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Who writes
///
/// [`Self::open`] does not take the lease: until [`Replicas::take_lease`] has given it to this process, [`Store::begin`]
/// answers [`StoreError::NotWriter`]. [`Self::create`] takes it, since nobody else can know the vault yet. Who has the lease
/// must [beat](Replicas::beat) more often than [`Settings::silent_after`], or others take it for dead.
///
/// A process that does not have the lease takes no lock. One that was stopped while it had it, lost it or was about to take it
/// is ended by the server, or by whoever waits for it.
///
/// To be called on a runtime of tokio with its clock and its network, which must live as long as the store does.
#[derive(Debug)]
pub struct PostgresStore {
    pub(crate) inner: Arc<Inner>,
}

/// Shared by the store and its transactions.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) connections: Arc<Connections>,
    pub(crate) settings: Settings,
    pub(crate) news: News,
    /// The token that came with the lease.
    pub(crate) token: Mutex<Option<i64>>,
    /// Whether a vault that was moved away may be read.
    shows_moved: bool,
    pub(crate) beginning: Beginning,
    commit: Arc<str>,
    /// The connection of the transaction that writes, if there is one.
    pub(crate) open_write: Mutex<Weak<tokio::sync::Mutex<Option<Wire>>>>,
}

/// The server needs some time to see that a process has died. Whoever repeats what that process began to create need not be told.
const A_MOMENT: Duration = Duration::from_secs(3);

impl PostgresStore {
    /// Makes the schema of a new vault, and takes the lease. The database must be there; the user needs the right to make
    /// schemas in it, or must own an empty schema of this name.
    ///
    /// The creation of a vault ends with the commit of its row ([`WriteTransaction::insert_vault`]). Until then it can be
    /// repeated, whenever it was interrupted.
    ///
    /// # Errors
    /// [`StoreError::AlreadyAVault`]; [`StoreError::NotAVault`] if there are other tables in the schema;
    /// [`StoreError::NewerSchema`]; [`StoreError::NotWriter`] while another process makes it; [`StoreError::Refused`] with a
    /// code of [`PostgresError`](crate::PostgresError); [`StoreError::Full`]; [`StoreError::Io`].
    pub async fn create(settings: Settings) -> Result<Self, StoreError> {
        let connections = connections(&settings)?;
        open::fresh(&connections, &settings).await?;
        let store = Self::start(connections, settings, false);
        let began = tokio::time::Instant::now();
        loop {
            let lease = store.take_lease().await?;
            if lease.is_held_by(store.own_id()) {
                return Ok(store);
            }
            if began.elapsed() > A_MOMENT {
                let holder = lease.holder.map(|holder| holder.name);
                return Err(StoreError::NotWriter { holder });
            }
            tokio::time::sleep(A_MOMENT / 60).await;
        }
    }

    /// Opens a vault, after a look at its schema; one of an older version is brought to the newest. It does not take the lease.
    ///
    /// # Errors
    /// [`StoreError::NotAVault`] if there is none, or if its creation was interrupted; [`StoreError::NewerSchema`];
    /// [`StoreError::Moved`]; [`StoreError::Busy`] if others hold the tables that are to be changed; [`StoreError::Refused`] with a code of
    /// [`PostgresError`](crate::PostgresError); [`StoreError::Io`].
    pub async fn open(settings: Settings) -> Result<Self, StoreError> {
        let connections = connections(&settings)?;
        open::existing(&connections, &settings).await?;
        Ok(Self::start(connections, settings, false))
    }

    /// Opens what is left of a vault that was moved away, to be read only.
    ///
    /// # Errors
    /// [`StoreError::NotAVault`] if none was moved from here; as [`Self::open`].
    pub async fn open_left(settings: Settings) -> Result<Self, StoreError> {
        let connections = connections(&settings)?;
        open::left(&connections, &settings).await?;
        Ok(Self::start(connections, settings, true))
    }

    /// Whether there is a vault: [`Self::open`] finds it and [`Self::create`] refuses.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`]; [`StoreError::Refused`] with a code of [`PostgresError`](crate::PostgresError);
    /// [`StoreError::Io`].
    pub async fn exists(settings: &Settings) -> Result<bool, StoreError> {
        open::is_there(&*connections(settings)?, settings).await
    }

    fn start(connections: Arc<Connections>, settings: Settings, shows_moved: bool) -> Self {
        let schema = &settings.schema;
        let commit = format!(
            "SELECT pg_notify('{schema}', '{}'); COMMIT",
            settings.replica_id
        );
        let news = News::listen(&connections, &settings);
        Self {
            inner: Arc::new(Inner {
                connections,
                news,
                token: Mutex::default(),
                shows_moved,
                beginning: Beginning::of(&settings),
                commit: commit.into(),
                open_write: Mutex::default(),
                settings,
            }),
        }
    }
}

fn connections(settings: &Settings) -> Result<Arc<Connections>, StoreError> {
    Connections::of(settings)
        .map(Arc::new)
        .map_err(|error| refused("use the settings", error))
}

impl Inner {
    async fn read(&self) -> Result<Session, StoreError> {
        let permit = permit(&self.connections.readers).await?;
        let (wire, rows) = self.connections.start(BEGIN_TO_READ).await?;
        let row = rows
            .last()
            .ok_or_else(|| unreadable("there is no answer"))?;
        if !self.shows_moved
            && let Err(error) = moved::refuse(row, Column(0, "target"))
        {
            self.connections.roll_back(wire).await;
            return Err(error);
        }
        Ok(Session::over(wire, permit, Arc::clone(&self.connections)))
    }

    fn open_write(&self) -> Option<Slot> {
        self.open_write.lock().upgrade()
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn begin(&self) -> Result<Box<dyn WriteTransaction>, StoreError> {
        let (session, token) = self.inner.begin().await?;
        let commit = Arc::clone(&self.inner.commit);
        Ok(Box::new(PostgresTransaction::writing(
            session, commit, token,
        )))
    }

    async fn read(&self) -> Result<Box<dyn ReadTransaction>, StoreError> {
        let session = self.inner.read().await?;
        Ok(Box::new(PostgresTransaction::reading(session)))
    }

    async fn check_integrity(&self) -> Result<(), StoreError> {
        let mut session = self.inner.read().await?;
        let mut call = session.call().await?;
        call.wait_up_to(LONG);
        call.script("SET LOCAL statement_timeout = 0; SET LOCAL enable_hashjoin = on")
            .await
            .map_err(failed("check the database"))?;
        let checked = integrity::check_everything(&mut call).await;
        call.wait_as_before();
        call.end(checked)
    }

    async fn scrub(&self) -> Result<(), StoreError> {
        let _permit = permit(&self.inner.connections.writer).await?;
        // Not kept: it waits for longer than others.
        let mut wire = self.inner.connections.connect().await?;
        wire.wait_up_to(LONG);
        let scrubbing = failed("scrub the database");
        wire.script("SET statement_timeout = 0")
            .await
            .map_err(&scrubbing)?;
        for table in SCRUBBED {
            let vacuum = format!("VACUUM {table}");
            wire.script(&vacuum).await.map_err(&scrubbing)?;
        }
        Ok(())
    }

    fn replicas(&self) -> Option<&dyn Replicas> {
        Some(self)
    }

    async fn close(&self) -> Result<(), StoreError> {
        if self.inner.connections.is_closed() {
            return Ok(());
        }
        self.inner.connections.begin_to_close();
        // A write that is still open can no longer be committed.
        if let Some(slot) = self.inner.open_write()
            && let Some(wire) = slot.lock().await.take()
        {
            self.inner.connections.roll_back(wire).await;
        }
        self.inner.news.end();
        // A beat that is under way would put this process back into the list.
        let _last = permit(&self.inner.connections.desk).await?;
        // Where the server does not hear of it, others find out by the silence.
        if let Err(error) = self.inner.leave().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the lease could not be given up"
            );
        }
        self.inner.connections.desk.close();
        Ok(())
    }
}
