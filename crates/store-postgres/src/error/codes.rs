//! What a server refuses, and what to do about each.

use strongroom_errors::{Category, Coded, ErrorCode};

/// What the server, or the way to it, refuses. It comes as the source of
/// [`StoreError::Refused`](strongroom_store::StoreError::Refused), which has its code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The address is none of a PostgreSQL database.
    #[error("the address of the database cannot be used: {0}")]
    Address(&'static str),
    /// The name of the schema is none.
    #[error(
        "a schema is named by at most 63 lower-case letters, digits and underscores, and not pg_…"
    )]
    Schema,
    /// Another setting is out of its range.
    #[error("the setting {name} is out of range: {range}")]
    Setting {
        /// Which one.
        name: &'static str,
        /// What it may be.
        range: &'static str,
    },
    /// Nobody answers at the address.
    #[error("the database cannot be reached")]
    Unreachable(#[source] sqlx::Error),
    /// The server starts, or goes down.
    #[error("the database does not take connections at the moment")]
    NotReady(#[source] sqlx::Error),
    /// TLS is asked for and the server has none, or it does not show that it is the one.
    #[error("the database cannot be spoken to over TLS")]
    Tls(#[source] sqlx::Error),
    /// Wrong user or password.
    #[error("the database refuses the user or the password")]
    Credentials(#[source] sqlx::Error),
    /// There is no such database.
    #[error("there is no such database on this server")]
    DatabaseMissing(#[source] sqlx::Error),
    /// The user may not do this.
    #[error("the user of the database may not do this")]
    Permission(#[source] sqlx::Error),
    /// The server is a standby, or takes no writes for another reason.
    #[error("the database takes no writes")]
    ReadOnly(#[source] Option<sqlx::Error>),
    /// The server, the database or the user has as many connections as it may.
    #[error("the database takes no more connections")]
    TooManyConnections(#[source] sqlx::Error),
    /// The process that writes is stuck, and this one may not end its connections.
    #[error(
        "the process that writes is stuck, and its connections are those of another role: {role}"
    )]
    HolderOutOfReach {
        /// Its role.
        role: String,
    },
    /// The answer took too long.
    #[error("the database did not answer in time")]
    Timeout(#[source] sqlx::Error),
    /// The server chose this transaction to be the one that gives way to another.
    #[error("the database gave the change up in favour of another one")]
    GivenUp(#[source] sqlx::Error),
    /// The connection ended before the answer came.
    #[error("the connection to the database was lost")]
    ConnectionLost(#[source] sqlx::Error),
}

macro_rules! codes {
    ($($pattern:pat => $constant:ident = $category:ident, $advice:literal;)+) => {
        $(const $constant: ErrorCode =
            ErrorCode::new(concat!("POSTGRES_", stringify!($constant)), Category::$category, $advice);)+

        impl PostgresError {
            /// Every code of this crate.
            pub const CODES: &[ErrorCode] = &[$($constant),+];
        }

        impl Coded for PostgresError {
            fn code(&self) -> ErrorCode {
                match self { $($pattern => $constant),+ }
            }
        }
    };
}

codes! {
    Self::Address(_) => ADDRESS_INVALID = InvalidRequest, "Write postgres://USER@HOST:PORT/DATABASE, without a password; ?host=FOLDER names the folder of a Unix socket.";
    Self::Schema => SCHEMA_INVALID = InvalidRequest, "Choose a name like 'strongroom'.";
    Self::Setting { .. } => SETTING_INVALID = InvalidRequest, "Correct the setting of the store.";
    Self::Unreachable(_) => UNREACHABLE = Unavailable, "Check host and port, and that the server runs.";
    Self::NotReady(_) => NOT_READY = Unavailable, "Wait until the server has started, and try again.";
    Self::Tls(_) => TLS_REFUSED = PermissionDenied, "A server on another machine needs a certificate for its name; sslrootcert=FILE in the address names the authority.";
    Self::Credentials(_) => CREDENTIALS_REFUSED = PermissionDenied, "Check the user in the address, the password, and pg_hba.conf of the server.";
    Self::DatabaseMissing(_) => DATABASE_MISSING = NotFound, "Make the database (CREATE DATABASE) or correct the address.";
    Self::Permission(_) => PERMISSION_DENIED = PermissionDenied, "The user must own the schema of the vault; to make one it needs CREATE on the database.";
    Self::ReadOnly(_) => READ_ONLY = Unavailable, "Nothing was changed. Name the primary in the address, or wait until this server is promoted.";
    Self::TooManyConnections(_) => TOO_MANY_CONNECTIONS = ResourceExhausted, "Lower the number of connections of the store, or raise max_connections of the server or the limit of the user.";
    Self::HolderOutOfReach { .. } => HOLDER_OUT_OF_REACH = PermissionDenied, "Let all replicas connect as one role, or GRANT that role or pg_signal_backend to this one; the takeover goes on by itself then. At once: an administrator of the database ends the connections named 'strongroom …' of that role (pg_terminate_backend).";
    Self::Timeout(_) => TIMEOUT = Unavailable, "Look at the load of the server and at the network, then try again.";
    Self::GivenUp(_) => GIVEN_UP = Contention, "Nothing was changed: try again. If it comes again, somebody else locks the tables of the vault.";
    Self::ConnectionLost(_) => CONNECTION_LOST = Unavailable, "Nothing was changed: try again.";
}

impl PostgresError {
    /// What a code of the server (appendix A of its manual) means, where it is one that somebody can do something about.
    pub(crate) fn of_code(code: &str) -> Option<fn(sqlx::Error) -> Self> {
        Some(match code {
            "28000" | "28P01" => Self::Credentials,
            "3D000" => Self::DatabaseMissing,
            "42501" => Self::Permission,
            "25006" => |error| Self::ReadOnly(Some(error)),
            "53300" => Self::TooManyConnections,
            "57014" => Self::Timeout,
            "57P03" => Self::NotReady,
            "40001" | "40P01" => Self::GivenUp,
            "57P01" | "57P02" | "57P05" | "25P03" => Self::ConnectionLost,
            code if code.starts_with("08") => Self::ConnectionLost,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_name_and_advice() {
        let mut names: Vec<_> = PostgresError::CODES.iter().map(ErrorCode::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PostgresError::CODES.len());
        let mut advice = PostgresError::CODES.iter().map(ErrorCode::advice);
        assert!(advice.all(|advice| advice.ends_with('.')));
    }
}
