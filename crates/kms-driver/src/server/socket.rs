//! A socket that only its owner can reach.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

use tokio::net::UnixListener;

use crate::error::DriverError;

/// Makes the socket `path` with mode 0600, in a folder of mode 0700 that belongs to us and is made if it is missing. A
/// socket that an earlier driver left behind is replaced. Call it inside of a tokio runtime.
///
/// # Errors
/// [`DriverError::Socket`] if the folder is open to others or is not ours, if somebody listens there already, or if the
/// system refuses.
pub fn bind_unix_socket(path: &Path) -> Result<UnixListener, DriverError> {
    let refused = |problem, source| DriverError::Socket {
        path: path.to_owned(),
        problem,
        source,
    };
    let system = |error: io::Error| refused("the system refuses", Some(error));
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.ok_or_else(|| refused("name it with its folder", None))?;
    make_private(folder).map_err(system)?;
    let known = fs::symlink_metadata(folder).map_err(system)?;
    if !known.is_dir() || known.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused("its folder is none, or not ours", None));
    }
    // Until its mode is set, only the folder keeps others from the socket.
    if known.mode() & 0o077 != 0 {
        return Err(refused("its folder is open to others", None));
    }
    match fs::symlink_metadata(path) {
        Ok(known) if !known.file_type().is_socket() => {
            return Err(refused("there is something that is no socket", None));
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            return Err(refused("somebody listens there already", None));
        }
        Ok(_) => fs::remove_file(path).map_err(system)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(system(error)),
    }
    let listener = UnixListener::bind(path).map_err(system)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(system)?;
    Ok(listener)
}

fn make_private(folder: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}
