//! What the address of a PostgreSQL database may say, and how much TLS it asks for.
//!
//! One home for rules that guard whatever travels to such a server: the vault's own rows, and the keys that come out of another
//! database. Nothing connects here.
//!
//! ```
//! use strongroom_postgres_address::Location;
//!
//! let location = Location::parse("postgres://vault@db.example.com/vaults")?;
//! assert!(location.is_postgres() && !location.has_password());
//! let options = location.options(&[])?;
//! assert_eq!(options.get_host(), "db.example.com");
//! # Ok::<(), &str>(())
//! ```

use std::{fmt, net::IpAddr};

use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgSslMode},
};
use url::Url;

/// What every address may say beside the URL's own parts.
const KNOWN: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
];

/// A URL that may lead to a database. It is shown nowhere: it may have a password.
pub struct Location(Url);

impl Location {
    /// Reads a URL, of whatever scheme.
    ///
    /// # Errors
    /// What is wrong, without the text itself.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text.trim()).map_err(|_shows_it| "it is not a URL")?;
        Ok(Self(url))
    }

    /// What stands before the first colon.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.scheme()
    }

    /// Whether it is an address of PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self.scheme(), "postgres" | "postgresql")
    }

    /// Whether it has a password, wherever that stands.
    #[must_use]
    pub fn has_password(&self) -> bool {
        let in_query = self.0.query_pairs().any(|(name, _)| name == "password");
        self.0.password().is_some() || in_query
    }

    /// How to connect: `host=` may be the folder of a Unix socket, and `more` are parameters that may stand there besides.
    ///
    /// A server on another machine must show that it is the one, with a certificate for its name, unless the URL or `PGSSLMODE`
    /// says `disable`, `require` or `verify-ca`. `prefer` and `allow` mean nothing to somebody in between, and are not followed
    /// there. What the URL leaves out comes from the environment, as everywhere with PostgreSQL.
    ///
    /// # Errors
    /// What is wrong, without the URL.
    pub fn options(&self, more: &[&str]) -> Result<PgConnectOptions, &'static str> {
        let is_known = |name: &str| KNOWN.contains(&name) || more.contains(&whole(name));
        // The library would log what it does not know, with its value.
        if !self.0.query_pairs().all(|(name, _)| is_known(&name)) {
            return Err("it has a parameter that nobody knows");
        }
        let options = PgConnectOptions::from_url(&self.0)
            .map_err(|_may_show_it| "a parameter in it has a value that it cannot have")?;
        let mode = mode_of(&options);
        Ok(options.ssl_mode(mode))
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location")
    }
}

/// `options` of `options[search_path]`.
fn whole(parameter: &str) -> &str {
    parameter
        .split_once('[')
        .map_or(parameter, |(whole, _part)| whole)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn mode(url: &str) -> String {
        let options = Location::parse(url).unwrap().options(&[]).unwrap();
        format!("{:?}", options.get_ssl_mode())
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
    fn a_parameter_is_known_or_allowed_or_refused() {
        let refused =
            |url: &str, more: &[&str]| Location::parse(url).unwrap().options(more).is_err();
        for url in [
            "postgres://u@db/c?options=-csearch_path%3Dx",
            "postgres://u@db/c?options[search_path]=x",
        ] {
            assert!(refused(url, &[]), "{url}");
            assert!(!refused(url, &["options"]), "{url}");
        }
        assert!(refused("postgres://u@db/c?host[x]=y", &["options"]));
        assert!(refused("postgres://u@db/c?sslmode=perhaps", &[]));
    }

    #[test]
    fn a_password_is_noticed_and_never_shown() {
        for url in [
            "postgres://u:hunter2@db/c",
            "postgres://u@db/c?password=hunter2",
        ] {
            let location = Location::parse(url).unwrap();
            assert!(location.has_password());
            assert!(!format!("{location:?}").contains("hunter2"));
        }
        assert!(!Location::parse("postgres://u@db/c").unwrap().has_password());
        assert!(!Location::parse("u:hunter2@db").is_ok_and(|it| it.is_postgres()));
    }
}
