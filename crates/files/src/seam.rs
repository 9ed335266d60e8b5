//! The seam between the vault and the file system.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use strongroom_memory::SecretBytes;

use crate::{Access, FileError};

/// The few things that Strongroom does with files, injected so that faults and crashes can be tested.
///
/// All calls block. Relative paths are relative to the working folder. Reading follows symbolic links and looks at what
/// was opened; writing through a link replaces the file it points to and leaves the link.
pub trait Files: fmt::Debug + Send + Sync {
    /// The contents of a file that holds no secrets; `None` when it is not there.
    ///
    /// # Errors
    /// [`FileError::Denied`], [`FileError::NotAFile`], [`FileError::Io`].
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError>;

    /// The contents of a file that only its owner can read; `None` when it is not there.
    ///
    /// Owner, rights, kind and size are those of the opened file, so nothing can be exchanged between the check and the
    /// reading. The contents go straight into locked memory.
    ///
    /// # Errors
    /// [`FileError::NotPrivate`], [`FileError::NotOurs`], [`FileError::NotAFile`], [`FileError::TooLarge`] over
    /// [`MAX_PRIVATE_FILE_BYTES`](crate::MAX_PRIVATE_FILE_BYTES), [`FileError::Denied`], [`FileError::Io`].
    fn read_private(&self, path: &Path) -> Result<Option<SecretBytes>, FileError>;

    /// Puts `contents` in the place of what the file held, or makes the file.
    ///
    /// After `Ok` they survive a loss of power. After an error, or a crash anywhere, the file holds all of the old
    /// or all of the new contents; after an error other than with
    /// [`FileAction::SyncFolder`](crate::FileAction::SyncFolder), the old ones. A replaced file keeps its owner
    /// where this process may give files away (root).
    ///
    /// # Errors
    /// [`FileError::DiskFull`], [`FileError::NotFound`] without its folder, [`FileError::NotAFile`],
    /// [`FileError::Denied`], [`FileError::Io`].
    fn write_durably(&self, path: &Path, contents: &[u8], access: Access) -> Result<(), FileError>;

    /// Makes a folder and those above it that are missing, all with `access`; a folder that exists is left as it is.
    ///
    /// # Errors
    /// [`FileError::NotAFolder`], [`FileError::DiskFull`], [`FileError::Denied`], [`FileError::Io`].
    fn create_folder(&self, path: &Path, access: Access) -> Result<(), FileError>;

    /// Removes a file (of a symbolic link, the link); `Ok` too when it was not there. After `Ok` it stays away after a
    /// loss of power. The contents are not shredded: no file system of today would keep that promise.
    ///
    /// # Errors
    /// [`FileError::NotAFile`] for a folder, [`FileError::Denied`], [`FileError::Io`].
    fn remove(&self, path: &Path) -> Result<(), FileError>;

    /// Refuses a file or folder that is not private: the group or others have any right, or its owner is neither this
    /// user nor root. Root itself may use files of any owner, as it can read them anyway.
    ///
    /// To *use* a secret file, call [`read_private`](Self::read_private), which leaves no gap after the check.
    ///
    /// # Errors
    /// [`FileError::NotPrivate`], [`FileError::NotOurs`], [`FileError::NotFound`], [`FileError::Denied`],
    /// [`FileError::Io`].
    fn check_private(&self, path: &Path) -> Result<(), FileError>;
}

impl<F: Files + ?Sized> Files for Arc<F> {
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        (**self).read(path)
    }

    fn read_private(&self, path: &Path) -> Result<Option<SecretBytes>, FileError> {
        (**self).read_private(path)
    }

    fn write_durably(&self, path: &Path, contents: &[u8], access: Access) -> Result<(), FileError> {
        (**self).write_durably(path, contents, access)
    }

    fn create_folder(&self, path: &Path, access: Access) -> Result<(), FileError> {
        (**self).create_folder(path, access)
    }

    fn remove(&self, path: &Path) -> Result<(), FileError> {
        (**self).remove(path)
    }

    fn check_private(&self, path: &Path) -> Result<(), FileError> {
        (**self).check_private(path)
    }
}
