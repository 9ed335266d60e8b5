//! Where connections come from, and what they must show before they are served.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::error::DriverError;
use crate::tls::TlsIdentity;

/// How long somebody who was refused has to read why.
const LINGER: Duration = Duration::from_secs(1);

/// Where connections come from.
pub(super) trait Door: Send + Sync + 'static {
    type Knocking: Send + 'static;
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next one who wants to enter.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Knocking>> + Send;

    /// What comes before the first byte of HTTP, apart from `accept`: one who is slow keeps nobody else waiting. None who is
    /// not let in.
    fn enter(&self, it: Self::Knocking) -> impl Future<Output = Option<Self::Stream>> + Send;
}

impl Door for UnixListener {
    type Knocking = UnixStream;
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        let (stream, _address) = Self::accept(self).await?;
        Ok(stream)
    }

    /// The permissions of the socket have decided.
    async fn enter(&self, it: UnixStream) -> Option<UnixStream> {
        Some(it)
    }
}

/// TLS with certificates of both sides.
pub(super) struct TlsDoor {
    listener: TcpListener,
    tls: TlsAcceptor,
}

impl TlsDoor {
    pub(super) fn try_new(
        listener: TcpListener,
        identity: &TlsIdentity,
    ) -> Result<Self, DriverError> {
        Ok(Self {
            listener,
            tls: Arc::new(identity.server()?).into(),
        })
    }
}

impl Door for TlsDoor {
    type Knocking = TcpStream;
    type Stream = TlsStream<TcpStream>;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _address) = self.listener.accept().await?;
        Ok(stream)
    }

    async fn enter(&self, it: TcpStream) -> Option<Self::Stream> {
        it.set_nodelay(true).ok()?;
        match self.tls.accept(it).into_fallible().await {
            Ok(stream) => Some(stream),
            Err((_why, stream)) => {
                let _gone = tokio::time::timeout(LINGER, see_off(stream)).await;
                None
            }
        }
    }
}

/// Closing while something is unread would make the system drop the alert that says why.
async fn see_off(mut stream: TcpStream) {
    let mut rest = [0; 1024];
    if stream.shutdown().await.is_ok() {
        while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    }
}
