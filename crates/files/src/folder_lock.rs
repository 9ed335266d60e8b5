//! One process per folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::{Access, FileAction, FileError};

/// The name of the lock file in a locked folder. It stays when the lock is released.
pub const LOCK_FILE_NAME: &str = "lock";

/// A decimal process number and a line feed are shorter.
const MAX_PID_BYTES: u64 = 16;

/// Keeps every other process, and every other part of this one, out of a folder while it lives.
///
/// The lock is the kernel's (flock on the file `lock`), so it ends with its process however that ends; the number of
/// the process in the file only serves the message to others. It works among processes of one machine.
#[derive(Debug)]
pub struct FolderLock {
    folder: PathBuf,
    /// The lock belongs to this open file and ends with its last descriptor at the latest.
    file: File,
}

impl FolderLock {
    /// Locks the existing folder `folder`, without waiting.
    ///
    /// # Errors
    /// [`FileError::Locked`] when somebody else holds it; [`FileError::NotFound`] without the folder,
    /// [`FileError::Denied`], [`FileError::Io`].
    pub fn acquire(folder: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::of(FileAction::Lock, folder, source);
        let path = folder.join(LOCK_FILE_NAME);
        loop {
            let mut file = open(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(FileError::Locked {
                        path: folder.to_owned(),
                        holder_pid: holder(&mut file),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
            // Somebody may have deleted the file between our opening and locking it; such a lock keeps nobody out.
            if is_at(&file, &path).map_err(failed)? {
                // A full disk must not keep us from running: the number is a courtesy.
                let _ = write_pid(&file);
                return Ok(Self {
                    folder: folder.to_owned(),
                    file,
                });
            }
        }
    }

    /// The folder that is locked.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // So that nobody is told of a process that is gone. The file itself stays: deleting it would let two others
        // lock two files of the same name.
        let _ = self.file.set_len(0);
        // Closing alone would not do while a child that was just forked still has a copy of the descriptor.
        let _ = self.file.unlock();
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mode = Access::OwnerOnly.file_mode();
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(mode)
        .open(path)
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let opened = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((opened.dev(), opened.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn write_pid(file: &File) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all_at(format!("{}\n", std::process::id()).as_bytes(), 0)
}

/// The process named in the file; `None` when it has not been written yet.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(MAX_PID_BYTES).read_to_string(&mut text).ok()?;
    text.strip_suffix('\n')?.parse().ok()
}
