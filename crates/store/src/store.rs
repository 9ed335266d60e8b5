use std::fmt;

use async_trait::async_trait;

use crate::{ReadTransaction, Replicas, StoreError, WriteTransaction};

/// The storage of one vault. Object safe, so that it can be wrapped and chosen at run time.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// Begins a unit of work. There is one writer at a time: waits until the one before has ended.
    ///
    /// A transaction that is dropped without [`WriteTransaction::commit`] leaves no trace.
    ///
    /// The first one looks over what it is going to change: a store that cannot be trusted to take a write takes none.
    ///
    /// # Errors
    /// [`StoreError::Corrupted`], each time, when the structure of the store is damaged; [`StoreError::InDoubt`] after a
    /// commit of unknown outcome; [`StoreError::NotWriter`] when another process is the one that writes;
    /// [`StoreError::Moved`] when the vault was moved away; [`StoreError::Closed`]; [`StoreError::Busy`] when another process
    /// writes for too long; [`StoreError::Io`].
    async fn begin(&self) -> Result<Box<dyn WriteTransaction>, StoreError>;

    /// Begins to read. All that is read through it belongs to one moment, whatever is committed meanwhile;
    /// it does not wait for the writer, nor the writer for it.
    ///
    /// Keep it short: as long as it lives, the store cannot reclaim what was overwritten since.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when the vault was moved away; [`StoreError::Closed`]; [`StoreError::Io`].
    async fn read(&self) -> Result<Box<dyn ReadTransaction>, StoreError>;

    /// Checks the whole store: structure, indexes, and that no row refers to a missing one.
    ///
    /// It finds what hardware does to a store. What an adversary does is found by the MACs of the rows.
    ///
    /// # Errors
    /// [`StoreError::Corrupted`] with the first finding; [`StoreError::Closed`]; [`StoreError::Io`].
    async fn check_integrity(&self) -> Result<(), StoreError>;

    /// Removes what deleted and overwritten rows left behind, in files and in memory, as far as the engine can: call
    /// it after the last readable private key has gone.
    ///
    /// # Errors
    /// [`StoreError::Corrupted`] and [`StoreError::InDoubt`] as [`Self::begin`];
    /// [`StoreError::Busy`] as long as a read is open that began before; [`StoreError::Full`];
    /// [`StoreError::Closed`]; [`StoreError::Io`].
    async fn scrub(&self) -> Result<(), StoreError>;

    /// The processes that have this store open, where there may be several. Those of such a store write only while they
    /// hold its lease.
    fn replicas(&self) -> Option<&dyn Replicas> {
        None
    }

    /// Ends the use of the store and gives up its lock. Transactions that are still open can no longer commit.
    /// Closing twice is fine; a store that is dropped without it loses nothing.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the last write-out failed: what was committed is safe nevertheless.
    async fn close(&self) -> Result<(), StoreError>;
}
