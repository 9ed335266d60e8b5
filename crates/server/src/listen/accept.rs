//! The one loop that accepts connections.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::{
    listener::{Incoming, Listener},
    slots::{ConnectionState, Slots},
};

/// After a failure to accept, such as too many open files: not at once again.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections, each into a slot and a task of its own.
#[derive(Clone, Debug)]
pub(crate) struct Accepting {
    pub(crate) slots: Slots,
    /// Every connection, and what is done for it.
    pub(crate) tasks: TaskTracker,
    /// No more is accepted once this is true.
    pub(crate) ending: watch::Receiver<bool>,
}

impl Accepting {
    /// Has everybody who comes served by `serve`, until nobody more is to come. Connections that are there go on.
    pub(crate) async fn run<F>(
        self,
        listener: Listener,
        serve: impl Fn(Incoming, Arc<ConnectionState>) -> F + Send,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut ending = self.ending.clone();
        tokio::select! {
            _ended = ending.wait_for(|ending| *ending) => {}
            () = self.accept(listener, serve) => {}
        }
    }

    async fn accept<F>(
        &self,
        listener: Listener,
        serve: impl Fn(Incoming, Arc<ConnectionState>) -> F + Send,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        loop {
            match listener.accept().await {
                Ok(incoming) => {
                    let Some(slot) = self.slots.take(incoming.origin()).await else {
                        tracing::debug!("an address has its share of connections already");
                        continue;
                    };
                    // A task of its own: it wakes for each call, and need not look then whether it is cut.
                    let served = self
                        .tasks
                        .spawn(serve(incoming, Arc::clone(&slot.connection)));
                    let served = AbortOnDropHandle::new(served);
                    self.tasks.spawn(async move {
                        tokio::select! {
                            () = slot.connection.is_cut() => {}
                            _served = served => {}
                        }
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection was not accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}
