//! The versions of the schema.

use rusqlite::Connection;
use strongroom_store::StoreError;

use crate::error::failed;

/// In the header of every database of ours: "SrVt".
pub(crate) const APPLICATION_ID: u32 = 0x5372_5674;

/// One per version, in order. A migration that was released is never edited: a change is a new one.
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

/// The version of a database; 0 if it has no schema.
pub(crate) fn version(connection: &Connection) -> Result<u32, StoreError> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed("read the schema version"))
}

pub(crate) fn application_id(connection: &Connection) -> Result<u32, StoreError> {
    connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(failed("read the application id"))
}

/// Makes all tables in an empty database, and marks it as ours, in one transaction: after a crash the database is
/// either still empty or complete.
pub(crate) fn create(connection: &Connection) -> Result<(), StoreError> {
    upgrade(connection, |connection| {
        connection.pragma_update(None, "application_id", APPLICATION_ID)
    })
}

/// Brings a database to the newest version. Nothing happens to one that has it.
pub(crate) fn migrate(connection: &Connection) -> Result<(), StoreError> {
    upgrade(connection, |_| Ok(()))
}

fn upgrade(
    connection: &Connection,
    first: impl FnOnce(&Connection) -> Result<(), rusqlite::Error>,
) -> Result<(), StoreError> {
    let found = version(connection)?;
    let missing = MIGRATIONS
        .iter()
        .skip(usize::try_from(found).unwrap_or(usize::MAX));
    if found >= newest() {
        return Ok(());
    }
    let change = || {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        first(connection)?;
        missing
            .into_iter()
            .try_for_each(|migration| connection.execute_batch(migration))?;
        connection.pragma_update(None, "user_version", newest())?;
        connection.execute_batch("COMMIT")
    };
    change().map_err(|error| {
        roll_back(connection);
        failed("make the tables")(error)
    })
}

/// Ends an open transaction, if there is one, without storing anything.
pub(crate) fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        // A rollback fails only if the engine has rolled back on its own.
        let _rolled_back_already = connection.execute_batch("ROLLBACK");
    }
}
