//! What an error of the server or of the connection means.

mod codes;

use sqlx::postgres::{PgDatabaseError, PgSeverity};
use strongroom_errors::Coded as _;
use strongroom_store::{Cause, Damage, DataKeyId, StoreError};

pub use codes::PostgresError;

/// Turns an error into ours; `operation` says what failed, as an infinitive.
pub(crate) fn failed(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| translate(operation, error)
}

fn translate(operation: &'static str, error: sqlx::Error) -> StoreError {
    let Some(code) = code(&error).map(str::to_owned) else {
        return of_connection(operation, error);
    };
    match code.as_str() {
        "53100" => StoreError::Full {
            source: error.into(),
        },
        // A lock was waited for as long as it may be.
        "55P03" => StoreError::Busy {
            source: Some(error.into()),
        },
        // Damaged pages and indexes. All statements are ours and fixed: where the server finds fault with one (no such table,
        // column, function; other types), the schema is not what we made.
        "XX001" | "XX002" | "42P01" | "42703" | "42883" | "42804" | "42P10" => unreadable(error),
        code if code.starts_with("23") || code.starts_with("22") => StoreError::RecordRefused {
            constraint: constraint(&error).map_or_else(|| error.to_string(), str::to_owned),
        },
        code => match PostgresError::of_code(code) {
            Some(wrap) => refused(operation, wrap(error)),
            None => StoreError::Io {
                operation,
                source: error.into(),
            },
        },
    }
}

/// No answer of the server, or one that makes no sense.
fn of_connection(operation: &'static str, error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Tls(_) => refused(operation, PostgresError::Tls(error)),
        sqlx::Error::Io(ref io) if io.kind() == std::io::ErrorKind::TimedOut => {
            refused(operation, PostgresError::Timeout(error))
        }
        sqlx::Error::Io(_) => refused(operation, PostgresError::ConnectionLost(error)),
        other => StoreError::Io {
            operation,
            source: other.into(),
        },
    }
}

/// An error with a code of this crate.
pub(crate) fn refused(operation: &'static str, error: PostgresError) -> StoreError {
    StoreError::Refused {
        operation,
        code: error.code(),
        source: error.into(),
    }
}

/// The schema is not what we made, or cannot be read.
pub(crate) fn unreadable(error: impl Into<Cause>) -> StoreError {
    StoreError::Corrupted {
        damage: Damage::Unreadable,
        source: Some(error.into()),
    }
}

/// The code of an error that the server reported (PostgreSQL, appendix A).
pub(crate) fn code(error: &sqlx::Error) -> Option<&str> {
    Some(of_server(error)?.code())
}

fn of_server(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    error
        .as_database_error()?
        .try_downcast_ref::<PgDatabaseError>()
}

/// Whether the connection outlived the error: the server answered, and goes on to serve it.
pub(crate) fn is_survived(error: &sqlx::Error) -> bool {
    of_server(error).is_some_and(|error| error.severity() == PgSeverity::Error)
}

/// Whether the connection is gone, and a new one may help.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match of_server(error) {
        Some(error) => error.severity() != PgSeverity::Error,
        None => matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_)),
    }
}

/// Whether the server gave up one of two that were in each other's way.
pub(crate) fn is_conflict(error: &sqlx::Error) -> bool {
    matches!(code(error), Some("40001" | "40P01"))
}

/// The name of a broken rule.
pub(crate) fn constraint(error: &sqlx::Error) -> Option<&str> {
    of_server(error)?.constraint()
}

/// Whether a row with the same key is there already.
pub(crate) fn is_duplicate(error: &sqlx::Error) -> bool {
    code(error) == Some("23505")
}

/// Whether a row refers to another that is not there, or is referred to.
pub(crate) fn is_broken_reference(error: &sqlx::Error) -> bool {
    code(error) == Some("23503")
}

/// The key that an error is about: `Key (…)=(THIS) already exists.` The words around it are in the server's language.
pub(crate) fn key(error: &sqlx::Error) -> Option<&str> {
    let (_, value) = of_server(error)?.detail()?.split_once(")=(")?;
    Some(value.rsplit_once(')')?.0)
}

/// The same, if it is this many bytes.
pub(crate) fn key_bytes<const N: usize>(error: &sqlx::Error) -> Option<[u8; N]> {
    let hex = key(error)?.strip_prefix("\\x")?;
    let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?;
    bytes.try_into().ok()
}

/// That the data key of a row is missing, if that is the error. `of_row` is the one of the row, or of the first of many: the
/// server tells which, unless it is told not to.
pub(crate) fn missing_data_key(
    error: &sqlx::Error,
    of_row: Option<DataKeyId>,
) -> Option<StoreError> {
    if !is_broken_reference(error) || !constraint(error)?.ends_with("_data_key") {
        return None;
    }
    let id = key_bytes(error).map(DataKeyId::from_bytes).or(of_row)?;
    Some(StoreError::DataKeyMissing { id })
}
