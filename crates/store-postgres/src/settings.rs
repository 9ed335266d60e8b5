//! What a store is told.

use std::{fmt, time::Duration};

use sqlx::postgres::PgConnectOptions;
use strongroom_crypto::SecretBytes;
use strongroom_store::{Place, ReplicaId};

use crate::{address::Address, error::PostgresError};

/// What a store is told of the database and of this process.
///
/// [`Settings::new`] has a default for everything that is not named there; the fields can be set after it.
#[derive(Debug)]
pub struct Settings {
    /// Where the database is.
    pub address: Address,
    /// The password of the user; without it `PGPASSWORD` and `~/.pgpass` are asked, or the server asks for none.
    pub password: Option<SecretBytes>,
    /// The schema that holds the vault and nothing else. Default: `strongroom`.
    pub schema: SchemaName,
    /// How many connections this process may have open, 4 to 1000. One writes, one beats, one listens; the others read.
    /// Default: 11.
    pub max_connections: u32,
    /// How long a connection may take to come about. Default: 5 s.
    pub connect_timeout: Duration,
    /// How long one statement may take. Default: 30 s. Where the server does not end it, as when the network swallows all, it
    /// is given up a second later.
    pub statement_timeout: Duration,
    /// How long another process may be waited for that writes, before [`StoreError::Busy`](strongroom_store::StoreError::Busy).
    /// Default: 10 s.
    pub lock_timeout: Duration,
    /// How long the process that writes may say nothing in the middle of a change, before the server ends the change: a process
    /// that was stopped holds no locks for longer. Default: 60 s.
    pub idle_timeout: Duration,
    /// After so long without a word the server asks whether this process is there at all, and closes the connection after two and
    /// a half times as long without an answer. In whole seconds. Default: 10 s.
    pub keepalive: Duration,
    /// This process: 16 random bytes, drawn anew at each start.
    pub replica_id: ReplicaId,
    /// What this process is called, for people.
    pub replica_name: String,
    /// After which time of silence a process that may write is taken for dead. Beat several times as often. Default: 5 s.
    pub silent_after: Duration,
}

impl Settings {
    /// Everything else as it is by default.
    #[must_use]
    pub fn new(address: Address, replica_id: ReplicaId, replica_name: String) -> Self {
        Self {
            address,
            password: None,
            schema: SchemaName::default(),
            max_connections: 11,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            keepalive: Duration::from_secs(10),
            replica_id,
            replica_name,
            silent_after: Duration::from_secs(5),
        }
    }

    /// Whether every number is one that it can be.
    pub(crate) fn check(&self) -> Result<(), PostgresError> {
        let wrong = |name, range| Err(PostgresError::Setting { name, range });
        let times = [
            ("connect_timeout", self.connect_timeout),
            ("statement_timeout", self.statement_timeout),
            ("lock_timeout", self.lock_timeout),
            ("idle_timeout", self.idle_timeout),
            ("keepalive", self.keepalive),
            ("silent_after", self.silent_after),
        ];
        for (name, time) in times {
            if time < Duration::from_millis(1) || time > Duration::from_secs(86_400) {
                return wrong(name, "1 ms to 1 day");
            }
        }
        if !(4..=1000).contains(&self.max_connections) {
            return wrong("max_connections", "4 to 1000");
        }
        if self.replica_name.is_empty() || self.replica_name.contains('\0') {
            return wrong("replica_name", "a name");
        }
        Ok(())
    }

    /// The name by which the server knows every connection of a process.
    pub(crate) fn application_name(id: ReplicaId) -> String {
        format!("strongroom {id}")
    }

    /// How long somebody who is not the one that writes, or not yet, may say nothing while others wait for him. A second at
    /// least: a machine that is busy is not dead.
    pub(crate) fn lets_go_after(&self) -> Duration {
        self.silent_after.max(Duration::from_secs(1))
    }

    /// Has the server find out that the machine at this end of a connection is gone. Means nothing to a Unix socket.
    pub(crate) fn keep_alive(&self) -> String {
        let idle = self.keepalive.as_secs().max(1);
        let interval = (idle / 2).max(1);
        let lost_after = (idle + 3 * interval) * 1000;
        format!(
            "SET tcp_keepalives_idle = {idle}; SET tcp_keepalives_interval = {interval}; SET tcp_keepalives_count = 3; \
             SET tcp_user_timeout = {lost_after}"
        )
    }

    pub(crate) fn options(&self) -> Result<PgConnectOptions, PostgresError> {
        let options = self
            .address
            .options()
            .application_name(&Self::application_name(self.replica_id));
        let Some(password) = &self.password else {
            return Ok(options);
        };
        // EXPOSE: the library keeps it as text, and sends it to nobody but a server that asks for it.
        let text =
            std::str::from_utf8(password.expose()).map_err(|_not_text| PostgresError::Setting {
                name: "password",
                range: "text",
            })?;
        Ok(options.password(text))
    }

    pub(crate) fn place(&self) -> Place {
        Place::Database(format!("schema {} of {}", self.schema, self.address))
    }
}

/// The name of a schema: lower-case letters, digits and underscores. So it stands in statements as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaName(String);

impl SchemaName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`PostgresError::Schema`] if it is none, longer than 63 characters, or one that belongs to the server.
    pub fn try_new(name: &str) -> Result<Self, PostgresError> {
        let is_fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        let is_theirs = name.starts_with("pg_") || name == "information_schema";
        if starts_well && !is_theirs && name.len() <= 63 && name.chars().all(is_fit) {
            Ok(Self(name.to_owned()))
        } else {
            Err(PostgresError::Schema)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for SchemaName {
    fn default() -> Self {
        Self("strongroom".to_owned())
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_has_a_name_that_needs_no_quotes() {
        for good in ["strongroom", "_1", &"a".repeat(63)] {
            assert_eq!(SchemaName::try_new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "1a",
            "a-b",
            "A",
            "a\"b",
            "a'b",
            "pg_catalog",
            "information_schema",
            "ä",
            &"a".repeat(64),
        ] {
            assert!(SchemaName::try_new(bad).is_err(), "{bad}");
        }
    }
}
