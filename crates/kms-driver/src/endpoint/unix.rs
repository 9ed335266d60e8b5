//! Unix sockets.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use strongroom_files::known_user;
use tokio::net::UnixStream;
use tonic::transport::Uri;
use tower_service::Service;

use crate::error::DriverError;

/// Connects to a socket, and looks who listens there before anything is sent.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    path: PathBuf,
    user: Option<u32>,
}

impl Connector {
    /// `None`: our own user or root.
    pub(super) const fn new(path: PathBuf, user: Option<u32>) -> Self {
        Self { path, user }
    }
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
    let refused = |why| Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    // Whoever can put a socket there would be given the data keys.
    let Some(known) = known_user(actual) else {
        return refused(DriverError::Unknown { actual });
    };
    let ours = rustix::process::geteuid().as_raw();
    let expected = match user {
        Some(user) => known == user,
        None => known == ours || known == 0,
    };
    if expected {
        Ok(stream)
    } else {
        let wanted = user.unwrap_or(ours);
        refused(DriverError::Stranger { actual, wanted })
    }
}
