//! The one loop that accepts connections.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::{
    door::{Knock, Listener},
    places::{Guest, Places},
};

/// After a failure to accept, such as too many open files: not at once again.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections, each into a place and a task of its own.
#[derive(Clone, Debug)]
pub(crate) struct Accepting {
    pub(crate) places: Places,
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
        serve: impl Fn(Knock, Arc<Guest>) -> F + Send,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut ending = self.ending.clone();
        tokio::select! {
            _ended = ending.wait_for(|ending| *ending) => {}
            () = self.accept(listener, serve) => {}
        }
    }

    async fn accept<F>(&self, listener: Listener, serve: impl Fn(Knock, Arc<Guest>) -> F + Send)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        loop {
            match listener.accept().await {
                Ok(knock) => {
                    let Some(place) = self.places.take(knock.origin()).await else {
                        tracing::debug!("an address has its share of connections already");
                        continue;
                    };
                    // A task of its own: it wakes for each call, and need not look then whether it is cut.
                    let served = self.tasks.spawn(serve(knock, Arc::clone(&place.guest)));
                    let served = AbortOnDropHandle::new(served);
                    self.tasks.spawn(async move {
                        tokio::select! {
                            () = place.guest.is_cut() => {}
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
