//! A transaction of the server, from its beginning to its end on one connection.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use strongroom_store::StoreError;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard, OwnedSemaphorePermit};

use crate::{
    connections::Connections,
    error::{failed, is_survived},
    wire::Wire,
};

/// A connection that its session may lose: closing the store takes it.
pub(crate) type Slot = Arc<Mutex<Option<Wire>>>;

/// An open transaction. However it is dropped, the server's transaction ends, and the connection is free again or closed.
pub(crate) struct Session {
    slot: Slot,
    state: State,
    permit: Option<OwnedSemaphorePermit>,
    connections: Arc<Connections>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// A call is running, has failed or was given up: nothing may follow but the end.
    Dead,
}

impl Session {
    /// Over a connection with an open transaction.
    pub(crate) fn over(
        wire: Wire,
        permit: OwnedSemaphorePermit,
        connections: Arc<Connections>,
    ) -> Self {
        Self {
            slot: Arc::new(Mutex::new(Some(wire))),
            state: State::Open,
            permit: Some(permit),
            connections,
        }
    }

    pub(crate) fn slot(&self) -> Slot {
        Arc::clone(&self.slot)
    }

    /// Begins a call. Unless it is [ended](Call::end) without an error, the transaction is dead.
    pub(crate) async fn call(&mut self) -> Result<Call<'_>, StoreError> {
        if self.state != State::Open || self.connections.is_closed() {
            return Err(StoreError::TransactionClosed);
        }
        self.state = State::Dead;
        let guard = self.slot.lock().await;
        let wire = MutexGuard::try_map(guard, Option::as_mut)
            .map_err(|_taken| StoreError::TransactionClosed)?;
        Ok(Call {
            wire,
            state: &mut self.state,
        })
    }

    /// Commits by `script`, whose last statement it is.
    pub(crate) async fn commit(mut self, script: &str) -> Result<(), StoreError> {
        if self.state != State::Open || self.connections.is_closed() {
            return Err(StoreError::TransactionClosed);
        }
        self.state = State::Dead;
        let taken = self.slot.lock().await.take();
        let mut wire = taken.ok_or(StoreError::TransactionClosed)?;
        match wire.script(script).await {
            Ok(_rows) => {
                self.connections.give_back(wire);
                Ok(())
            }
            // The server says that it did not, and goes on.
            Err(error) if is_survived(&error) => {
                self.connections.roll_back(wire).await;
                Err(failed("commit")(error))
            }
            Err(error) => Err(StoreError::OutcomeUnknown {
                source: error.into(),
            }),
        }
    }

    pub(crate) async fn roll_back(self) {
        let taken = self.slot.lock().await.take();
        if let Some(wire) = taken {
            self.connections.roll_back(wire).await;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Where the lock is taken, the store is being closed and takes the connection.
        let wire = self.slot.try_lock().ok().and_then(|mut slot| slot.take());
        if let Some(wire) = wire {
            Arc::clone(&self.connections).roll_back_soon(wire, self.permit.take());
        }
    }
}

/// A call that is under way.
pub(crate) struct Call<'s> {
    wire: MappedMutexGuard<'s, Wire>,
    state: &'s mut State,
}

impl Call<'_> {
    /// The call has its answer.
    pub(crate) fn end<T>(self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if answer.is_ok() {
            *self.state = State::Open;
        }
        answer
    }
}

impl Deref for Call<'_> {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.wire
    }
}

impl DerefMut for Call<'_> {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
