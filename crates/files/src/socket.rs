//! Sockets in the file system, and who can reach them.

use std::{
    fs, io,
    os::unix::{
        fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

/// Who can connect to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketAccess {
    /// The owner: socket 0600, in a folder 0700.
    OwnerOnly,
    /// Every user of this machine: socket 0666, in a folder that others may enter and not change. For a server that asks the
    /// system who calls.
    EveryUser,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
#[error("no socket can be made at {path}: {problem}")]
pub struct SocketError {
    /// Where it was to be.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: &'static str,
    /// What the system says, if it refused.
    #[source]
    pub source: Option<io::Error>,
}

impl SocketAccess {
    const fn socket_mode(self) -> u32 {
        match self {
            Self::OwnerOnly => 0o600,
            Self::EveryUser => 0o666,
        }
    }

    const fn folder_mode(self) -> u32 {
        match self {
            Self::OwnerOnly => 0o700,
            Self::EveryUser => 0o755,
        }
    }
}

/// Makes the socket `path`, in a folder that belongs to us and is made if it is missing. A socket that an earlier process left
/// behind is replaced.
///
/// # Errors
/// [`SocketError`] if the folder gives others more than `access` says or is not ours, if somebody listens there already, or if
/// the system refuses.
pub fn bind_socket(path: &Path, access: SocketAccess) -> Result<UnixListener, SocketError> {
    let refused = |problem, source| SocketError {
        path: path.to_owned(),
        problem,
        source,
    };
    let system = |error: io::Error| refused("the system refuses", Some(error));
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.ok_or_else(|| refused("name it with its folder", None))?;
    make(folder, access).map_err(system)?;
    let known = fs::symlink_metadata(folder).map_err(system)?;
    if !known.is_dir() || known.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused("its folder is none, or not ours", None));
    }
    // Until its mode is set, only the folder keeps others from the socket; and who may write there could put another one in
    // its place.
    if known.mode() & 0o777 & !access.folder_mode() != 0 {
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
    let mode = fs::Permissions::from_mode(access.socket_mode());
    fs::set_permissions(path, mode).map_err(system)?;
    Ok(listener)
}

fn make(folder: &Path, access: SocketAccess) -> io::Result<()> {
    let mode = access.folder_mode();
    match fs::DirBuilder::new().mode(mode).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn the_folder_gives_others_no_more_than_was_asked_for() {
        let base = tempfile::tempdir().unwrap();
        for (name, access, modes) in [
            ("own", SocketAccess::OwnerOnly, (0o700, 0o600)),
            ("all", SocketAccess::EveryUser, (0o755, 0o666)),
        ] {
            let path = base.path().join(name).join("vault.sock");
            let listener = bind_socket(&path, access).unwrap();
            assert_eq!((mode(path.parent().unwrap()), mode(&path)), modes);
            let error = bind_socket(&path, access).unwrap_err();
            assert_eq!(error.problem, "somebody listens there already");
            drop(listener);
            // Left behind by a process that ended.
            bind_socket(&path, access).unwrap();
        }
        for (access, open) in [
            (SocketAccess::OwnerOnly, 0o755),
            (SocketAccess::EveryUser, 0o777),
        ] {
            let folder = base.path().join("own");
            fs::set_permissions(&folder, fs::Permissions::from_mode(open)).unwrap();
            let error = bind_socket(&folder.join("other.sock"), access).unwrap_err();
            assert_eq!(error.problem, "its folder is open to others");
        }
    }
}
