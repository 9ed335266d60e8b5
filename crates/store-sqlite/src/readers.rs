//! The connections that read.

use std::{path::PathBuf, sync::Arc};

use parking_lot::Mutex;
use strongroom_store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{connection, worker::Worker};

/// How many reads run at once; further ones wait. Each has a thread and a cache of its own (2 MB).
const READERS: usize = 8;

/// A connection holds one transaction, so every read takes one for itself. They are opened when needed and kept.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    permits: Arc<Semaphore>,
    /// All connections, of which some are idle.
    all: Mutex<Vec<Arc<Worker>>>,
    idle: Mutex<Vec<Arc<Worker>>>,
}

/// A reader taken out of the pool.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) worker: Arc<Worker>,
    _permit: OwnedSemaphorePermit,
}

impl Readers {
    pub(crate) fn of(path: PathBuf) -> Self {
        Self {
            path,
            permits: Arc::new(Semaphore::new(READERS)),
            all: Mutex::default(),
            idle: Mutex::default(),
        }
    }

    pub(crate) async fn take(&self) -> Result<Reader, StoreError> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_closed| StoreError::Closed)?;
        let idle = self.idle.lock().pop();
        let worker = match idle {
            Some(worker) => worker,
            None => self.start().await?,
        };
        Ok(Reader {
            worker,
            _permit: permit,
        })
    }

    async fn start(&self) -> Result<Arc<Worker>, StoreError> {
        let path = self.path.clone();
        let worker = Arc::new(Worker::start(move || connection::reader(&path)).await?);
        self.all.lock().push(Arc::clone(&worker));
        Ok(worker)
    }

    /// Takes a reader back. Its transaction must have been ended, or the end of it be under way.
    pub(crate) fn give_back(&self, worker: Arc<Worker>) {
        if worker.is_alive() {
            self.idle.lock().push(worker);
        } else {
            self.all.lock().retain(|other| !Arc::ptr_eq(other, &worker));
        }
    }

    /// Lets every reader give the memory of its pages back, once it has done what it is at.
    pub(crate) async fn forget_pages(&self) {
        let all = self.all.lock().clone();
        for worker in all {
            // A reader whose thread has ended has no pages, and one that cannot give them up keeps no read from working.
            let _best_effort = worker.run(connection::forget_pages).await;
        }
    }

    /// Closes all connections, those of open reads too.
    pub(crate) async fn close(&self) {
        self.permits.close();
        self.idle.lock().clear();
        let all = std::mem::take(&mut *self.all.lock());
        for worker in all {
            // A reader whose thread has ended is closed already.
            let _ended = worker.stop(drop).await;
        }
    }
}
