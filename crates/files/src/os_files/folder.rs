//! The folder of a file.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::process::geteuid;

use crate::{Access, FileAction, FileError};

/// The folder that holds the name `path`.
pub(super) fn of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        // The root holds itself; a bare name is in the working folder.
        Some(_) => Path::new("."),
        None => path,
    }
}

/// Brings new, renamed and removed names in `folder` to the disk.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Takes the rights beyond `access` from a folder of ours that is still empty: somebody made it for what comes now. One
/// that holds something is left as it is.
pub(super) fn tighten_if_empty(folder: &Path, access: Access) -> Result<(), FileError> {
    let failed = |source| FileError::of(FileAction::CreateFolder, folder, source);
    let metadata = fs::metadata(folder).map_err(failed)?;
    let excess = metadata.mode() & 0o777 & !access.folder_mode();
    let is_ours = metadata.uid() == geteuid().as_raw();
    if excess == 0 || !is_ours || fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Ok(());
    }
    let mode = metadata.mode() & access.folder_mode();
    fs::set_permissions(folder, Permissions::from_mode(mode)).map_err(failed)
}
