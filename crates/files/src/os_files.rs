//! The files of the operating system.

mod folder;
mod guarded;
mod private;
mod temporary_file;
mod write;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};
use strongroom_memory::SecretBytes;

pub use self::private::MAX_PRIVATE_FILE_BYTES;
pub use self::temporary_file::{is_leftover_of, remove_leftovers};
use self::write::{Standing, all_of};
use crate::{Access, DurableStep, FileAction, FileError, Files, StepObserver};

/// The real files.
#[derive(Clone, Default)]
pub struct OsFiles {
    observer: Option<StepObserver>,
}

impl OsFiles {
    /// The files of the operating system.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells `observer` of each step that changes something on the disk, once it is done.
    #[must_use]
    pub fn with_observer(self, observer: StepObserver) -> Self {
        Self {
            observer: Some(observer),
        }
    }

    fn done(&self, step: DurableStep, path: &Path) {
        if let Some(observer) = &self.observer {
            observer(step, path);
        }
    }

    /// `changed` is the name that was made, replaced or removed, and `path` what the caller called it.
    fn sync_folder_of(&self, changed: &Path, path: &Path) -> Result<(), FileError> {
        folder::sync(folder::of(changed))
            .map_err(|source| FileError::of(FileAction::SyncFolder, path, source))?;
        self.done(DurableStep::FolderSynced, path);
        Ok(())
    }

    fn make_folder(&self, path: &Path, access: Access) -> Result<(), FileError> {
        match fs::DirBuilder::new()
            .mode(access.folder_mode())
            .create(path)
        {
            Ok(()) => {
                self.done(DurableStep::FolderCreated, path);
                self.sync_folder_of(path, path)
            }
            // Somebody else made it meanwhile.
            Err(_) if path.is_dir() => Ok(()),
            Err(source) if source.kind() == ErrorKind::AlreadyExists => {
                Err(FileError::NotAFolder {
                    path: path.to_owned(),
                })
            }
            Err(source) => Err(FileError::of(FileAction::CreateFolder, path, source)),
        }
    }
}

impl Files for OsFiles {
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        let Some(mut file) = open_to_read(path)? else {
            return Ok(None);
        };
        read_all(&mut file, path).map(Some)
    }

    fn read_private(&self, path: &Path) -> Result<Option<SecretBytes>, FileError> {
        let Some(mut file) = open_to_read(path)? else {
            return Ok(None);
        };
        private::read(&mut file, path).map(Some)
    }

    fn read_guarded(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        let Some(mut file) = open_to_read(path)? else {
            return Ok(None);
        };
        guarded::check(&file, path)?;
        read_all(&mut file, path).map(Some)
    }

    fn write_durably(&self, path: &Path, contents: &[u8], access: Access) -> Result<(), FileError> {
        self.write(path, &mut all_of(contents), access, Standing::Replaced)
    }

    fn write_new_durably(
        &self,
        path: &Path,
        contents: &[u8],
        access: Access,
    ) -> Result<(), FileError> {
        self.write(path, &mut all_of(contents), access, Standing::Kept)
    }

    fn stream_new_durably(
        &self,
        path: &Path,
        access: Access,
        fill: &mut dyn FnMut(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<(), FileError> {
        self.write(path, fill, access, Standing::Kept)
    }

    fn stream_durably(
        &self,
        path: &Path,
        access: Access,
        fill: &mut dyn FnMut(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<(), FileError> {
        self.write(path, fill, access, Standing::Replaced)
    }

    fn rewrite_durably(
        &self,
        path: &Path,
        contents: &[u8],
        access: Access,
    ) -> Result<(), FileError> {
        self.write(
            path,
            &mut all_of(contents),
            access,
            Standing::ReplacedForItsOwner,
        )
    }

    fn create_folder(&self, path: &Path, access: Access) -> Result<(), FileError> {
        let mut missing: Vec<&Path> = path
            .ancestors()
            .take_while(|folder| !folder.exists())
            .collect();
        // The last ancestor of a relative path is empty and means the working folder.
        missing.retain(|folder| !folder.as_os_str().is_empty());
        missing
            .iter()
            .rev()
            .try_for_each(|folder| self.make_folder(folder, access))?;
        if path.is_dir() {
            folder::tighten_if_empty(path, access)
        } else {
            Err(FileError::NotAFolder {
                path: path.to_owned(),
            })
        }
    }

    fn remove(&self, path: &Path) -> Result<(), FileError> {
        match fs::remove_file(path) {
            Ok(()) => self.done(DurableStep::Removed, path),
            // Synced all the same: an earlier removal may have stopped before it was durable.
            Err(source) if source.kind() == ErrorKind::NotFound && folder::of(path).is_dir() => {}
            Err(source) if source.kind() == ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(FileError::of(FileAction::Remove, path, source)),
        }
        self.sync_folder_of(path, path)
    }

    fn check_private(&self, path: &Path) -> Result<(), FileError> {
        let metadata = fs::metadata(path)
            .map_err(|source| FileError::of(FileAction::Inspect, path, source))?;
        private::check(metadata.uid(), metadata.mode(), path)
    }

    fn check_guarded(&self, path: &Path) -> Result<(), FileError> {
        guarded::check_path(path)
    }
}

impl fmt::Debug for OsFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OsFiles")
            .field("observed", &self.observer.is_some())
            .finish()
    }
}

fn read_all(file: &mut File, path: &Path) -> Result<Vec<u8>, FileError> {
    let mut contents = Vec::new();
    file.read_to_end(&mut contents)
        .map_err(|source| FileError::of(FileAction::Read, path, source))?;
    Ok(contents)
}

/// Opens a file, `None` when it is not there. A pipe without a writer does not make us wait.
fn open_to_read(path: &Path) -> Result<Option<File>, FileError> {
    match open(
        path,
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY,
        Mode::empty(),
    ) {
        Ok(descriptor) => Ok(Some(File::from(descriptor))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(errno) => Err(FileError::of(FileAction::Read, path, errno.into())),
    }
}

/// The file that a symbolic link stands for, or `path` itself.
fn behind_link(path: &Path) -> io::Result<PathBuf> {
    if path.is_symlink() {
        fs::canonicalize(path)
    } else {
        Ok(path.to_owned())
    }
}
