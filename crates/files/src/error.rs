//! What can go wrong with a file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use strongroom_errors::{Category, Coded, ErrorCode};

const NOT_PRIVATE: ErrorCode = ErrorCode::new(
    "FILE_NOT_PRIVATE",
    Category::FailedPrecondition,
    "Others could read or change this file: take their rights away with `chmod go-rwx PATH`, and consider what it \
     held as seen by them.",
);
const WRITABLE_BY_OTHERS: ErrorCode = ErrorCode::new(
    "FILE_WRITABLE_BY_OTHERS",
    Category::FailedPrecondition,
    "Others could change or replace this: check that it says what it should, and take their right to write away with \
     `chmod go-w PATH`, for its folder too.",
);
const NOT_OURS: ErrorCode = ErrorCode::new(
    "FILE_NOT_OURS",
    Category::FailedPrecondition,
    "Another user owns this file and may read or change it: run as that user, or give it to yours with `chown`.",
);
const LOCKED: ErrorCode = ErrorCode::new(
    "FILE_LOCKED",
    Category::Contention,
    "Another process uses this folder: wait for it or stop it. The lock goes with its process; never delete the lock \
     file.",
);
const DISK_FULL: ErrorCode = ErrorCode::new(
    "FILE_DISK_FULL",
    Category::ResourceExhausted,
    "Free some space, or raise the quota or the file size limit, and try again. Nothing was changed.",
);
const EXISTS: ErrorCode = ErrorCode::new(
    "FILE_EXISTS",
    Category::AlreadyExists,
    "Nothing was written: choose another name, or remove what is there.",
);
const TOO_LARGE: ErrorCode = ErrorCode::new(
    "FILE_TOO_LARGE",
    Category::InvalidRequest,
    "This is larger than any file of its kind: check that the path names the file that was meant.",
);
const NOT_A_FILE: ErrorCode = ErrorCode::new(
    "FILE_NOT_A_FILE",
    Category::InvalidRequest,
    "The path names a folder, a device or a link where a file of its own is needed: check it.",
);
const NOT_A_FOLDER: ErrorCode = ErrorCode::new(
    "FILE_NOT_A_FOLDER",
    Category::InvalidRequest,
    "The path names a file where a folder is needed: check it, or choose another folder.",
);
const NOT_FOUND: ErrorCode = ErrorCode::new(
    "FILE_NOT_FOUND",
    Category::NotFound,
    "Neither the file nor perhaps its folder is there: check the path.",
);
const DENIED: ErrorCode = ErrorCode::new(
    "FILE_ACCESS_DENIED",
    Category::PermissionDenied,
    "This user may not do that: check the owner and the rights of the file and of its folder.",
);
const IO: ErrorCode = ErrorCode::new(
    "FILE_IO",
    Category::Unavailable,
    "The file system refused: see the cause, and check the disk and its mount.",
);

/// Every code of this crate.
pub const CODES: &[ErrorCode] = &[
    NOT_PRIVATE,
    WRITABLE_BY_OTHERS,
    NOT_OURS,
    LOCKED,
    DISK_FULL,
    EXISTS,
    TOO_LARGE,
    NOT_A_FILE,
    NOT_A_FOLDER,
    NOT_FOUND,
    DENIED,
    IO,
];

