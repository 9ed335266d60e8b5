//! Looks for what hardware does to a database.

use rusqlite::{Connection, OptionalExtension};
use strongroom_store::{Damage, StoreError};

use crate::error::failed;

/// What is checked before the first write: that the pages fit together, and that every row can be read.
///
/// Neither values nor references: reading checks each value, and the vault authenticates each row with the data key it
/// refers to. Checking them here too would double the time. A private key without a public one is never used, and
/// [`check_everything`] reports it.
pub(crate) fn check_structure(connection: &Connection) -> Result<(), StoreError> {
    connection
        .pragma_update(None, "ignore_check_constraints", true)
        .map_err(failed("check the database"))?;
    let checked = run(connection, "PRAGMA quick_check(1)");
    connection
        .pragma_update(None, "ignore_check_constraints", false)
        .map_err(failed("check the database"))?;
    checked
}

/// Everything that the engine can check.
pub(crate) fn check_everything(connection: &Connection) -> Result<(), StoreError> {
    run(connection, "PRAGMA integrity_check(1)")?;
    check_references(connection)
}

/// The engine answers with its findings, or with "ok".
fn run(connection: &Connection, pragma: &str) -> Result<(), StoreError> {
    let finding: String = connection
        .query_row(pragma, (), |row| row.get(0))
        .map_err(failed("check the database"))?;
    if finding == "ok" {
        Ok(())
    } else {
        Err(StoreError::corrupted(Damage::Structure { finding }))
    }
}

fn check_references(connection: &Connection) -> Result<(), StoreError> {
    let broken = connection
        .query_row("PRAGMA foreign_key_check", (), |row| {
            Ok(Damage::Reference {
                table: row.get("table")?,
                parent: row.get("parent")?,
            })
        })
        .optional()
        .map_err(failed("check the database"))?;
    broken.map_or(Ok(()), |damage| Err(StoreError::corrupted(damage)))
}
