//! Beginning to write.
//!
//! Any process may be stopped at any time, with what it holds. So whoever is not the one that writes finds that out before it
//! takes a lock; and the locks of one who loses the lease while it waits for them are kept for a short time only, which the
//! server measures.

use std::sync::Arc;

use sqlx::postgres::PgRow;
use strongroom_store::StoreError;

use crate::{
    connections::permit,
    error::unreadable,
    moved,
    row::{Column, Columns},
    schema,
    session::Session,
    settings::Settings,
    store::Inner,
    wire::Wire,
};

/// Who has the lease. Nothing is locked by it.
const LOOK: &str = "SELECT token, encode(holder, 'hex'), (SELECT target FROM moved), name \
     FROM lease LEFT JOIN replicas ON replica_id = holder";
const TOKEN: Column = Column(0, "token");
const HOLDER: Column = Column(1, "holder");
const TARGET: Column = Column(2, "target");
const NAME: Column = Column(3, "name");

/// What a transaction that writes says first.
#[derive(Debug)]
pub(crate) struct Beginning {
    begin: String,
    /// Waits for another who writes or takes over, and tells who has the lease.
    lock: String,
}

impl Beginning {
    pub(crate) fn of(settings: &Settings) -> Self {
        // Never less than `on`: a commit that was answered survives a crash of the server. What waits for more stays.
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
             SELECT set_config('synchronous_commit', 'on', true) \
             WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply'); {LOOK}"
        );
        let lock = format!(
            "{}; SELECT token, encode(holder, 'hex'), (SELECT target FROM moved), NULL::text, \
             set_config('idle_in_transaction_session_timeout', \
                        CASE WHEN encode(holder, 'hex') = '{}' THEN '{}' ELSE '{}' END, true) \
             FROM lease FOR SHARE",
            schema::lock(&settings.schema),
            settings.replica_id,
            settings.idle_timeout.as_millis(),
            settings.lets_go_after().as_millis(),
        );
        Self { begin, lock }
    }
}

impl Inner {
    /// A session that writes, and the token of the lease that it does so under.
    pub(crate) async fn begin(&self) -> Result<(Session, u64), StoreError> {
        let permit = permit(&self.connections.writer).await?;
        let (wire, token) = match self.lock_to_write().await {
            Err(error) if self.ended_idle_after(&error).await => self.lock_to_write().await?,
            locked => locked?,
        };
        let session = Session::over(wire, permit, Arc::clone(&self.connections));
        *self.open_write.lock() = Arc::downgrade(&session.slot());
        if self.connections.is_closed() {
            return Err(StoreError::Closed);
        }
        Ok((session, token))
    }

    /// With the locks of whoever writes, if this process has the lease by the row that is locked now: whoever takes it over waits
    /// for this transaction.
    async fn lock_to_write(&self) -> Result<(Wire, u64), StoreError> {
        let Beginning { begin, lock } = &self.beginning;
        let may_wait = |rows: &[PgRow]| self.check_holder(rows.last()).map(drop);
        let begun = self.connections.start_and_wait(begin, may_wait, lock);
        let (wire, rows) = begun.await?;
        match self.check_lease(rows.last()) {
            Ok(token) => Ok((wire, token)),
            Err(error) => {
                self.connections.roll_back(wire).await;
                // The row was another one before it was waited for, and says no name.
                if matches!(error, StoreError::NotWriter { .. }) {
                    let prompt = self.connections.prompt;
                    let look = self
                        .connections
                        .ask("look at the lease", prompt, || sqlx::query(LOOK));
                    self.check_holder(look.await?.last())?;
                }
                Err(error)
            }
        }
    }

    /// Whether the lease is held by this process, by any token.
    fn check_holder<'r>(&self, row: Option<&'r PgRow>) -> Result<Columns<'r>, StoreError> {
        let row = row.ok_or_else(|| unreadable("there is no lease"))?;
        moved::refuse(row, TARGET)?;
        let columns = Columns::new(row, "lease");
        if columns.optional_text(HOLDER)? == Some(self.settings.replica_id.to_string().as_str()) {
            return Ok(columns);
        }
        let holder = columns.optional_text(NAME)?.map(str::to_owned);
        Err(StoreError::NotWriter { holder })
    }

    /// The token, if it is the one that this process was given.
    fn check_lease(&self, row: Option<&PgRow>) -> Result<u64, StoreError> {
        let held = self.check_holder(row).and_then(|columns| {
            let is_ours = *self.token.lock() == Some(columns.integer(TOKEN)?);
            is_ours.then(|| columns.count(TOKEN)).transpose()
        });
        match held {
            Ok(Some(token)) => Ok(token),
            Ok(None) => {
                *self.token.lock() = None;
                let holder = Some(self.settings.replica_name.clone());
                Err(StoreError::NotWriter { holder })
            }
            Err(error) => {
                *self.token.lock() = None;
                Err(error)
            }
        }
    }
}
