//! One process per folder.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, statat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::{Access, FileAction, FileError};

/// The name of the lock file in a locked folder. It stays when the lock is released.
pub const LOCK_FILE_NAME: &str = "lock";

/// With these, a foreign thing in the place of the lock file can neither lead elsewhere nor make us wait.
const NOT_ELSEWHERE: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// A decimal process number and a line feed are shorter.
const MAX_PID_BYTES: u64 = 16;

/// Keeps every other process, and every other part of this one, out of a folder while it lives.
///
/// The lock is the kernel's (flock), so it ends with its process however that ends. It is taken on the folder itself,
/// so that deleting the file `lock` lets nobody in, and on that file, for file systems that cannot lock folders. The
/// number of the process in the file only serves the message to others. It works among processes of one machine.
#[derive(Debug)]
pub struct FolderLock {
    folder: PathBuf,
    /// A lock belongs to an open file and ends with its last descriptor at the latest.
    directory: File,
    file: File,
}

impl FolderLock {
    /// Locks the existing folder `folder`, without waiting.
    ///
    /// # Errors
    /// [`FileError::Locked`] when somebody else holds it; [`FileError::NotAFile`] or [`FileError::NotOurs`] when
    /// something else than a file of ours (or of root) has the name of the lock file, which is then left as it is;
    /// [`FileError::NotFound`] without the folder, [`FileError::Denied`], [`FileError::Io`].
    pub fn acquire(folder: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::of(FileAction::Lock, folder, source);
        let locked = |holder_pid| FileError::Locked {
            path: folder.to_owned(),
            holder_pid,
        };
        let directory = open_folder(folder).map_err(failed)?;
        if !try_lock_folder(&directory).map_err(failed)? {
            return Err(locked(holder_in(&directory)));
        }
        loop {
            let mut file = open_lock_file(&directory, folder)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(locked(holder(&mut file))),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
            // Somebody may have deleted the file between our opening and locking it; such a lock keeps nobody out.
            if is_lock_file_of(&directory, &file).map_err(failed)? {
                // A full disk must not keep us from running: the number is a courtesy.
                let _ = write_pid(&file);
                return Ok(Self {
                    folder: folder.to_owned(),
                    directory,
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
        // Closing alone would not do while a child that was just forked still has a copy of the descriptors.
        let _ = self.file.unlock();
        let _ = self.directory.unlock();
    }
}

fn open_folder(folder: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, folder, flags, Mode::empty())?.into())
}

/// `false`: somebody else holds it.
fn try_lock_folder(directory: &File) -> io::Result<bool> {
    match directory.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(source)) => match Errno::from_io_error(&source) {
            // A network file system makes a lock of bytes out of it, which needs a file open for writing. There the
            // lock of the file has to do.
            Some(Errno::BADF | Errno::INVAL | Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP) => {
                Ok(true)
            }
            _ => Err(source),
        },
    }
}

/// Opens or makes the lock file. Its contents are about to be overwritten: nothing is followed that could make them
/// those of another file.
fn open_lock_file(directory: &File, folder: &Path) -> Result<File, FileError> {
    let path = || folder.join(LOCK_FILE_NAME);
    let not_a_file = || FileError::NotAFile { path: path() };
    let failed = |source| FileError::of(FileAction::Lock, folder, source);
    let opened = openat(
        directory,
        LOCK_FILE_NAME,
        OFlags::RDWR | OFlags::CREATE | NOT_ELSEWHERE,
        Mode::from_raw_mode(Access::OwnerOnly.file_mode()),
    );
    let file = match opened {
        Ok(descriptor) => File::from(descriptor),
        Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO) => return Err(not_a_file()),
        Err(errno) => return Err(failed(errno.into())),
    };
    let metadata = file.metadata().map_err(failed)?;
    // A second name would be that of a file which somebody linked here.
    if !metadata.is_file() || metadata.nlink() > 1 {
        return Err(not_a_file());
    }
    // Root may lock the folder of a service, with the service's own file.
    let owner = metadata.uid();
    if !geteuid().is_root() && ![geteuid().as_raw(), 0].contains(&owner) {
        return Err(FileError::NotOurs {
            path: path(),
            owner,
        });
    }
    Ok(file)
}

fn is_lock_file_of(directory: &File, file: &File) -> io::Result<bool> {
    let opened = file.metadata()?;
    match statat(directory, LOCK_FILE_NAME, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(named) => Ok((opened.dev(), opened.ino()) == (named.st_dev, named.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

fn write_pid(file: &File) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all_at(format!("{}\n", std::process::id()).as_bytes(), 0)
}

/// The process named in the lock file of a folder that somebody else has locked.
fn holder_in(directory: &File) -> Option<u32> {
    let flags = OFlags::RDONLY | NOT_ELSEWHERE;
    let mut file = File::from(openat(directory, LOCK_FILE_NAME, flags, Mode::empty()).ok()?);
    holder(&mut file)
}

/// The process named in the file; `None` when it has not been written yet.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(MAX_PID_BYTES).read_to_string(&mut text).ok()?;
    text.strip_suffix('\n')?.parse().ok()
}
