//! The socket for callers on this machine.

use std::path::Path;

use strongroom_config::CallerConfig;
use strongroom_files::{SocketAccess, bind_socket};
use tokio::net::UnixListener;

use super::ServerSetupError;

/// Makes it. Other users reach it only if callers are known by users: then each call is asked for its user.
pub(crate) fn bind(path: &Path, callers: &[CallerConfig]) -> anyhow::Result<UnixListener> {
    let others = callers.iter().any(|caller| !caller.unix_users.is_empty());
    let access = if others {
        SocketAccess::EveryUser
    } else {
        SocketAccess::OwnerOnly
    };
    let listener = bind_socket(path, access).map_err(ServerSetupError::Socket)?;
    listener.set_nonblocking(true)?;
    Ok(UnixListener::from_std(listener)?)
}
