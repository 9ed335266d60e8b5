//! The store: one connection that writes, a few that read, and the lock of the folder.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use parking_lot::Mutex;
use rusqlite::Connection;
use strongroom_files::{Access, Files, FolderLock, OsFiles};
use strongroom_store::{ReadTransaction, Store, StoreError, WriteTransaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    condition::Condition,
    connection,
    error::{failed, of_file},
    integrity, open,
    readers::{Reader, Readers},
    schema::roll_back,
    session::Session,
    transaction::{Reading, SqliteTransaction, Writing},
    worker::{Stopped, Worker},
};

/// What a store may use.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// The largest size of the database, in bytes; a change that needs more fails with [`StoreError::Full`]. `None`:
    /// the disk decides.
    pub max_bytes: Option<u64>,
}

/// A vault in a SQLite database: the file `vault.db` of the vault's folder.
///
/// The folder is locked against other processes from [`Self::create`] or [`Self::open`] to [`Store::close`], or until
/// the store and its transactions are dropped.
#[derive(Debug)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

/// Shared by the store and its transactions. The fields are dropped in this order: the lock goes last.
#[derive(Debug)]
pub(crate) struct Inner {
    writer: Arc<Worker>,
    readers: Readers,
    condition: Arc<Condition>,
    write_permit: Arc<Semaphore>,
    /// Whether a vault that was moved away may be read.
    shows_moved: bool,
    lock: Mutex<Option<FolderLock>>,
}

impl SqliteStore {
    /// Makes the database of a new vault, and the folder if it is not there; only its owner may read them. A folder
    /// that is there already must be as private.
    ///
    /// The creation of a vault ends with the commit of its row ([`WriteTransaction::insert_vault`]). Until then it can
    /// be repeated, whenever it was interrupted.
    ///
    /// # Errors
    /// [`StoreError::AlreadyAVault`]; [`StoreError::NotAVault`] if there is another file of that name;
    /// [`StoreError::Refused`] if others have rights on the folder or the database; [`StoreError::Locked`];
    /// [`StoreError::Full`]; [`StoreError::Io`].
    pub async fn create(folder: &Path) -> Result<Self, StoreError> {
        Self::create_within(folder, Limits::default()).await
    }

    /// As [`Self::create`], within limits.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub async fn create_within(folder: &Path, limits: Limits) -> Result<Self, StoreError> {
        OsFiles::new()
            .create_folder(folder, Access::OwnerOnly)
            .map_err(|error| of_file(error, "create the folder"))?;
        Self::start(folder, limits, open::fresh).await
    }

    /// Opens a vault, after a look at its header and its schema. Damage elsewhere is found by whatever reads it, and by
    /// the first [`Store::begin`] of this store, which checks the structure of the whole database before anything is
    /// written; opening does so itself where it has to write, after a crash. [`Store::check_integrity`] checks more.
    ///
    /// # Errors
    /// [`StoreError::NotAVault`] if there is none, or if its creation was interrupted; [`StoreError::NewerSchema`];
    /// [`StoreError::Corrupted`]; [`StoreError::Refused`] if anybody but the owner has rights on the folder or the
    /// database, or if they belong to somebody else; [`StoreError::Locked`]; [`StoreError::Io`]. A refused file is not
    /// changed.
    pub async fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::open_within(folder, Limits::default()).await
    }

    /// As [`Self::open`], within limits.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_within(folder: &Path, limits: Limits) -> Result<Self, StoreError> {
        // A folder without a vault is left alone: not even a lock file is put there.
        if !folder.join(open::DATABASE).exists() {
            return Err(open::not_a_vault(folder));
        }
        Self::start(folder, limits, open::existing).await
    }

    /// Opens what is left of a vault that was moved away, to be read only.
    ///
    /// # Errors
    /// [`StoreError::NotAVault`] if none was moved from here; as [`Self::open`].
    pub async fn open_left(folder: &Path) -> Result<Self, StoreError> {
        if !folder.join(open::DATABASE).exists() {
            return Err(open::not_a_vault(folder));
        }
        let mut store = Self::start(folder, Limits::default(), open::left).await?;
        if let Some(inner) = Arc::get_mut(&mut store.inner) {
            inner.shows_moved = true;
        }
        Ok(store)
    }

    /// Whether there is a vault in the folder: [`Self::open`] finds it and [`Self::create`] refuses. Whether it is in
    /// use or damaged does not matter.
    #[must_use]
    pub fn exists(folder: &Path) -> bool {
        open::is_there(folder)
    }

    async fn start(
        folder: &Path,
        limits: Limits,
        open: fn(&Path, &Limits, &Condition) -> Result<Connection, StoreError>,
    ) -> Result<Self, StoreError> {
        // Whoever may write the folder could exchange the database. The log has the rights of the database file.
        OsFiles::new()
            .check_guarded(folder)
            .map_err(|error| of_file(error, "use the folder"))?;
        let lock =
            FolderLock::acquire(folder).map_err(|error| of_file(error, "lock the folder"))?;
        let path = folder.to_owned();
        let condition = Arc::new(Condition::default());
        let shared = Arc::clone(&condition);
        let writer = Worker::start(move || open(&path, &limits, &shared)).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                writer: Arc::new(writer),
                readers: Readers::of(folder.join(open::DATABASE)),
                condition,
                write_permit: Arc::new(Semaphore::new(1)),
                shows_moved: false,
                lock: Mutex::new(Some(lock)),
            }),
        })
    }
}

