//! Speaking HTTP/1.1 with somebody who is connected.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};

use crate::{listen::Incoming, stranger_log::StrangerLog};

/// Whoever asks for a page must have asked within this time.
const ASK_WITHIN: Duration = Duration::from_secs(10);

/// Pages are small: nobody takes longer than that to read one.
const READ_WITHIN: Duration = Duration::from_secs(60);

/// Answers whatever is asked over one connection.
pub(super) async fn serve(router: Router, stranger_log: Arc<StrangerLog>, incoming: Incoming) {
    let Some((stream, _peer)) = incoming.shake_hands(&stranger_log).await else {
        return;
    };
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ASK_WITHIN)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match tokio::time::timeout(READ_WITHIN, served).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection ended"),
    }
}
