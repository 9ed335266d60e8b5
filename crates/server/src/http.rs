//! HTTP for whoever watches: is it alive, is it ready, numbers. Nothing secret, and nothing can be changed.

mod connections;
mod metrics;
mod probes;

use std::{sync::Arc, time::Duration};

use axum::{Router, routing::get};
use strongroom_vault::Vault;
use tokio::{net::TcpListener, sync::watch};

pub(crate) use self::metrics::Calls;
pub use self::metrics::{KmsNumbers, vault_metrics};
use crate::scheduled_backups::ScheduledBackups;

/// What the pages tell of.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    pub(crate) vault: Arc<Vault>,
    pub(crate) calls: Calls,
    pub(crate) kms: Option<Arc<dyn KmsNumbers>>,
    pub(crate) backups: Option<ScheduledBackups>,
    pub(crate) ending: watch::Receiver<bool>,
}

/// Whoever asks for a page must have asked within this time.
const ASK_WITHIN: Duration = Duration::from_secs(10);

/// Serves the pages until the server is to end.
pub(crate) async fn serve(listener: TcpListener, pages: Pages) {
    let mut ending = pages.ending.clone();
    let router = Router::new()
        .route("/healthz", get(probes::alive))
        .route("/readyz", get(probes::ready))
        .route("/health", get(probes::writes))
        .route("/metrics", get(metrics::metrics))
        .with_state(pages);
    let end = async move {
        let _gone = ending.wait_for(|ending| *ending).await;
    };
    connections::serve(listener, router, ASK_WITHIN, end).await;
}
