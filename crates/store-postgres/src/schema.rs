//! The versions of the schema.

use strongroom_store::StoreError;

use crate::{
    error::failed,
    row::{Column, Columns},
    settings::{SchemaName, Settings},
    wire::Wire,
};

/// One per version, in order. A migration that was released is never edited: a change is a new one. It only adds, so that a
/// process of the version before goes on while another upgrades.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_topology.sql"),
    include_str!("../migrations/0003_external_keys.sql"),
    include_str!("../migrations/0004_backups.sql"),
    include_str!("../migrations/0005_copies.sql"),
    include_str!("../migrations/0006_moved.sql"),
    include_str!("../migrations/0007_scheduled.sql"),
    include_str!("../migrations/0008_approvals.sql"),
];

/// The newest version, which this program reads and writes.
pub(crate) fn newest() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// What the server has under the schema's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Empty,
    Foreign,
    /// A schema of ours, and whether the vault's row is in it: creating a vault is not finished before that.
    Ours {
        version: u32,
        has_vault: bool,
    },
}

impl Found {
    /// Looks.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`]; those of the connection.
    pub(crate) async fn of(wire: &mut Wire, schema: &SchemaName) -> Result<Self, StoreError> {
        const LOOK: &str = "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1), \
             EXISTS (SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = $1), \
             EXISTS (SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
                     WHERE nspname = $1 AND relname = 'strongroom_schema')";
        const READ: &str =
            "SELECT version::bigint, EXISTS (SELECT 1 FROM vault) FROM strongroom_schema";
        let reading = failed("read the schema");
        let look = sqlx::query(LOOK).bind(schema.as_str());
        let row = wire.row(look).await.map_err(&reading)?;
        let columns = Columns::new(&row, "pg_namespace");
        let has = |place| columns.flag(Column(place, "nspname"));
        match (has(0)?, has(1)?, has(2)?) {
            (false, ..) => return Ok(Self::Nothing),
            (true, false, _) => return Ok(Self::Empty),
            (true, true, false) => return Ok(Self::Foreign),
            (true, true, true) => {}
        }
        let Some(row) = wire
            .optional_row(sqlx::query(READ))
            .await
            .map_err(&reading)?
        else {
            return Ok(Self::Foreign);
        };
        let columns = Columns::new(&row, "strongroom_schema");
        let version = columns.number(Column(0, "version"))?;
        if version > newest() {
            return Err(StoreError::NewerSchema {
                found: version,
                known: newest(),
            });
        }
        Ok(Self::Ours {
            version,
            has_vault: columns.flag(Column(1, "vault"))?,
        })
    }
}

/// Takes the lock that everybody takes who writes, for the transaction that is begun by it.
pub(crate) fn lock(schema: &SchemaName) -> String {
    format!("SELECT pg_advisory_xact_lock(hashtextextended('strongroom {schema}', 0))")
}

/// Makes the schema if it is not there, and brings it to the newest version, in one transaction and one at a time: after a
/// crash it is as it was or complete. What was found before the lock was taken is looked at again.
pub(crate) async fn upgrade(wire: &mut Wire, settings: &Settings) -> Result<(), StoreError> {
    let schema = &settings.schema;
    let making = failed("make the tables");
    // Whoever is stopped in the middle of it keeps others away no longer than one that is stopped in a takeover.
    let begin = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL idle_in_transaction_session_timeout = {}; {}",
        settings.lets_go_after().as_millis(),
        lock(schema)
    );
    wire.script(&begin).await.map_err(&making)?;
    let (first, version) = match Found::of(wire, schema).await? {
        Found::Nothing => (format!("CREATE SCHEMA \"{schema}\""), 0),
        Found::Ours { version, .. } => (String::new(), version),
        Found::Empty => (String::new(), 0),
        Found::Foreign => {
            let place = settings.place();
            return Err(StoreError::NotAVault { place });
        }
    };
    if !first.is_empty() {
        wire.script(&first).await.map_err(&making)?;
    }
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    for migration in MIGRATIONS.iter().skip(done) {
        wire.script(migration).await.map_err(&making)?;
    }
    let end = format!(
        "INSERT INTO strongroom_schema VALUES (1, {0}) ON CONFLICT (only_row) DO UPDATE SET version = {0}; COMMIT",
        newest()
    );
    wire.script(&end).await.map_err(&making).map(|_rows| ())
}
