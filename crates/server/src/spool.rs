//! Where backups are written before they are handed out.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use strongroom_files::{Files, FolderLock};
use tempfile::TempDir;

/// A folder of a backup on its way is called so, and something random.
const PREFIX: &str = ".backup-";

/// Where a backup is written before it is handed out: on a disk with room for it. It is sealed and encrypted there.
#[derive(Clone, Debug)]
pub struct Spool {
    /// A folder that is there.
    pub folder: PathBuf,
    /// The file system.
    pub files: Arc<dyn Files>,
}

/// A folder for one backup, which goes with what is in it when it is dropped.
pub(crate) struct SpoolFolder {
    folder: TempDir,
    /// Whoever cleans up sees that somebody is here.
    _lock: FolderLock,
}

impl Spool {
    /// A folder that nobody else has.
    pub(crate) fn new_folder(&self) -> io::Result<SpoolFolder> {
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(&self.folder)?;
        let lock = FolderLock::acquire(folder.path()).map_err(io::Error::other)?;
        Ok(SpoolFolder {
            folder,
            _lock: lock,
        })
    }

    /// Removes what processes have left that died while they handed a backup out. What cannot be removed is told and stays.
    pub(crate) fn remove_leftovers(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
                && entry.file_type().is_ok_and(|kind| kind.is_dir());
            // Held: another process hands a backup out from there.
            let abandoned = |path: &Path| FolderLock::acquire(path).ok();
            let path = entry.path();
            if let Some(_lock) = is_ours.then(|| abandoned(&path)).flatten()
                && let Err(error) = fs::remove_dir_all(&path)
            {
                let path = path.display();
                tracing::warn!(%path, %error, "what is left of a backup could not be removed");
            }
        }
    }
}

impl SpoolFolder {
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

#[cfg(test)]
mod tests {
    use strongroom_files::OsFiles;

    use super::*;

    #[test]
    fn what_the_dead_have_left_is_removed_and_what_is_on_its_way_stays() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool {
            folder: folder.path().to_owned(),
            files: Arc::new(OsFiles::new()),
        };
        let left = folder.path().join(".backup-left");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("vault.backup"), "half of it").unwrap();
        let other = folder.path().join("backup-of-mine");
        fs::create_dir(&other).unwrap();
        let file = folder.path().join(".backup-file");
        fs::write(&file, "no folder").unwrap();
        let folder_of_one = spool.new_folder().unwrap();
        fs::write(folder_of_one.path().join("vault.backup"), "on its way").unwrap();
        spool.remove_leftovers();
        assert!(!left.exists() && other.exists() && file.exists());
        assert!(folder_of_one.path().join("vault.backup").exists());
        let path = folder_of_one.path().to_owned();
        drop(folder_of_one);
        assert!(!path.exists());
    }
}
