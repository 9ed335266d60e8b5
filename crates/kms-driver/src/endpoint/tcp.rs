//! TLS over TCP.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::Error as TlsError;
use tokio_rustls::rustls::pki_types::ServerName;
use tonic::transport::Uri;
use tower_service::Service;

use crate::error::DriverError;
use crate::tls::TlsIdentity;

/// Connects to an address, and sends nothing before whoever answers there has shown that it is the driver.
#[derive(Clone)]
pub(super) struct Connector {
    address: String,
    host: ServerName<'static>,
    tls: tokio_rustls::TlsConnector,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connector({})", self.address)
    }
}

impl Connector {
    pub(super) fn try_new(address: &str, identity: &TlsIdentity) -> Result<Self, DriverError> {
        let wrong = || DriverError::Address {
            address: address.to_owned(),
        };
        let (host, _port) = address.rsplit_once(':').ok_or_else(wrong)?;
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let host = ServerName::try_from(bare.unwrap_or(host).to_owned());
        Ok(Self {
            address: address.to_owned(),
            host: host.map_err(|_why| wrong())?,
            tls: Arc::new(identity.client()?).into(),
        })
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _address: Uri) -> Self::Future {
        let Self { address, host, tls } = self.clone();
        Box::pin(async move {
            let stream = TcpStream::connect(&address).await?;
            stream.set_nodelay(true)?;
            let stream = tls.connect(host, stream).await.map_err(judged)?;
            Ok(TokioIo::new(stream))
        })
    }
}

/// A handshake that failed for what one side thinks of the other will fail again; for anything else it may be tried again.
fn judged(error: io::Error) -> io::Error {
    let of_tls = error.get_ref().and_then(|it| it.downcast_ref::<TlsError>());
    let verdict = match of_tls {
        Some(why @ TlsError::InvalidCertificate(_)) => DriverError::Untrusted {
            reason: why.to_string(),
        },
        Some(TlsError::AlertReceived(alert)) => DriverError::Refused {
            reason: format!("{alert:?}"),
        },
        _ => return error,
    };
    io::Error::new(io::ErrorKind::PermissionDenied, verdict)
}
