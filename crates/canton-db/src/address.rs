//! Where the database is, and how it is spoken to.

use std::fmt;

use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use strongroom_memory::SecretBytes;
use strongroom_postgres_address::Location;

use crate::error::CantonDbError;

/// Where a database is: a URL as PostgreSQL's own programs take it, with what the environment says besides (`PGPASSWORD`,
/// `PGPASSFILE`, `~/.pgpass` and others).
pub struct Address {
    options: PgConnectOptions,
    carries_password: bool,
}

impl Address {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE`; the folder of a Unix socket
    /// stands in `host=`.
    ///
    /// Keys travel on this connection: how much TLS it asks for, [`Location::options`] says.
    ///
    /// # Errors
    /// [`CantonDbError::Address`]. The error does not show the URL.
    pub fn parse(url: &SecretBytes) -> Result<Self, CantonDbError> {
        let wrong = |why| CantonDbError::Address { why };
        // EXPOSE: the libraries keep it as text; it leads to a database, and is in no log.
        let text = str::from_utf8(url.expose()).map_err(|_not_text| wrong("it is not text"))?;
        let location = Location::parse(text).map_err(wrong)?;
        if location.scheme() == "jdbc" {
            return Err(wrong(
                "it is an address of JDBC: leave out 'jdbc:', and put user and password before the host",
            ));
        }
        if !location.is_postgres() {
            return Err(wrong(
                "it does not start with postgres:// (databases of H2 are not read)",
            ));
        }
        let options = location.options(&["password", "options"]).map_err(wrong)?;
        Ok(Self {
            options: options.application_name("strongroom"),
            carries_password: location.has_password(),
        })
    }

    /// Whether the URL itself has a password.
    #[must_use]
    pub const fn carries_password(&self) -> bool {
        self.carries_password
    }

    pub(crate) async fn connect(&self) -> Result<PgConnection, CantonDbError> {
        let options = self.options.clone().disable_statement_logging();
        options.connect().await.map_err(CantonDbError::connecting)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Address")
            .field("host", &self.options.get_host())
            .field("database", &self.options.get_database())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgSslMode;

    use super::*;

    fn address(url: &str) -> Result<Address, CantonDbError> {
        Address::parse(&SecretBytes::from_slice(url.as_bytes()))
    }

    #[test]
    fn a_server_elsewhere_must_show_who_it_is_and_options_are_taken() {
        let mode = |url: &str| address(url).unwrap().options.get_ssl_mode();
        let elsewhere = mode("postgres://u@db.example.com/c?options[search_path]=canton");
        assert!(matches!(elsewhere, PgSslMode::VerifyFull));
        assert!(matches!(
            mode("postgres://u@localhost/c"),
            PgSslMode::Prefer
        ));
    }

    #[test]
    fn a_password_is_noticed_and_never_shown() {
        for url in [
            "postgres://u:hunter2@db.example.com/c",
            "postgres://u@db.example.com/c?password=hunter2",
        ] {
            let address = address(url).unwrap();
            assert!(address.carries_password());
            assert!(!format!("{address:?}").contains("hunter2"));
        }
        assert!(
            !address("postgres://u@db.example.com/c")
                .unwrap()
                .carries_password()
        );
        for wrong in [
            "u:hunter2@db",
            "jdbc:postgresql://db/c?password=hunter2",
            "mysql://u:hunter2@db/c",
            "postgres://u:hunter2@db/c?sslmode=maybe",
            "postgres://u@db/c?passwort=hunter2",
            "postgres://u:hunter2@db:port/c",
        ] {
            let error = address(wrong).unwrap_err();
            assert!(matches!(error, CantonDbError::Address { .. }));
            assert!(!format!("{error:?} {error}").contains("hunter2"), "{wrong}");
            assert!(std::error::Error::source(&error).is_none());
        }
    }
}
