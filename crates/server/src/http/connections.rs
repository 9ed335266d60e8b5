//! Connections of HTTP/1.1, so many at once, and none that says nothing.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

/// More of them wait.
const MOST_CONNECTIONS: usize = 256;

/// Pages are small: nobody takes longer than that to read one.
const READ_WITHIN: Duration = Duration::from_secs(60);

/// After a failure to accept, such as too many open files: not at once again.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `end` is there; what is being answered then is cut off, since somebody only watches.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    ask_within: Duration,
    end: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut end = pin!(end);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut end => return,
            next = next => next,
            Some(_ended) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _address)) => {
                let router = router.clone();
                connections.spawn(async move {
                    let _place = place;
                    let served = answer(stream, router, ask_within);
                    let _too_slow = tokio::time::timeout(READ_WITHIN, served).await;
                });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, router: Router, ask_within: Duration) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ask_within)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended");
    }
}
