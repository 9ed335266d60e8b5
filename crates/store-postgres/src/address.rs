//! Where the database is, and how it is spoken to.

use std::{fmt, net::IpAddr, str::FromStr};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

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
    /// A server on another machine must show that it is the one, with a certificate for its name, unless the URL or `PGSSLMODE`
    /// says `disable`, `require` or `verify-ca`. `prefer` and `allow` mean nothing to somebody in between, and are not followed
    /// there.
    ///
    /// # Errors
    /// [`PostgresError::Address`], also when the URL has a password: it would stand in a configuration. The error does not show
    /// the URL.
    pub fn parse(text: &str) -> Result<Self, PostgresError> {
        let url = Url::parse(text.trim())
            .map_err(|_shows_it| PostgresError::Address("it is not a URL"))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(PostgresError::Address("it does not start with postgres://"));
        }
        let in_query = url.query_pairs().any(|(name, _)| name == "password");
        if url.password().is_some() || in_query {
            return Err(PostgresError::Address(
                "it has a password, which is given apart from it",
            ));
        }
        // The library would log what it does not know, with its value.
        if !url.query_pairs().all(|(name, _)| is_known(&name)) {
            return Err(PostgresError::Address(
                "it has a parameter that nobody knows",
            ));
        }
        let options = PgConnectOptions::from_str(url.as_str()).map_err(|_may_show_it| {
            PostgresError::Address("a parameter in it has a value that it cannot have")
        })?;
        if options.get_database().is_none() {
            return Err(PostgresError::Address("it names no database"));
        }
        let mode = mode_of(&options);
        Ok(Self {
            options: options.ssl_mode(mode),
        })
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }
}

/// Whether the library reads this parameter. `options` could undo what the store sets up.
fn is_known(parameter: &str) -> bool {
    let of_tls = ["sslmode", "sslrootcert", "sslcert", "sslkey"];
    let others = ["host", "hostaddr", "port", "dbname", "user"];
    of_tls.contains(&parameter) || others.contains(&parameter)
}

/// How much of TLS is asked for.
fn mode_of(options: &PgConnectOptions) -> PgSslMode {
    match options.get_ssl_mode() {
        PgSslMode::Prefer | PgSslMode::Allow if !is_here(options) => PgSslMode::VerifyFull,
        mode => mode,
    }
}

/// Whether what is sent stays on this machine.
fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
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
    use super::*;

    #[track_caller]
    fn mode(url: &str) -> String {
        format!("{:?}", Address::parse(url).unwrap().options.get_ssl_mode())
    }

    #[test]
    fn a_server_elsewhere_must_show_who_it_is_unless_somebody_says_otherwise() {
        assert_eq!(mode("postgres://u@db.example.com/c"), "VerifyFull");
        for weak in ["prefer", "allow"] {
            let url = format!("postgres://u@db.example.com/c?sslmode={weak}");
            assert_eq!(mode(&url), "VerifyFull", "{weak}");
        }
        assert_eq!(mode("postgres://u@192.0.2.7/c?sslmode=disable"), "Disable");
        assert_eq!(
            mode("postgresql://u@[2001:db8::1]/c?sslmode=require"),
            "Require"
        );
    }

    #[test]
    fn a_server_here_is_believed() {
        for here in ["localhost", "127.0.0.1", "[::1]"] {
            assert_eq!(mode(&format!("postgres://u@{here}/c")), "Prefer", "{here}");
        }
        assert_eq!(mode("postgres:///c?host=/run/postgresql"), "Prefer");
        assert_eq!(
            mode("postgres://u@localhost/c?sslmode=verify-full"),
            "VerifyFull"
        );
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
