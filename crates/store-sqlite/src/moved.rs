//! The mark of a vault that was moved to another database.

use rusqlite::{Connection, OptionalExtension as _};
use strongroom_store::StoreError;

use crate::error::failed;

/// Refuses a database that has the mark.
pub(crate) fn refuse(connection: &Connection) -> Result<(), StoreError> {
    match target(connection)? {
        Some(target) => Err(StoreError::Moved { target }),
        None => Ok(()),
    }
}

/// Where the vault is now; none if it is here.
pub(crate) fn target(connection: &Connection) -> Result<Option<String>, StoreError> {
    connection
        .prepare_cached("SELECT target FROM moved")
        .and_then(|mut statement| statement.query_row((), |row| row.get(0)).optional())
        .map_err(failed("read where the vault is"))
}

/// Sets the mark.
pub(crate) fn mark(connection: &Connection, target: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO moved (only_row, target) VALUES (1, ?1)")
        .and_then(|mut statement| statement.execute([target]))
        .map(|_one| ())
        .map_err(failed("write where the vault is"))
}
