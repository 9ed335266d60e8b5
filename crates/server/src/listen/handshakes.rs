//! Handshakes that are under way.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::AbortHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::tls::Tls;

/// A handshake must be finished within this time.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// How long somebody who was refused has to read why.
const LINGER: Duration = Duration::from_secs(1);

/// Handshakes under way at the same time, for any who connect.
const MOST: usize = 1024;

/// Handshakes under way. When there are too many, the oldest is given up: one that is honest takes milliseconds, so those who
/// begin and never finish keep out each other only.
#[derive(Debug)]
pub(super) struct Handshakes {
    running: Mutex<VecDeque<AbortHandle>>,
    most: usize,
}

impl Handshakes {
    /// At most half of the places for connections.
    pub(super) fn beside(most_connections: usize) -> Arc<Self> {
        Arc::new(Self {
            running: Mutex::default(),
            most: MOST.min(most_connections / 2).max(1),
        })
    }

    /// Does `handshake` beside others.
    pub(super) fn begin(&self, handshake: impl Future<Output = ()> + Send + 'static) {
        let mut running = self.running.lock();
        running.retain(|handshake| !handshake.is_finished());
        while running.len() >= self.most {
            if let Some(oldest) = running.pop_front() {
                oldest.abort();
            }
        }
        running.push_back(tokio::spawn(handshake).abort_handle());
    }
}

impl Drop for Handshakes {
    fn drop(&mut self) {
        for handshake in self.running.lock().drain(..) {
            handshake.abort();
        }
    }
}

/// The stream behind a handshake; none who did not finish it.
pub(super) async fn enter(stream: TcpStream, tls: &Tls) -> Option<TlsStream<TcpStream>> {
    let acceptor = TlsAcceptor::from(tls.current());
    let handshake = acceptor.accept(stream).into_fallible();
    match tokio::time::timeout(FINISH_WITHIN, handshake).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err((error, stream))) => {
            tracing::info!(%error, "a caller was refused in the TLS handshake");
            let _gone = tokio::time::timeout(LINGER, see_off(stream)).await;
            None
        }
        Err(_late) => None,
    }
}

/// Closing while something is unread would make the system drop the alert that says why.
async fn see_off(mut stream: TcpStream) {
    let mut rest = [0; 1024];
    if stream.shutdown().await.is_ok() {
        while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    }
}
