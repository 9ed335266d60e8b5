//! The store: one connection that writes, a few that read, one for the lease and one that listens.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use sqlx::postgres::PgRow;
use strongroom_store::{ReadTransaction, Replicas, Store, StoreError, WriteTransaction};

use crate::{
    connections::{Connections, permit},
    error::{failed, refused, unreadable},
    integrity, moved,
    news::News,
    open,
    row::{Column, Columns},
    schema,
    session::{Session, Slot},
    settings::Settings,
    transaction::PostgresTransaction,
    wire::Wire,
};

/// How long the server may take to go through the whole vault.
const LONG: Duration = Duration::from_secs(4 * 60 * 60);

/// What the transaction that reads begins with. The server takes the snapshot with the first question.
const BEGIN_TO_READ: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT (SELECT target FROM moved)";

/// What the transaction that writes begins with. Never less than `on`: a commit that was answered survives a crash of the
/// server. What waits for more stays.
const BEGIN_TO_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
     SELECT set_config('synchronous_commit', 'on', true) \
     WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";

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
    /// What waits for another who writes or takes over, and tells who has the lease.
    lock_to_write: String,
    commit: Arc<str>,
    /// The connection of the transaction that writes, if there is one.
    open_write: Mutex<Weak<tokio::sync::Mutex<Option<Wire>>>>,
}

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
        let lease = store.take_lease().await?;
        if lease.is_held_by(store.own_id()) {
            Ok(store)
        } else {
            let holder = lease.holder.map(|holder| holder.name);
            Err(StoreError::NotWriter { holder })
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
        let lock_to_write = format!(
            "{}; SELECT token, encode(holder, 'hex'), (SELECT target FROM moved) FROM lease FOR SHARE",
            schema::lock(schema)
        );
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
                lock_to_write,
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
    /// A session that writes, and the token of the lease that it does so under.
    async fn begin(&self) -> Result<(Session, u64), StoreError> {
        let permit = permit(&self.connections.writer).await?;
        let (mut wire, rows) = self
            .connections
            .start_and_wait(BEGIN_TO_WRITE, &self.lock_to_write)
            .await?;
        match self.check_lease(&mut wire, rows.last()).await {
            Ok(token) => {
                let session = Session::over(wire, permit, Arc::clone(&self.connections));
                *self.open_write.lock() = Arc::downgrade(&session.slot());
                if self.connections.is_closed() {
                    return Err(StoreError::Closed);
                }
                Ok((session, token))
            }
            Err(error) => {
                self.connections.roll_back(wire).await;
                Err(error)
            }
        }
    }

    /// The token, if this process has the lease by the row that is locked now. Whoever takes it over waits for this transaction.
    async fn check_lease(&self, wire: &mut Wire, row: Option<&PgRow>) -> Result<u64, StoreError> {
        let row = row.ok_or_else(|| unreadable("there is no lease"))?;
        moved::refuse(row, Column(2, "target"))?;
        let columns = Columns::new(row, "lease");
        let token = columns.integer(Column(0, "token"))?;
        let holder = columns
            .optional_text(Column(1, "holder"))?
            .map(str::to_owned);
        if holder.as_deref() == Some(self.settings.replica_id.to_string().as_str())
            && *self.token.lock() == Some(token)
        {
            return columns.count(Column(0, "token"));
        }
        *self.token.lock() = None;
        let query = sqlx::query("SELECT name FROM replicas WHERE encode(replica_id, 'hex') = $1")
            .bind(holder);
        let row = wire
            .optional_row(query)
            .await
            .map_err(failed("read the replicas"))?;
        let holder = match row {
            Some(row) => Some(
                Columns::new(&row, "replicas")
                    .text(Column(0, "name"))?
                    .to_owned(),
            ),
            None => None,
        };
        Err(StoreError::NotWriter { holder })
    }

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
