//! Sockets in the file system, and who can reach them.

use std::{
    fs, io,
    os::unix::{
        fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use socket2::{Domain, SockAddr, Socket, Type};

/// So many may wait to be accepted, or as few as the system is set to (`net.core.somaxconn`).
const WAITING: i32 = 4096;

/// Who can connect to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketAccess {
    /// The owner: socket 0600.
    OwnerOnly,
    /// Every user of this machine who may enter its folder: socket 0666. For a server that asks the system who calls.
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

/// Makes the socket `path`, in a folder that belongs to us and that others may enter at most; it is made if it is missing, 0700
/// for the owner and 0755 for others. A socket that an earlier process left behind is replaced.
///
/// # Errors
/// [`SocketError`] if others may write in the folder or it is not ours, if somebody listens there already, or if the system
/// refuses.
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
    // Who may write there could put another one in its place.
    if known.mode() & 0o022 != 0 {
        return Err(refused("others may write in its folder", None));
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
    bind(path, access).map_err(system)
}

/// Nobody can connect before its mode is set: until then it is not listened on.
fn bind(path: &Path, access: SocketAccess) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(access.socket_mode()))?;
    socket.listen(WAITING)?;
    Ok(socket.into())
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
    }

    #[test]
    fn others_may_enter_its_folder_and_not_write_there() {
        let base = tempfile::tempdir().unwrap();
        for access in [SocketAccess::OwnerOnly, SocketAccess::EveryUser] {
            for (open, is_fine) in [
                (0o700, true),
                // As a unit of systemd makes it, for users of its group.
                (0o750, true),
                (0o755, true),
                (0o770, false),
                (0o777, false),
            ] {
                fs::set_permissions(base.path(), fs::Permissions::from_mode(open)).unwrap();
                let bound = bind_socket(&base.path().join("vault.sock"), access);
                let told = bound.map_err(|error| error.problem);
                let wanted = is_fine
                    .then_some(())
                    .ok_or("others may write in its folder");
                assert_eq!(told.map(drop), wanted, "{access:?} {open:o}");
            }
        }
    }
}
