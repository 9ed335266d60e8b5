//! A socket that only its owner can reach.

use std::path::Path;

use strongroom_files::{SocketAccess, SocketError, bind_socket};
use tokio::net::UnixListener;

use crate::error::DriverError;

/// Makes the socket `path` with mode 0600, in a folder that belongs to us; it is made, with mode 0700, if it is missing. A
/// socket that an earlier driver left behind is replaced. Call it inside of a tokio runtime.
///
/// # Errors
/// [`DriverError::Socket`] if others may write in the folder or it is not ours, if somebody listens there already, or if the
/// system refuses.
pub fn bind_unix_socket(path: &Path) -> Result<UnixListener, DriverError> {
    let refused = |error: SocketError| DriverError::Socket {
        path: error.path,
        problem: error.problem,
        source: error.source,
    };
    let listener = bind_socket(path, SocketAccess::OwnerOnly).map_err(refused)?;
    let for_tokio = listener
        .set_nonblocking(true)
        .and_then(|()| UnixListener::from_std(listener));
    for_tokio.map_err(|error| DriverError::Socket {
        path: path.to_owned(),
        problem: "the system refuses",
        source: Some(error),
    })
}
