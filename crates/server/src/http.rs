//! HTTP for whoever watches: is it alive, is it ready, numbers. Nothing secret, and nothing can be changed.

mod http1;
mod metrics;
mod probes;

use std::sync::Arc;

use axum::{Router, routing::get};
use strongroom_vault::Vault;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::task::TaskTracker;

pub(crate) use self::metrics::{Calls, text as metrics_text};
pub use self::metrics::{KmsNumbers, vault_metrics};
use crate::{
    listen::{Accepting, Listener, Slots},
    scheduled_backups::ScheduledBackups,
    stranger_log::StrangerLog,
};

/// What the pages tell of.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    pub(crate) vault: Arc<Vault>,
    pub(crate) calls: Calls,
    pub(crate) kms: Option<Arc<dyn KmsNumbers>>,
    pub(crate) backups: Option<ScheduledBackups>,
    pub(crate) ending: watch::Receiver<bool>,
}

/// Connections at the same time, and those of one address.
const MOST_CONNECTIONS: usize = 256;
const MOST_OF_ONE: usize = 128;

/// Pages that are served, until they are closed.
#[derive(Debug)]
pub(crate) struct Open {
    accepting: Accepting,
    end: watch::Sender<bool>,
    listening: JoinHandle<()>,
}

/// Serves the pages. They have an end of their own: a server that is about to end says so.
pub(crate) fn open(listener: TcpListener, pages: Pages, stranger_log: Arc<StrangerLog>) -> Open {
    let router = Router::new()
        .route("/healthz", get(probes::alive))
        .route("/readyz", get(probes::ready))
        .route("/health", get(probes::writes))
        .route("/metrics", get(metrics::metrics))
        .with_state(pages);
    let (end, ending) = watch::channel(false);
    let accepting = Accepting {
        slots: Slots::new(MOST_CONNECTIONS, MOST_OF_ONE),
        tasks: TaskTracker::new(),
        ending,
    };
    let serving = accepting
        .clone()
        .run(Listener::Tcp(listener), move |incoming, _connection| {
            http1::serve(router.clone(), Arc::clone(&stranger_log), incoming)
        });
    Open {
        accepting,
        end,
        listening: tokio::spawn(serving),
    }
}

impl Open {
    /// Ends. What is being answered is cut off, since somebody only watches.
    pub(crate) async fn close(self) {
        self.end.send_replace(true);
        let _ended = self.listening.await;
        self.accepting.tasks.close();
        self.accepting.slots.cut();
        self.accepting.tasks.wait().await;
    }
}
