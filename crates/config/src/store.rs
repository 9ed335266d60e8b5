//! `[store]`: the database of the vault, where it is not the file in the vault's folder.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{duration, error::ConfigError, secret::SecretSource};

/// A PostgreSQL database, which several processes may share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StoreConfig {
    /// `postgres://USER@HOST:PORT/DATABASE`, without a password; `?sslmode=` and `sslrootcert=` as PostgreSQL knows them. A
    /// server on another machine must show a certificate for its name unless the mode says otherwise.
    pub url: String,
    /// Where the password is. None: the server asks for none, or for a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretSource>,
    /// The schema of the vault in that database, made with the vault.
    #[serde(default = "default_schema")]
    pub schema: String,
    /// At most so many connections of one process.
    #[serde(default = "default_connections")]
    pub max_connections: u32,
    /// How long the server may take to accept a connection.
    #[serde(with = "duration", default = "default_connect_timeout")]
    pub connect_timeout: Duration,
    /// How long one statement may take.
    #[serde(with = "duration", default = "default_statement_timeout")]
    pub statement_timeout: Duration,
    /// How long a change waits for another process that has the lock to write.
    #[serde(with = "duration", default = "default_lock_timeout")]
    pub lock_timeout: Duration,
    /// How long a process may say nothing in the middle of a change, before the server ends the change.
    #[serde(with = "duration", default = "default_idle_timeout")]
    pub idle_timeout: Duration,
    /// After so long without a word the server asks whether a process is there, and gives it up after two and a half times as long.
    #[serde(with = "duration", default = "default_keepalive")]
    pub keepalive: Duration,
}

fn default_schema() -> String {
    "strongroom".to_owned()
}

const fn default_connections() -> u32 {
    11
}

const fn default_connect_timeout() -> Duration {
    Duration::from_secs(5)
}

const fn default_statement_timeout() -> Duration {
    Duration::from_secs(30)
}

const fn default_lock_timeout() -> Duration {
    Duration::from_secs(10)
}

const fn default_idle_timeout() -> Duration {
    Duration::from_secs(60)
}

const fn default_keepalive() -> Duration {
    Duration::from_secs(10)
}

impl StoreConfig {
    /// A database of which nothing else is said.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            password: None,
            schema: default_schema(),
            max_connections: default_connections(),
            connect_timeout: default_connect_timeout(),
            statement_timeout: default_statement_timeout(),
            lock_timeout: default_lock_timeout(),
            idle_timeout: default_idle_timeout(),
            keepalive: default_keepalive(),
        }
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let bad = |field, expected| {
            Err(ConfigError::BadValue {
                section: "store",
                field,
                expected,
            })
        };
        let scheme = ["postgres://", "postgresql://"];
        let Some(rest) = scheme.iter().find_map(|it| self.url.strip_prefix(it)) else {
            return bad("url", "postgres://USER@HOST:PORT/DATABASE");
        };
        let user = rest.split(['/', '?']).next().unwrap_or_default();
        if user
            .rsplit_once('@')
            .is_some_and(|(user, _)| user.contains(':'))
            || rest.contains("password=")
        {
            return bad(
                "url",
                "no password: name it in the field password, by file or environment",
            );
        }
        let mut letters = self.schema.chars();
        let is_first = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        let is_name = letters.next().is_some_and(is_first)
            && letters.all(|letter| is_first(letter) || letter.is_ascii_digit());
        if !is_name || self.schema.len() > 63 || self.schema.starts_with("pg_") {
            return bad(
                "schema",
                "1 to 63 of a-z, 0-9 and _, not beginning with pg_",
            );
        }
        if !(4..=1000).contains(&self.max_connections) {
            return bad("max-connections", "4 to 1000");
        }
        let allowed = Duration::from_millis(100)..=Duration::from_secs(3600);
        if !allowed.contains(&self.connect_timeout) {
            return bad("connect-timeout", "a duration from '100ms' to '1h'");
        }
        if !allowed.contains(&self.statement_timeout) {
            return bad("statement-timeout", "a duration from '100ms' to '1h'");
        }
        if !allowed.contains(&self.lock_timeout) {
            return bad("lock-timeout", "a duration from '100ms' to '1h'");
        }
        if !(Duration::from_secs(5)..=Duration::from_secs(3600)).contains(&self.idle_timeout) {
            return bad("idle-timeout", "a duration from '5s' to '1h'");
        }
        if !(Duration::from_secs(1)..=Duration::from_secs(3600)).contains(&self.keepalive) {
            return bad("keepalive", "a duration from '1s' to '1h'");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(url: &str) -> StoreConfig {
        toml::from_str(&format!("url = {url:?}")).unwrap()
    }

    #[test]
    fn an_address_is_enough() {
        let store = store("postgres://strongroom@db.example:5432/ledger");
        store.validate().unwrap();
        assert_eq!(store.schema, "strongroom");
    }

    #[test]
    fn a_password_in_the_address_is_refused() {
        for url in [
            "postgres://user:secret@db/ledger",
            "postgres://db/ledger?password=secret",
            "postgresql://user:p@ss@db/ledger",
        ] {
            let error = store(url).validate().unwrap_err().to_string();
            assert!(error.contains("password"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        store("postgres://db:5432/ledger").validate().unwrap();
    }

    #[test]
    fn times_out_of_range_are_refused() {
        for (line, field) in [
            ("lock-timeout = '50ms'", "lock-timeout"),
            ("idle-timeout = '1s'", "idle-timeout"),
            ("keepalive = '500ms'", "keepalive"),
        ] {
            let text = format!("url = 'postgres://db/ledger'\n{line}");
            let store: StoreConfig = toml::from_str(&text).unwrap();
            let error = store.validate().unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
    }

    #[test]
    fn other_databases_and_odd_schemas_are_refused() {
        assert!(store("mysql://db/ledger").validate().is_err());
        for schema in [
            "",
            "Upper",
            "1st",
            "a-b",
            "pg_mine",
            "a\"b",
            &"x".repeat(64),
        ] {
            let store = StoreConfig {
                schema: schema.to_owned(),
                ..store("postgres://db/ledger")
            };
            let error = store.validate().unwrap_err().to_string();
            assert!(error.contains("schema"), "{error}");
        }
    }
}
