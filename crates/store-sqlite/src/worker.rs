//! A connection on a thread of its own.
//!
//! SQLite blocks; threads of the async runtime must not. One thread per connection keeps the statements of a
//! transaction in order and costs a hand-over per call, so calls carry many rows.

use std::{sync::mpsc, thread};

use parking_lot::Mutex;
use rusqlite::Connection;
use strongroom_store::StoreError;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce(&Connection) + Send>;
type LastJob = Box<dyn FnOnce(Connection) + Send>;

enum Message {
    Run(Job),
    /// The last message: takes the connection, so that it is closed when this has run.
    Stop(LastJob),
}

/// The thread of one connection. Dropping it waits for its work and closes the connection.
#[derive(Debug)]
pub(crate) struct Worker {
    messages: mpsc::Sender<Message>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

/// The thread has ended: the store was closed.
#[derive(Debug)]
pub(crate) struct Stopped;

impl<T> From<mpsc::SendError<T>> for Stopped {
    fn from(_unsent: mpsc::SendError<T>) -> Self {
        Self
    }
}

impl From<oneshot::error::RecvError> for Stopped {
    fn from(_unanswered: oneshot::error::RecvError) -> Self {
        Self
    }
}

impl Worker {
    /// Starts a thread and opens the connection on it.
    pub(crate) async fn start(
        open: impl FnOnce() -> Result<Connection, StoreError> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (messages, inbox) = mpsc::channel();
        let (opened, answer) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("strongroom-store".to_owned())
            .spawn(move || match open() {
                Ok(connection) => {
                    if opened.send(Ok(())).is_ok() {
                        work(connection, &inbox);
                    }
                }
                Err(error) => {
                    // Whoever asked may have gone away meanwhile; then nobody misses the answer.
                    let _unheard = opened.send(Err(error));
                }
            })
            .map_err(thread_failed)?;
        let worker = Self {
            messages,
            thread: Mutex::new(Some(thread)),
        };
        answer.await.map_err(thread_failed)??;
        Ok(worker)
    }

    /// Whether the thread still takes work.
    pub(crate) fn is_alive(&self) -> bool {
        self.thread
            .lock()
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }

    /// Runs `job` on the connection and waits for its answer.
    ///
    /// Once handed over, the job runs even if nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (done, answer) = oneshot::channel();
        self.post(move |connection| {
            let _unheard = done.send(job(connection));
        })?;
        Ok(answer.await?)
    }

    /// Runs `job` after all jobs before it, without waiting.
    pub(crate) fn post(
        &self,
        job: impl FnOnce(&Connection) + Send + 'static,
    ) -> Result<(), Stopped> {
        Ok(self.messages.send(Message::Run(Box::new(job)))?)
    }

    /// Runs `last` after all jobs before it and ends the thread; the connection is closed when this returns.
    pub(crate) async fn stop<T: Send + 'static>(
        &self,
        last: impl FnOnce(Connection) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (done, answer) = oneshot::channel();
        let last = Box::new(move |connection| {
            let _unheard = done.send(last(connection));
        });
        self.messages.send(Message::Stop(last))?;
        Ok(answer.await?)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The thread ends when no sender is left; the one of `self` must go before the wait.
        self.messages = mpsc::channel().0;
        if let Some(thread) = self.thread.get_mut().take() {
            // A panic of the thread has been answered to whoever waited for its job.
            let _panicked = thread.join();
        }
    }
}

fn work(connection: Connection, inbox: &mpsc::Receiver<Message>) {
    for message in inbox {
        match message {
            Message::Run(job) => job(&connection),
            Message::Stop(last) => return last(connection),
        }
    }
}

fn thread_failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Io {
        operation: "start a thread",
        source: source.into(),
    }
}