/// What can go wrong with a file. None of the messages holds any contents.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The user may not do this to the file or in its folder.
    #[error("no right to {action} {}", path.display())]
    Denied {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: FileAction,
        /// The system's answer.
        source: io::Error,
    },
    /// The disk, a quota or the process's file size limit is exhausted. The file keeps its old contents.
    #[error("no space left to {action} {}", path.display())]
    DiskFull {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: FileAction,
        /// The system's answer.
        source: io::Error,
    },
    /// Something of this name is there, and was left as it is.
    #[error("{} is there already", path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// Anything else that the file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: FileAction,
        /// The system's answer.
        source: io::Error,
    },
    /// Another process, or another part of this one, holds the lock of the folder.
    #[error("{} is in use{}", path.display(), by_process(*holder_pid))]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The process that holds it, where it could be found out.
        holder_pid: Option<u32>,
    },
    /// A folder, a device or, where none is followed, a link stands where a file is needed.
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// What is not a file.
        path: PathBuf,
    },
    /// Something else stands where a folder is needed.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// What is not a folder.
        path: PathBuf,
    },
    /// The file, or the folder it should be written to, is not there.
    #[error("cannot {action} {}: it is not there", path.display())]
    NotFound {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: FileAction,
        /// The system's answer.
        source: io::Error,
    },
    /// Another user owns a file that only we should read or change.
    #[error("{} belongs to user {owner}", path.display())]
    NotOurs {
        /// The file or folder.
        path: PathBuf,
        /// The id of its owner.
        owner: u32,
    },
    /// The group or others have rights on a file that only its owner should have. Access lists show here too: Linux
    /// mirrors their widest entry in the rights of the group.
    #[error("{} is open to other users (mode {mode:04o})", path.display())]
    NotPrivate {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is larger than a file of its kind can be.
    #[error("{} is larger than {limit_bytes} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        limit_bytes: usize,
    },
    /// The group or others may change a file, or exchange it in its folder, that only its owner should change.
    #[error("{} can be changed by other users (mode {mode:04o})", path.display())]
    WritableByOthers {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// What was tried with a file when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileAction {
    /// Make a folder.
    CreateFolder,
    /// Look at its kind, owner and rights.
    Inspect,
    /// Take the lock of a folder.
    Lock,
    /// Read it.
    Read,
    /// Remove it.
    Remove,
    /// Bring the change of a folder to the disk. The change itself has been made: after a loss of power the old or
    /// the new state is found.
    SyncFolder,
    /// Write its new contents.
    Write,
}

impl fmt::Display for FileAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CreateFolder => "create the folder",
            Self::Inspect => "inspect",
            Self::Lock => "lock",
            Self::Read => "read",
            Self::Remove => "remove",
            Self::SyncFolder => "sync the folder of",
            Self::Write => "write",
        })
    }
}

impl FileError {
    /// The variant that fits what the system answered.
    pub(crate) fn of(action: FileAction, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match Errno::from_io_error(&source) {
            // EFBIG: the limit that `ulimit -f` sets.
            Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => Self::DiskFull {
                path,
                action,
                source,
            },
            Some(Errno::ACCESS | Errno::PERM) => Self::Denied {
                path,
                action,
                source,
            },
            Some(Errno::NOENT) => Self::NotFound {
                path,
                action,
                source,
            },
            Some(Errno::ISDIR) => Self::NotAFile { path },
            Some(Errno::NOTDIR) => Self::NotAFolder { path },
            _ => Self::Io {
                path,
                action,
                source,
            },
        }
    }
}

impl Coded for FileError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Denied { .. } => DENIED,
            Self::DiskFull { .. } => DISK_FULL,
            Self::Exists { .. } => EXISTS,
            Self::Io { .. } => IO,
            Self::Locked { .. } => LOCKED,
            Self::NotAFile { .. } => NOT_A_FILE,
            Self::NotAFolder { .. } => NOT_A_FOLDER,
            Self::NotFound { .. } => NOT_FOUND,
            Self::NotOurs { .. } => NOT_OURS,
            Self::NotPrivate { .. } => NOT_PRIVATE,
            Self::TooLarge { .. } => TOO_LARGE,
            Self::WritableByOthers { .. } => WRITABLE_BY_OTHERS,
        }
    }
}

fn by_process(holder_pid: Option<u32>) -> String {
    holder_pid
        .map(|pid| format!(" by process {pid}"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_a_quota_and_a_file_size_limit_are_one_situation() {
        for errno in [Errno::NOSPC, Errno::DQUOT, Errno::FBIG] {
            let error = FileError::of(FileAction::Write, Path::new("kms.key"), errno.into());
            assert_eq!(error.code().name(), "FILE_DISK_FULL");
            assert_eq!(error.to_string(), "no space left to write kms.key");
            assert!(std::error::Error::source(&error).is_some());
        }
    }

    #[test]
    fn every_code_has_its_own_name_and_some_advice() {
        let mut names: Vec<&str> = CODES.iter().map(ErrorCode::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CODES.len());
        assert!(
            CODES
                .iter()
                .all(|code| code.name().starts_with("FILE_") && code.advice().ends_with('.'))
        );
    }
}
