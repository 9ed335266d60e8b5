//! The folder of a file.

use std::fs::File;
use std::io;
use std::path::Path;

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