impl Inner {
    pub(crate) fn writer(&self) -> Arc<Worker> {
        Arc::clone(&self.writer)
    }

    pub(crate) const fn shows_moved(&self) -> bool {
        self.shows_moved
    }

    pub(crate) fn condition(&self) -> Arc<Condition> {
        Arc::clone(&self.condition)
    }

    pub(crate) fn give_back(&self, reader: Reader) {
        self.readers.give_back(reader.worker);
    }

    /// Waits for the writer before, if there is one.
    async fn permit(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        Arc::clone(&self.write_permit)
            .acquire_owned()
            .await
            .map_err(|_closed| StoreError::Closed)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn begin(&self) -> Result<Box<dyn WriteTransaction>, StoreError> {
        let permit = self.inner.permit().await?;
        let session = Session::write(Arc::clone(&self.inner), permit).await?;
        Ok(Box::new(SqliteTransaction::<Writing>::over(session)))
    }

    async fn read(&self) -> Result<Box<dyn ReadTransaction>, StoreError> {
        let reader = self.inner.readers.take().await?;
        let session = Session::read(Arc::clone(&self.inner), reader).await?;
        Ok(Box::new(SqliteTransaction::<Reading>::over(session)))
    }

    async fn check_integrity(&self) -> Result<(), StoreError> {
        let mut session =
            Session::read(Arc::clone(&self.inner), self.inner.readers.take().await?).await?;
        session.run(integrity::check_everything).await
    }

    async fn scrub(&self) -> Result<(), StoreError> {
        let _permit = self.inner.permit().await?;
        let condition = self.inner.condition();
        self.inner
            .writer
            .run(move |connection| {
                condition.check_writable(connection)?;
                scrub(connection)
            })
            .await
            .map_err(|Stopped| StoreError::Closed)??;
        self.inner.readers.forget_pages().await;
        Ok(())
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.write_permit.close();
        self.inner.readers.close().await;
        let closed = self.inner.writer.stop(close).await.unwrap_or(Ok(()));
        // Only now: whoever gets the lock finds the log written back.
        drop(self.inner.lock.lock().take());
        closed
    }
}

/// Rewrites the database without what deleted rows left in it, empties the log, and lets go of old pages.
fn scrub(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch("VACUUM")
        .map_err(failed("rewrite the database"))?;
    connection::write_back(connection)?;
    connection::forget_pages(connection)
}

fn close(connection: Connection) -> Result<(), StoreError> {
    // A write that is still open can no longer be committed. A commit in doubt is not part of what is written back: where
    // that succeeds the doubt is over, and the vault opens as its readers last saw it.
    roll_back(&connection);
    let written_back = connection::write_back(&connection);
    connection
        .close()
        .map_err(|(_connection, error)| failed("close the database")(error))?;
    written_back
}
