//! Why the tables could not be read.

use std::error::Error;

use strongroom_errors::{Category, Coded, ErrorCode};

/// Why the tables of a node of Canton could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CantonDbError {
    /// The URL is none of a PostgreSQL database.
    #[error("the address of the database cannot be used: {why}")]
    Address {
        /// What is wrong with it; never the URL itself.
        why: &'static str,
    },
    /// The server does not answer, or not as it should: TLS included.
    #[error("the database cannot be reached")]
    Unreachable(#[source] sqlx::Error),
    /// The server does not let us in, or not to the tables.
    #[error("the database refuses the user")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// A table or column of Canton's is not there.
    #[error("this is not the database of a node of Canton")]
    NotOfCanton(#[source] Box<dyn Error + Send + Sync>),
    /// A column holds something that it cannot hold in a database of Canton.
    #[error("a row of {table} cannot be read")]
    Row {
        /// The table, by Canton's name.
        table: &'static str,
        /// What is wrong with it.
        #[source]
        source: sqlx::Error,
    },
    /// Reading failed.
    #[error("reading {table} failed")]
    Read {
        /// The table, by Canton's name.
        table: &'static str,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
}

impl CantonDbError {
    /// Every code of this error.
    pub const CODES: &'static [ErrorCode] = &[
        Self::ADDRESS,
        Self::UNREACHABLE,
        Self::REFUSED,
        Self::NOT_OF_CANTON,
        Self::ROW,
        Self::READ,
    ];

    const ADDRESS: ErrorCode = ErrorCode::new(
        "CANTON_DB_ADDRESS_INVALID",
        Category::InvalidRequest,
        "Write postgres://USER@HOST:PORT/DATABASE, as psql takes it.",
    );
    const UNREACHABLE: ErrorCode = ErrorCode::new(
        "CANTON_DB_UNREACHABLE",
        Category::Unavailable,
        "Check host, port and TLS: a server on another machine needs a certificate for its name; sslrootcert=FILE in the URL \
         names the authority.",
    );
    const REFUSED: ErrorCode = ErrorCode::new(
        "CANTON_DB_REFUSED",
        Category::PermissionDenied,
        "Check user and password (PGPASSWORD, ~/.pgpass, or in the URL), and that the user may SELECT from the three tables of keys.",
    );
    const NOT_OF_CANTON: ErrorCode = ErrorCode::new(
        "CANTON_DB_NOT_OF_CANTON",
        Category::FailedPrecondition,
        "Name the database of the node itself; options[search_path]=SCHEMA in the URL names the schema if it is not public.",
    );
    const ROW: ErrorCode = ErrorCode::new(
        "CANTON_DB_ROW_INVALID",
        Category::DataCorrupted,
        "The table is not as Canton makes it. Look into the row with psql.",
    );
    const READ: ErrorCode = ErrorCode::new(
        "CANTON_DB_READ_FAILED",
        Category::Unavailable,
        "Look into the log of the database, and try again: nothing was changed.",
    );

    /// Connecting failed.
    pub(crate) fn connecting(error: sqlx::Error) -> Self {
        match class_of(&error) {
            // Invalid authorization; a database that is not there.
            Some(code) if code.starts_with("28") || code == "3D000" => Self::Refused(error.into()),
            _ => Self::Unreachable(error),
        }
    }

    /// Reading `table` failed.
    pub(crate) fn reading(table: &'static str, error: sqlx::Error) -> Self {
        match class_of(&error).as_deref() {
            Some("42501") => Self::Refused(error.into()),
            Some("42P01" | "42703") => Self::NotOfCanton(error.into()),
            _ => Self::Read {
                table,
                source: error,
            },
        }
    }
}

/// The code of an error that the server reported (PostgreSQL, appendix A).
fn class_of(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

impl Coded for CantonDbError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Address { .. } => Self::ADDRESS,
            Self::Unreachable(_) => Self::UNREACHABLE,
            Self::Refused(_) => Self::REFUSED,
            Self::NotOfCanton(_) => Self::NOT_OF_CANTON,
            Self::Row { .. } => Self::ROW,
            Self::Read { .. } => Self::READ,
        }
    }
}
