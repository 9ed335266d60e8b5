//! From an endpoint to a connection.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tonic::transport::{Channel, Endpoint as TonicEndpoint, Uri};
use tower::Service;

use super::{Endpoint, flags::Settings, refusal, tls};

/// A server that does not answer for so long is not there.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// While nothing comes, it is asked for a sign of life this often, and has so long for it: some work takes minutes.
const LIFE_EVERY: Duration = Duration::from_secs(20);
const LIFE_WITHIN: Duration = Duration::from_secs(20);

/// Connects; what does not work is told now, and not by the first call.
pub(super) async fn connect(settings: &Settings) -> anyhow::Result<Channel> {
    let connector = Connector {
        endpoint: settings.endpoint.clone(),
        tls: match settings.endpoint {
            Endpoint::Tls { .. } => Some(Arc::new(tls::config(settings)?).into()),
            Endpoint::Loopback { .. } | Endpoint::Socket(_) => None,
        },
    };
    // A formality: the connector decides where to go. HTTP/2 has no room for the path of a socket.
    let authority = match &settings.endpoint {
        Endpoint::Socket(_) => "http://localhost".to_owned(),
        other => other.to_string().replacen("https", "http", 1),
    };
    let endpoint = TonicEndpoint::from_shared(authority)?
        .http2_keep_alive_interval(LIFE_EVERY)
        .keep_alive_timeout(LIFE_WITHIN)
        .keep_alive_while_idle(true)
        .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")))?;
    let connected = endpoint.connect_with_connector(connector).await;
    connected.map_err(|error| refusal::unreachable(&settings.endpoint, &error).into())
}

/// Goes where the endpoint says.
#[derive(Clone)]
struct Connector {
    endpoint: Endpoint,
    tls: Option<TlsConnector>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Service<Uri> for Connector {
    type Response = TokioIo<Box<dyn Stream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let opened = tokio::time::timeout(CONNECT_WITHIN, connector.open()).await;
            opened
                .unwrap_or_else(|_late| Err(io::ErrorKind::TimedOut.into()))
                .map(TokioIo::new)
        })
    }
}

impl Connector {
    async fn open(&self) -> io::Result<Box<dyn Stream>> {
        match &self.endpoint {
            Endpoint::Socket(path) => Ok(Box::new(UnixStream::connect(path).await?)),
            Endpoint::Loopback { address, port } => Ok(Box::new(tcp((*address, *port)).await?)),
            Endpoint::Tls { host, port } => {
                let stream = tcp((host.as_str(), *port)).await?;
                let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
                let tls = self.tls.as_ref().ok_or(io::ErrorKind::Unsupported)?;
                Ok(Box::new(tls.connect(name, stream).await?))
            }
        }
    }
}

async fn tcp(address: impl tokio::net::ToSocketAddrs) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
