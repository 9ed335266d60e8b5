//! Where a driver listens, and who it is.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};
use tower_service::Service;

use crate::error::DriverError;

/// Where a driver listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DriverEndpoint {
    /// On a Unix socket of this machine.
    UnixSocket {
        /// The socket.
        path: PathBuf,
        /// The numeric id of the user that the driver runs as: nobody else is talked to. `None`: our own user or root.
        user: Option<u32>,
    },
}

/// A driver to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverSettings {
    /// The name of the KMS in errors, logs and capabilities. `None`: what the driver calls itself.
    pub name: Option<String>,
    /// Where it listens.
    pub endpoint: DriverEndpoint,
    /// How long it may take to say what it can do and how it feels. All other calls are bounded by what surrounds the
    /// provider, which these do not pass.
    pub answer_within: Duration,
}

impl DriverSettings {
    /// The driver that our own user, or root, runs on the socket `path`; it has 10 seconds to answer.
    #[must_use]
    pub fn unix_socket(path: impl Into<PathBuf>) -> Self {
        Self {
            name: None,
            endpoint: DriverEndpoint::UnixSocket {
                path: path.into(),
                user: None,
            },
            answer_within: Duration::from_secs(10),
        }
    }
}

impl DriverEndpoint {
    /// Connects when it is used, and anew after the connection broke.
    pub(crate) fn channel(&self) -> Channel {
        // The address is a formality: the connector decides where to go.
        let endpoint = Endpoint::from(Uri::from_static("http://kms-driver.invalid"));
        match self {
            Self::UnixSocket { path, user } => endpoint.connect_with_connector_lazy(Connector {
                path: path.clone(),
                user: *user,
            }),
        }
    }
}

/// Connects to a socket, and looks who listens there before anything is sent.
#[derive(Clone, Debug)]
struct Connector {
    path: PathBuf,
    user: Option<u32>,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _address: Uri) -> Self::Future {
        let Self { path, user } = self.clone();
        Box::pin(async move { connect(&path, user).await.map(TokioIo::new) })
    }
}

async fn connect(path: &Path, user: Option<u32>) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(path).await?;
    let actual = stream.peer_cred()?.uid();
    let ours = rustix::process::geteuid().as_raw();
    // Whoever can put a socket there would be given the data keys.
    let expected = match user {
        Some(user) => actual == user,
        None => actual == ours || actual == 0,
    };
    if expected {
        Ok(stream)
    } else {
        let wanted = user.unwrap_or(ours);
        let stranger = DriverError::Stranger { actual, wanted };
        Err(io::Error::new(io::ErrorKind::PermissionDenied, stranger))
    }
}
