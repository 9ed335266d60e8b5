//! Where the database is, and how it is spoken to.

use std::{fmt, net::IpAddr};

use sqlx::{
    ConnectOptions as _, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use strongroom_memory::SecretBytes;
use url::Url;

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
    /// Keys travel on this connection. So a server on another machine must show that it is the one, with a certificate for
    /// its name, unless the URL or `PGSSLMODE` says `disable`, `require` or `verify-ca`. `prefer` and `allow` mean nothing to
    /// somebody in between, and are not followed there.
    ///
    /// # Errors
    /// [`CantonDbError::Address`]. The error does not show the URL.
    pub fn parse(url: &SecretBytes) -> Result<Self, CantonDbError> {
        // EXPOSE: the libraries keep it as text; it leads to a database, and is in no log.
        let text = str::from_utf8(url.expose()).map_err(|_not_text| CantonDbError::Address {
            why: "it is not text",
        })?;
        let url = Url::parse(text.trim()).map_err(|_shows_it| CantonDbError::Address {
            why: "it is not a URL",
        })?;
        match url.scheme() {
            "postgres" | "postgresql" => {}
            "jdbc" => {
                let why = "it is an address of JDBC: leave out 'jdbc:', and put user and password before the host";
                return Err(CantonDbError::Address { why });
            }
            _ => {
                let why = "it does not start with postgres:// (databases of H2 are not read)";
                return Err(CantonDbError::Address { why });
            }
        }
        // The library would log what it does not know, with its value.
        if !url.query_pairs().all(|(name, _)| is_known(&name)) {
            let why = "it has a parameter that nobody knows";
            return Err(CantonDbError::Address { why });
        }
        let in_query = url.query_pairs().any(|(name, _)| name == "password");
        let carries_password = url.password().is_some() || in_query;
        let options =
            PgConnectOptions::from_url(&url).map_err(|_may_show_it| CantonDbError::Address {
                why: "a parameter in it has a value that it cannot have",
            })?;
        let mode = mode_of(&options);
        Ok(Self {
            options: options.ssl_mode(mode).application_name("strongroom"),
            carries_password,
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

/// Whether the library reads this parameter.
fn is_known(parameter: &str) -> bool {
    let of_tls = ["sslmode", "sslrootcert", "sslcert", "sslkey"];
    let others = [
        "host", "hostaddr", "port", "dbname", "user", "password", "options",
    ];
    of_tls.contains(&parameter) || others.contains(&parameter) || parameter.starts_with("options[")
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
    use super::*;

    fn address(url: &str) -> Result<Address, CantonDbError> {
        Address::parse(&SecretBytes::from_slice(url.as_bytes()))
    }

    #[track_caller]
    fn mode(url: &str) -> String {
        format!("{:?}", address(url).unwrap().options.get_ssl_mode())
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
        assert_eq!(mode("postgres://u@[2001:db8::1]/c"), "VerifyFull");
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
