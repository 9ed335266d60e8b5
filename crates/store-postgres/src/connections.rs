//! The connections of a store.

use std::{
    fmt,
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgRow},
};
use strongroom_store::StoreError;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::{
    error::{PostgresError, code, failed, is_conflict, is_lost, refused},
    row::{Column, Columns},
    settings::Settings,
    wire::{Bound, Wire, in_time},
};

/// How much longer than the server somebody waits here for the end of a statement: the server is the one to say that it took
/// too long, unless nothing is heard of it any more.
const GRACE: Duration = Duration::from_secs(1);

/// How often a beginning is tried again that the server gave up in favour of another.
const CONFLICTS: u32 = 3;

/// How long a process may say nothing in the middle of a transaction in which nobody waits for it, such as one that reads.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// Connections are opened when needed and kept. Who holds a permit may have one.
pub(crate) struct Connections {
    /// With the password, which the library would print.
    options: PgConnectOptions,
    connect_timeout: Duration,
    /// How long an answer may take to a question that waits for nobody.
    pub(crate) prompt: Duration,
    /// How long any answer may take.
    pub(crate) limit: Duration,
    set_up: String,
    idle: Mutex<Vec<Wire>>,
    is_closed: AtomicBool,
    runtime: Handle,
    pub(crate) readers: Arc<Semaphore>,
    pub(crate) writer: Arc<Semaphore>,
    /// For what is asked about processes and the lease.
    pub(crate) desk: Arc<Semaphore>,
}

impl Connections {
    pub(crate) fn of(settings: &Settings) -> Result<Self, PostgresError> {
        settings.check()?;
        let millis = |time: Duration| time.as_millis();
        // Nothing but the schema is looked into, and the catalogue before it. Row security would hide rows silently. What a
        // statement joins it finds by an index: without statistics the server would read whole tables for a few rows.
        let set_up = format!(
            "SET search_path = \"{}\", pg_temp; SET statement_timeout = {}; SET lock_timeout = {}; SET bytea_output = hex; \
             SET client_min_messages = warning; SET default_transaction_read_only = off; SET row_security = off; SET jit = off; \
             SET enable_hashjoin = off; SET enable_mergejoin = off; SET default_transaction_isolation = 'read committed'; \
             SET idle_in_transaction_session_timeout = {}; {}; SELECT pg_is_in_recovery()",
            settings.schema,
            millis(settings.statement_timeout),
            millis(settings.lock_timeout),
            millis(IDLE),
            settings.keep_alive(),
        );
        let readers = usize::try_from(settings.max_connections.saturating_sub(3)).unwrap_or(1);
        Ok(Self {
            options: settings.options()?.disable_statement_logging(),
            connect_timeout: settings.connect_timeout,
            prompt: settings.connect_timeout,
            limit: settings.statement_timeout + GRACE,
            set_up,
            idle: Mutex::default(),
            is_closed: AtomicBool::new(false),
            runtime: Handle::current(),
            readers: Arc::new(Semaphore::new(readers)),
            writer: Arc::new(Semaphore::new(1)),
            desk: Arc::new(Semaphore::new(1)),
        })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Nothing begins any more. The desk stays open, for the lease.
    pub(crate) fn begin_to_close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.readers.close();
        self.writer.close();
        self.idle.lock().clear();
    }

    pub(crate) const fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// A new connection, set up.
    pub(crate) async fn connect(&self) -> Result<Wire, StoreError> {
        const OPERATION: &str = "connect to the database";
        let connection = in_time(self.connect_timeout, self.options.connect())
            .await
            .map_err(|error| match &error {
                // What is wrong with a certificate comes as an error of the stream.
                sqlx::Error::Io(io) if io.kind() == ErrorKind::InvalidData => {
                    refused(OPERATION, PostgresError::Tls(error))
                }
                // A listener that closes what it accepts is no server.
                sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => {
                    refused(OPERATION, PostgresError::Unreachable(error))
                }
                _ => failed(OPERATION)(error),
            })?;
        let mut wire = Wire::new(connection, self.limit);
        let set_up = wire.prompt_script(self.prompt, &self.set_up);
        let rows = set_up.await.map_err(failed(OPERATION))?;
        let answer = Column(0, "pg_is_in_recovery");
        let is_standby = match rows.last() {
            Some(row) => Columns::new(row, "pg_proc").flag(answer)?,
            None => false,
        };
        if is_standby {
            return Err(refused(OPERATION, PostgresError::ReadOnly(None)));
        }
        Ok(wire)
    }

