//! The seam between the vault and the file system.

use std::fmt;
use std::io;
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

    /// The contents of a file that steers what is done with secrets, so that nobody but its owner may write it, though
    /// others may read it; `None` when it is not there.
    ///
    /// Refused are a file that the group or others may write, one whose owner is neither this user nor root, and one in
    /// a folder in which such people could exchange it (a folder with the sticky bit, such as `/tmp`, is not one). Root
    /// may use files of any owner. The file is judged as it was opened.
    ///
    /// # Errors
    /// [`FileError::WritableByOthers`], [`FileError::NotOurs`], [`FileError::NotAFile`], [`FileError::Denied`],
    /// [`FileError::Io`].
    fn read_guarded(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError>;

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
    /// [`FileAction::SyncFolder`](crate::FileAction::SyncFolder), the old ones. The file is this user's afterwards,
    /// whoever owned what it held before.
    ///
    /// # Errors
    /// [`FileError::DiskFull`], [`FileError::NotFound`] without its folder, [`FileError::NotAFile`],
    /// [`FileError::Denied`], [`FileError::Io`].
    fn write_durably(&self, path: &Path, contents: &[u8], access: Access) -> Result<(), FileError>;

    /// As [`write_durably`](Self::write_durably), but what is there is never replaced, not even a file that appeared
    /// during the write, nor is a symbolic link followed.
    ///
    /// # Errors
    /// [`FileError::Exists`]; those of [`write_durably`](Self::write_durably).
    fn write_new_durably(
        &self,
        path: &Path,
        contents: &[u8],
        access: Access,
    ) -> Result<(), FileError>;

    /// As [`write_new_durably`](Self::write_new_durably), for contents that are too large for the memory: `fill` is called
    /// at most once, and writes them. When it fails, nothing is left.
    ///
    /// # Errors
    /// Those of [`write_new_durably`](Self::write_new_durably); what `fill` fails with counts as a failure to write.
    fn stream_new_durably(
        &self,
        path: &Path,
        access: Access,
        fill: &mut dyn FnMut(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<(), FileError>;

    /// As [`stream_new_durably`](Self::stream_new_durably), but takes the place of what is there, as
    /// [`write_durably`](Self::write_durably) does.
    ///
    /// # Errors
    /// Those of [`write_durably`](Self::write_durably); what `fill` fails with counts as a failure to write.
    fn stream_durably(
        &self,
        path: &Path,
        access: Access,
        fill: &mut dyn FnMut(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<(), FileError>;

    /// As [`write_durably`](Self::write_durably), for a file that belongs to a service: when root rewrites it, the
    /// service stays its owner and is not locked out.
    ///
    /// With [`Access::OwnerOnly`] that holds only for a file which was private to its owner, so that what nobody
    /// else could read is handed to nobody else; and in any case only where nobody but that owner and root could have
    /// put it there. Otherwise the file is root's afterwards.
    ///
    /// # Errors
    /// Those of [`write_durably`](Self::write_durably).
    fn rewrite_durably(
        &self,
        path: &Path,
        contents: &[u8],
        access: Access,
    ) -> Result<(), FileError>;

    /// Makes a folder and those above it that are missing, all with `access`. From a folder of ours that exists and is
    /// empty, rights beyond `access` are taken away; one that holds something is left as it is.
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

    /// Refuses a file or folder that others may change: the group or others may write, or its owner is neither this user
    /// nor root. Others may read it.
    ///
    /// # Errors
    /// [`FileError::WritableByOthers`], [`FileError::NotOurs`], [`FileError::NotFound`], [`FileError::Denied`],
    /// [`FileError::Io`].
    fn check_guarded(&self, path: &Path) -> Result<(), FileError>;
}

impl<F: Files + ?Sized> Files for Arc<F> {
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        (**self).read(path)
    }

    fn read_private(&self, path: &Path) -> Result<Option<SecretBytes>, FileError> {
        (**self).read_private(path)
    }

    fn read_guarded(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        (**self).read_guarded(path)
    }

    fn write_durably(&self, path: &Path, contents: &[u8], access: Access) -> Result<(), FileError> {
        (**self).write_durably(path, contents, access)
    }

    fn write_new_durably(
        &self,
        path: &Path,
        contents: &[u8],
        access: Access,
    ) -> Result<(), FileError> {
        (**self).write_new_durably(path, contents, access)
    }

    fn stream_new_durably(
        &self,
        path: &Path,
        access: Access,
        fill: &mut dyn FnMut(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<(), FileError> {
        (**self).stream_new_durably(path, access, fill)
    }

    fn stream_durably(
        &self,
        path: &Path,
        access: Access,
        fill: &mut dyn FnMut(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<(), FileError> {
        (**self).stream_durably(path, access, fill)
    }

    fn rewrite_durably(
        &self,
        path: &Path,
        contents: &[u8],
        access: Access,
    ) -> Result<(), FileError> {
        (**self).rewrite_durably(path, contents, access)
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

    fn check_guarded(&self, path: &Path) -> Result<(), FileError> {
        (**self).check_guarded(path)
    }
}
