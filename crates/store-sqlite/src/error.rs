//! What an error of the engine means.

use rusqlite::{ErrorCode, ffi};
use strongroom_errors::Coded;
use strongroom_files::FileError;
use strongroom_store::{Cause, Damage, Place, StoreError};

/// Turns an engine's error into ours; `operation` says what failed, as an infinitive.
pub(crate) fn failed(operation: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| translate(operation, error)
}

fn translate(operation: &'static str, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full {
            source: error.into(),
        },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy {
            source: Some(error.into()),
        },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => unreadable(error),
        Some(ErrorCode::ConstraintViolation) => StoreError::RecordRefused {
            constraint: constraint(&error),
        },
        // All statements are ours and fixed: where the engine finds fault with one, the schema is not what we made.
        _ if extended_code(&error) == Some(ffi::SQLITE_ERROR) => unreadable(error),
        _ => StoreError::Io {
            operation,
            source: error.into(),
        },
    }
}

/// Turns an error of a file into ours; `operation` says what failed, as an infinitive.
pub(crate) fn of_file(error: FileError, operation: &'static str) -> StoreError {
    match error {
        FileError::Locked { path, holder_pid } => StoreError::Locked {
            place: Place::Folder(path),
            holder_pid,
        },
        full @ FileError::DiskFull { .. } => StoreError::Full {
            source: full.into(),
        },
        // Nothing failed: somebody has to look at the file, and its own code says how.
        unfit @ (FileError::NotPrivate { .. }
        | FileError::NotOurs { .. }
        | FileError::NotAFile { .. }
        | FileError::WritableByOthers { .. }) => StoreError::Refused {
            operation,
            code: unfit.code(),
            source: unfit.into(),
        },
        other => StoreError::Io {
            operation,
            source: other.into(),
        },
    }
}

/// The engine cannot make sense of the file.
pub(crate) fn unreadable(error: impl Into<Cause>) -> StoreError {
    StoreError::Corrupted {
        damage: Damage::Unreadable,
        source: Some(error.into()),
    }
}

/// The engine's detailed result code.
pub(crate) fn extended_code(error: &rusqlite::Error) -> Option<i32> {
    match error {
        // A statement that does not fit the schema says where in it.
        rusqlite::Error::SqlInputError { error, .. } => Some(error.extended_code),
        other => other.sqlite_error().map(|error| error.extended_code),
    }
}

/// Whether a row with the same key is there already.
pub(crate) fn is_duplicate(error: &rusqlite::Error) -> bool {
    matches!(
        extended_code(error),
        Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE)
    )
}

/// Whether a row refers to another that is not there, or is referred to.
pub(crate) fn is_broken_reference(error: &rusqlite::Error) -> bool {
    extended_code(error) == Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY)
}

/// The name of a broken rule: the engine's message ends with it ("CHECK constraint failed: the_name").
fn constraint(error: &rusqlite::Error) -> String {
    let message = error.to_string();
    message
        .rsplit_once(": ")
        .map_or(message.as_str(), |(_, name)| name)
        .to_owned()
}