    /// A connection on which `begin` has run, and its rows. One that broke while nobody looked is replaced: nothing was asked
    /// of it yet. `begin` waits for nobody: of a connection that a network swallowed, that soon shows.
    pub(crate) async fn start(&self, begin: &str) -> Result<(Wire, Vec<PgRow>), StoreError> {
        loop {
            let (mut wire, was_idle) = self.take().await?;
            match wire.prompt_script(self.prompt, begin).await {
                Ok(rows) => return Ok((wire, rows)),
                Err(error) if was_idle && is_lost(&error) => self.idle.lock().clear(),
                Err(error) => return Err(self.not_begun(wire, error).await),
            }
        }
    }

    /// The same, with a second script that may wait for others, and the rows of that. It runs if the rows of the first one
    /// allow it.
    pub(crate) async fn start_and_wait(
        &self,
        begin: &str,
        may_wait: impl Fn(&[PgRow]) -> Result<(), StoreError>,
        wait: &str,
    ) -> Result<(Wire, Vec<PgRow>), StoreError> {
        let mut conflicts = 0;
        loop {
            let (mut wire, rows) = self.start(begin).await?;
            if let Err(refused) = may_wait(&rows) {
                self.roll_back(wire).await;
                return Err(refused);
            }
            match wire.script(wait).await {
                Ok(rows) => return Ok((wire, rows)),
                Err(error) if is_conflict(&error) && conflicts < CONFLICTS => {
                    conflicts += 1;
                    self.roll_back(wire).await;
                }
                Err(error) => return Err(self.not_begun(wire, error).await),
            }
        }
    }

    async fn not_begun(&self, wire: Wire, error: sqlx::Error) -> StoreError {
        self.roll_back(wire).await;
        // A server that became a standby keeps its connections.
        if code(&error) == Some("25006") {
            self.idle.lock().clear();
        }
        failed("begin a transaction")(error)
    }

    /// The rows of one statement in a transaction of its own. It may run twice, when the answer to it is lost.
    pub(crate) async fn ask<'q>(
        &self,
        operation: &'static str,
        limit: Duration,
        query: impl Fn() -> Bound<'q>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let mut conflicts = 0;
        loop {
            let (mut wire, was_idle) = self.take().await?;
            wire.wait_up_to(limit);
            let answer = wire.rows(query()).await;
            wire.wait_as_before();
            self.give_back(wire);
            match answer {
                Err(error) if was_idle && is_lost(&error) => self.idle.lock().clear(),
                Err(error) if is_conflict(&error) && conflicts < CONFLICTS => conflicts += 1,
                answer => return answer.map_err(failed(operation)),
            }
        }
    }

    /// A connection, and whether it was there before and may have broken meanwhile.
    async fn take(&self) -> Result<(Wire, bool), StoreError> {
        let idle = self.idle.lock().pop();
        match idle {
            Some(wire) => Ok((wire, true)),
            None => Ok((self.connect().await?, false)),
        }
    }

    /// Ends the transaction, and keeps the connection if it can still be used.
    pub(crate) async fn roll_back(&self, mut wire: Wire) {
        if wire.is_clean() && wire.prompt_script(self.prompt, "ROLLBACK").await.is_ok() {
            self.give_back(wire);
        }
    }

    /// The same, without waiting for it. Whoever gets `permit` next finds the transaction ended.
    pub(crate) fn roll_back_soon(
        self: Arc<Self>,
        wire: Wire,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        // A connection of which an answer is still to come is closed, and so is every one where the runtime has ended.
        if wire.is_clean() {
            let runtime = self.runtime.clone();
            runtime.spawn(async move {
                self.roll_back(wire).await;
                drop(permit);
            });
        }
    }

    /// Takes back a connection without a transaction.
    pub(crate) fn give_back(&self, wire: Wire) {
        if wire.is_clean() && !self.is_closed() {
            self.idle.lock().push(wire);
        }
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("idle", &self.idle.lock().len())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

pub(crate) async fn permit(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, StoreError> {
    Arc::clone(of)
        .acquire_owned()
        .await
        .map_err(|_closed| StoreError::Closed)
}
