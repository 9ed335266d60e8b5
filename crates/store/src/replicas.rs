//! Several processes on one store: who is there, and who of them writes.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use strongroom_crypto::Timestamp;

use crate::{ReplicaId, StoreError};

/// The processes that share a store, as one of them sees them.
///
/// All of them read at any time. One of them writes: the holder of the *lease*. Every write transaction shows the
/// lease's token, under a lock that whoever takes the lease over must wait for or break; so a holder that was paused, cut
/// off or declared dead writes nothing more, whatever its own clock says. All ages are measured by the store's clock.
#[async_trait]
pub trait Replicas: fmt::Debug + Send + Sync {
    /// This process, in all that the others read of it.
    fn own_id(&self) -> ReplicaId;

    /// How often to [beat](Self::beat), so that nobody takes this process for dead.
    fn beat_every(&self) -> Duration;

    /// Says that this process is there and how it is, and answers who may write.
    ///
    /// # Errors
    /// [`StoreError::Closed`]; [`StoreError::Io`].
    async fn beat(&self, report: &ReplicaReport) -> Result<Lease, StoreError>;

    /// Takes the lease if nobody holds it, or if its holder is gone: it has no connection any more, or was silent for longer
    /// than the configured time. What a silent holder left open is ended first. Otherwise the lease stays where it is.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if the holder's transaction could not be ended; [`StoreError::Closed`]; [`StoreError::Io`].
    async fn take_lease(&self) -> Result<Lease, StoreError>;

    /// Gives the lease up if this process has it; the transaction that is under way ends before.
    ///
    /// # Errors
    /// [`StoreError::Closed`]; [`StoreError::Io`].
    async fn give_lease(&self) -> Result<(), StoreError>;

    /// Asks the holder to give the lease up; its next [`Self::beat`] hears of it.
    ///
    /// # Errors
    /// [`StoreError::Closed`]; [`StoreError::Io`].
    async fn ask_to_step_down(&self) -> Result<(), StoreError>;

    /// Every process that is there or was until lately, by name; of the same name by id.
    ///
    /// # Errors
    /// [`StoreError::Corrupted`]; [`StoreError::Closed`]; [`StoreError::Io`].
    async fn list(&self) -> Result<Vec<ReplicaRecord>, StoreError>;

    /// Waits until another process has committed, given the lease up or asked for it. Answers too when notices may have been
    /// lost, so whoever is woken looks for itself; and never when the store is out of reach, so do not wait for it alone.
    async fn changed(&self);
}

/// Who may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Counts the takeovers.
    pub token: u64,
    /// Who has it; none when it was given up.
    pub holder: Option<Holder>,
    /// Somebody asked the holder to give it up.
    pub step_down: bool,
}

impl Lease {
    /// Whether that process has it.
    #[must_use]
    pub fn is_held_by(&self, id: ReplicaId) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.id == id)
    }
}

/// Who has the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The process.
    pub id: ReplicaId,
    /// Its configured name.
    pub name: String,
    /// Since it was last heard of.
    pub silent_for: Duration,
}

/// How a process is, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaReport {
    /// The newest generation that it knows.
    pub generation: u64,
    /// Why it is not as it should be; none if it is. A code, for example `STORE_IO`.
    pub degraded: Option<String>,
}

/// A process, as the others know it. Nothing here is authenticated: it is told to people and decides about no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaRecord {
    /// The process: drawn anew at each start.
    pub id: ReplicaId,
    /// The configured name.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// When it came, by the store's clock.
    pub started_at: Timestamp,
    /// Since it was last heard of.
    pub silent_for: Duration,
    /// What it said of itself.
    pub report: ReplicaReport,
    /// Whether it holds the lease.
    pub is_writer: bool,
}
