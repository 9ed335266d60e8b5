//! A transaction of the engine, from its beginning to its end on one connection.

use std::{fmt, sync::Arc};

use rusqlite::Connection;
use strongroom_store::StoreError;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    condition::Condition,
    error::failed,
    moved,
    readers::Reader,
    schema::roll_back,
    store::Inner,
    worker::{Stopped, Worker},
};

/// What a session holds for its life.
pub(crate) enum Hold {
    /// The right to write.
    Writer { _permit: OwnedSemaphorePermit },
    /// A reader of the pool.
    Reader(Option<Reader>),
}

/// An open transaction. However it is dropped, the engine's transaction ends, and the connection is free again.
pub(crate) struct Session {
    worker: Arc<Worker>,
    state: State,
    hold: Hold,
    /// Keeps the folder locked as long as something may still be written.
    store: Arc<Inner>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// A call is running, has failed or was given up: nothing may follow but the end.
    Dead,
    /// The engine has no transaction any more.
    Ended,
}

impl Session {
    pub(crate) async fn write(
        store: Arc<Inner>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self, StoreError> {
        let session = Self {
            worker: store.writer(),
            state: State::Dead,
            hold: Hold::Writer { _permit: permit },
            store,
        };
        let condition = session.store.condition();
        session
            .begin("BEGIN IMMEDIATE", move |connection| {
                condition.check_writable(connection)?;
                moved::refuse(connection)
            })
            .await
    }

    pub(crate) async fn read(store: Arc<Inner>, reader: Reader) -> Result<Self, StoreError> {
        let worker = Arc::clone(&reader.worker);
        let shows_moved = store.shows_moved();
        let session = Self {
            worker,
            state: State::Dead,
            hold: Hold::Reader(Some(reader)),
            store,
        };
        // SQLite takes the snapshot with the first read.
        session
            .begin("BEGIN; SELECT 1 FROM vault", move |connection| {
                if shows_moved {
                    Ok(())
                } else {
                    moved::refuse(connection)
                }
            })
            .await
    }

    async fn begin(
        mut self,
        sql: &'static str,
        check: impl FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Self, StoreError> {
        self.worker
            .run(move |connection| {
                check(connection)?;
                connection
                    .execute_batch(sql)
                    .map_err(failed("begin a transaction"))
            })
            .await
            .map_err(|Stopped| StoreError::Closed)??;
        self.state = State::Open;
        Ok(self)
    }

    /// Runs `job` in the transaction. If it fails, or if the caller gives up waiting, the transaction is dead.
    pub(crate) async fn run<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.state != State::Open {
            return Err(StoreError::TransactionClosed);
        }
        self.state = State::Dead;
        let answer = self
            .worker
            .run(move |connection| job(connection).inspect_err(|_| roll_back(connection)))
            .await
            .map_err(|Stopped| StoreError::TransactionClosed)??;
        self.state = State::Open;
        Ok(answer)
    }

    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        if self.state != State::Open {
            return Err(StoreError::TransactionClosed);
        }
        self.state = State::Ended;
        let condition = self.store.condition();
        self.worker
            .run(move |connection| commit(connection, &condition))
            .await
            .unwrap_or(Err(StoreError::TransactionClosed))
    }

    pub(crate) async fn roll_back(mut self) -> Result<(), StoreError> {
        self.state = State::Ended;
        // Where the thread has ended, the connection was closed, and the engine has rolled back.
        self.worker.run(roll_back).await.or_else(|Stopped| Ok(()))
    }
}

fn commit(connection: &Connection, condition: &Condition) -> Result<(), StoreError> {
    connection.execute_batch("COMMIT").map_err(|error| {
        roll_back(connection);
        match failed("commit")(error) {
            // The log may be on the disk although the system did not say so: after a crash the change would be found.
            StoreError::Io { source, .. } => {
                condition.doubt();
                StoreError::OutcomeUnknown { source }
            }
            other => other,
        }
    })
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.state != State::Ended {
            // Where the thread has ended, the connection was closed, and the engine has rolled back.
            let _stopped = self.worker.post(roll_back);
        }
        if let Hold::Reader(reader) = &mut self.hold
            && let Some(reader) = reader.take()
        {
            self.store.give_back(reader);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
