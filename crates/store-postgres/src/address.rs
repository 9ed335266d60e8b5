//! Where the database is, and how it is spoken to.

use std::fmt;

use sqlx::postgres::PgConnectOptions;
use strongroom_postgres_address::Location;

use crate::error::PostgresError;

/// Where a database is: a URL as PostgreSQL's own programs take it, without a password.
///
/// What the URL leaves out comes from the environment, as everywhere with PostgreSQL (`PGUSER`, `PGSSLROOTCERT` and others).
#[derive(Clone)]
pub struct Address {
    options: PgConnectOptions,
}

impl Address {
    /// Reads `postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE`; the folder of a Unix socket stands in
    /// `host=`.
    ///
    /// How much TLS it asks for, [`Location::options`] says.
    ///
    /// # Errors
    /// [`PostgresError::Address`], also when the URL has a password: it would stand in a configuration. The error does not show
    /// the URL.
    pub fn parse(text: &str) -> Result<Self, PostgresError> {
        let location = Location::parse(text).map_err(PostgresError::Address)?;
        if !location.is_postgres() {
            return Err(PostgresError::Address("it does not start with postgres://"));
        }
        if location.has_password() {
            return Err(PostgresError::Address(
                "it has a password, which is given apart from it",
            ));
        }
        // `options` could undo what the store sets up.
        let options = location.options(&[]).map_err(PostgresError::Address)?;
        if options.get_database().is_none() {
            return Err(PostgresError::Address("it names no database"));
        }
        Ok(Self { options })
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }
}

/// The address for people: user, host, port, database.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        let database = options.get_database().unwrap_or_default();
        write!(f, "postgres://{}@", options.get_username())?;
        match options.get_socket() {
            Some(folder) => write!(f, "/{database}?host={}", folder.display()),
            None => write!(
                f,
                "{}:{}/{database}",
                options.get_host(),
                options.get_port()
            ),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgSslMode;

    use super::*;

    #[test]
    fn a_server_elsewhere_must_show_who_it_is() {
        let mode = |url: &str| Address::parse(url).unwrap().options.get_ssl_mode();
        let elsewhere = mode("postgres://u@db.example.com/c?sslmode=prefer");
        assert!(matches!(elsewhere, PgSslMode::VerifyFull));
        assert!(matches!(
            mode("postgres://u@localhost/c"),
            PgSslMode::Prefer
        ));
    }

    #[test]
    fn an_address_has_no_password_and_is_shown_whole() {
        let shown = |url: &str| Address::parse(url).unwrap().to_string();
        assert_eq!(
            shown("postgres://u@db.example.com/c"),
            "postgres://u@db.example.com:5432/c"
        );
        assert_eq!(
            shown("postgres://u@localhost/c?host=/run/pg"),
            "postgres://u@/c?host=/run/pg"
        );
        for wrong in [
            "postgres://u:hunter2@db.example.com/c",
            "postgres://u@db.example.com/c?password=hunter2",
            "jdbc:postgresql://db/c?password=hunter2",
            "mysql://u:hunter2@db/c",
            "postgres://u@db/c?sslmode=hunter2",
            "postgres://u@db/c?passwort=hunter2",
            "postgres://u@db/c?options=-csearch_path%3Dhunter2",
            "postgres://u@db:hunter2/c",
            "hunter2",
        ] {
            let error = Address::parse(wrong).unwrap_err();
            assert!(matches!(error, PostgresError::Address(_)));
            assert!(!format!("{error:?} {error}").contains("hunter2"), "{wrong}");
        }
    }
}
