//! The TLS handshake of somebody who connects.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{stranger_log::StrangerLog, tls::Tls};

/// A handshake must be finished within this time.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// How long somebody who was refused has to read why.
const LINGER: Duration = Duration::from_secs(1);

/// The stream behind a handshake; none who did not finish it.
pub(super) async fn accept(
    stream: TcpStream,
    tls: &Tls,
    stranger_log: &StrangerLog,
) -> Option<TlsStream<TcpStream>> {
    let acceptor = TlsAcceptor::from(tls.current());
    let handshake = acceptor.accept(stream).into_fallible();
    match tokio::time::timeout(FINISH_WITHIN, handshake).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err((error, stream))) => {
            stranger_log
                .tell(|| tracing::info!(%error, "a caller was refused in the TLS handshake"));
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
