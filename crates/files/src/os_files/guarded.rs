//! Files that others may read, but not change.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::geteuid;

use super::folder;
use super::private::PERMISSION_BITS;
use crate::{FileAction, FileError};

const ROOT: u32 = 0;
const WRITING_BY_OTHERS: u32 = 0o022;
/// In a folder with this bit only the owner of a file, or of the folder, can rename or remove the file.
const STICKY: u32 = 0o1000;

/// Refuses an opened file that others may change, or whose name others may give to another file.
pub(super) fn check(file: &File, path: &Path) -> Result<(), FileError> {
    let inspected = |source| FileError::of(FileAction::Inspect, path, source);
    let opened = file.metadata().map_err(inspected)?;
    if !opened.is_file() {
        return Err(FileError::NotAFile {
            path: path.to_owned(),
        });
    }
    let user = geteuid().as_raw();
    judge(user, opened.uid(), opened.mode(), path)?;
    let behind_links = fs::canonicalize(path).map_err(inspected)?;
    for named in [path, &behind_links] {
        let holder = folder::of(named);
        let metadata = fs::metadata(holder).map_err(inspected)?;
        judge(user, metadata.uid(), mode_of_folder(&metadata), holder)?;
    }
    Ok(())
}

/// The same for whatever bears this name now. A folder must not even be sticky: others could put files of theirs into it,
/// under names that somebody is going to open. To *use* a file, open it and ask [`check`].
pub(super) fn check_path(path: &Path) -> Result<(), FileError> {
    let metadata =
        fs::metadata(path).map_err(|source| FileError::of(FileAction::Inspect, path, source))?;
    judge(geteuid().as_raw(), metadata.uid(), metadata.mode(), path)
}

/// Whether nobody but `owner` and root decides which file bears a name in the folder.
pub(super) fn is_kept_by(owner: u32, folder: &Metadata) -> bool {
    judge(owner, folder.uid(), mode_of_folder(folder), Path::new("")).is_ok()
        && [owner, ROOT].contains(&folder.uid())
}

fn mode_of_folder(folder: &Metadata) -> u32 {
    let mode = folder.mode();
    if mode & STICKY == 0 {
        mode
    } else {
        mode & !WRITING_BY_OTHERS
    }
}

fn judge(user: u32, owner: u32, mode: u32, path: &Path) -> Result<(), FileError> {
    if user != ROOT && ![user, ROOT].contains(&owner) {
        return Err(FileError::NotOurs {
            path: path.to_owned(),
            owner,
        });
    }
    if mode & WRITING_BY_OTHERS != 0 {
        return Err(FileError::WritableByOthers {
            path: path.to_owned(),
            mode: mode & PERMISSION_BITS,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_may_read_but_neither_write_nor_own_a_guarded_file() {
        let judge = |user, owner, mode| judge(user, owner, 0o100_000 | mode, Path::new("config"));
        for mode in [0o600, 0o644, 0o755, 0o400] {
            assert!(judge(1000, 1000, mode).is_ok(), "{mode:o}");
        }
        for mode in [0o620, 0o602, 0o664, 0o666] {
            assert!(
                matches!(judge(1000, 1000, mode), Err(FileError::WritableByOthers { mode: told, .. }) if told == mode)
            );
        }
        assert!(judge(1000, 0, 0o644).is_ok());
        assert!(judge(0, 1000, 0o644).is_ok());
        assert!(matches!(
            judge(1000, 1001, 0o644),
            Err(FileError::NotOurs { owner: 1001, .. })
        ));
    }
}
