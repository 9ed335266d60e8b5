//! What can go wrong with a backup file.

use std::io;

use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_store::StoreError;

use crate::section::Section;

/// Why a backup was not written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The file does not begin as a backup does.
    #[error("this is not a backup of a vault")]
    NotABackup,
    /// A later version of Strongroom wrote it.
    #[error("unknown version {version} of a backup")]
    UnknownFormat {
        /// The version.
        version: u8,
    },
    /// It was cut or changed.
    #[error("the backup is damaged {}", place(*.section, *.row))]
    Damaged {
        /// The part that is broken; none when the encryption shows it already.
        section: Option<Section>,
        /// The row in it, from 1.
        row: u64,
    },
    /// Its rows are not those that the vault put into it.
    #[error("the backup was not made by a holder of the data key that it names")]
    NotAuthentic,
    /// It is encrypted, and nothing was given to decrypt it with.
    #[error("the backup is encrypted {}", if *.passphrase { "with a passphrase" } else { "to recipients" })]
    Encrypted {
        /// Whether it takes a passphrase; else an identity.
        passphrase: bool,
    },
    /// Neither the passphrase nor any identity decrypts it.
    #[error("the backup was not decrypted")]
    WrongKey,
    /// A text that is no recipient.
    #[error("line {line} is not an age recipient")]
    RecipientInvalid {
        /// The line, or the position in the list, from 1.
        line: usize,
    },
    /// A text that is no identity.
    #[error("line {line} is not an age identity")]
    IdentityInvalid {
        /// The line, from 1.
        line: usize,
    },
    /// Nobody could decrypt it.
    #[error("no recipient was given")]
    NoRecipient,
    /// A backup is read, never written to.
    #[error("a backup cannot be changed")]
    ReadOnly,
    /// Its readable keys were asked for before the data key was there.
    #[error("the readable keys of the backup are still sealed")]
    StillSealed,
    /// A readable key did not open.
    #[error("a readable key of the backup does not open")]
    ClearKeyRefused,
    /// The file could not be written or read.
    #[error("the backup could not be {action}")]
    Io {
        /// What was done, as a participle: "written", "read".
        action: &'static str,
        /// The system's own error.
        #[source]
        source: io::Error,
    },
}

fn place(section: Option<Section>, row: u64) -> String {
    match section {
        None => "or was cut".to_owned(),
        Some(section) if row == 0 => format!("in its {section}"),
        Some(section) => format!("at row {row} of its {section}"),
    }
}

macro_rules! codes {
    ($($constant:ident = $category:ident, $advice:literal;)+) => {
        $(const $constant: ErrorCode =
            ErrorCode::new(concat!("BACKUP_", stringify!($constant)), Category::$category, $advice);)+

        impl BackupError {
            /// Every code of this crate.
            pub const CODES: &[ErrorCode] = &[$($constant),+];
        }
    };
}

codes! {
    NOT_A_BACKUP = InvalidRequest, "Check the name of the file. Backups are made by 'strongroom backup create'.";
    UNKNOWN_FORMAT = FailedPrecondition, "Use the version of Strongroom that made the backup, or a newer one.";
    DAMAGED = DataCorrupted, "Nothing was restored. Fetch the file again from where it is kept and compare its SHA-256 with the one of 'strongroom backup list'; or take the backup before.";
    NOT_AUTHENTIC = DataCorrupted, "Nothing was restored. Somebody may have made the file up: take another backup, and find out where this one comes from.";
    ENCRYPTED = FailedPrecondition, "Give --identity-file for a backup that was made to recipients, --passphrase-file or --passphrase-prompt for one with a passphrase.";
    KEY_WRONG = PermissionDenied, "Check the passphrase, or that one of the identities belongs to a recipient that the backup was made to.";
    RECIPIENT_INVALID = InvalidRequest, "Give recipients as age writes them: age1... (age-keygen -y shows the one of an identity).";
    IDENTITY_INVALID = InvalidRequest, "Give a file as age-keygen makes it: AGE-SECRET-KEY-1..., one identity on a line.";
    NO_RECIPIENT = InvalidRequest, "Give at least one --recipient, or a file with one recipient on a line.";
    READ_ONLY = Unsupported, "Restore the backup ('strongroom backup restore') and change the vault.";
    STILL_SEALED = Internal, "This is a bug of Strongroom: please report it.";
    CLEAR_KEY_REFUSED = DataCorrupted, "Nothing was restored. Take another backup.";
    IO = Unavailable, "Check the disk and the permissions of the file, then try again.";
}

impl Coded for BackupError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotABackup => NOT_A_BACKUP,
            Self::UnknownFormat { .. } => UNKNOWN_FORMAT,
            Self::Damaged { .. } => DAMAGED,
            Self::NotAuthentic => NOT_AUTHENTIC,
            Self::Encrypted { .. } => ENCRYPTED,
            Self::WrongKey => KEY_WRONG,
            Self::RecipientInvalid { .. } => RECIPIENT_INVALID,
            Self::IdentityInvalid { .. } => IDENTITY_INVALID,
            Self::NoRecipient => NO_RECIPIENT,
            Self::ReadOnly => READ_ONLY,
            Self::StillSealed => STILL_SEALED,
            Self::ClearKeyRefused => CLEAR_KEY_REFUSED,
            Self::Io { .. } => IO,
        }
    }
}

/// What a store over a backup answers.
pub(crate) fn refused(operation: &'static str, error: BackupError) -> StoreError {
    StoreError::Refused {
        operation,
        code: error.code(),
        source: error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_name_and_advice() {
        let mut names: Vec<_> = BackupError::CODES.iter().map(ErrorCode::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), BackupError::CODES.len());
        assert!(
            BackupError::CODES
                .iter()
                .all(|code| code.advice().ends_with('.'))
        );
    }
}
