//! The mark of a vault that was moved to another database.

use sqlx::postgres::PgRow;
use strongroom_store::StoreError;

use crate::{
    error::failed,
    row::{Column, Columns},
    wire::Wire,
};

/// Refuses a database that has the mark, which the row shows in this column.
pub(crate) fn refuse(row: &PgRow, column: Column) -> Result<(), StoreError> {
    match Columns::new(row, "moved").optional_text(column)? {
        Some(target) => Err(StoreError::Moved {
            target: target.to_owned(),
        }),
        None => Ok(()),
    }
}

/// Where the vault is now; none if it is here.
pub(crate) async fn target(wire: &mut Wire) -> Result<Option<String>, StoreError> {
    let row = wire
        .optional_row(sqlx::query("SELECT target FROM moved"))
        .await
        .map_err(failed("read where the vault is"))?;
    let Some(row) = row else {
        return Ok(None);
    };
    let columns = Columns::new(&row, "moved");
    Ok(Some(columns.text(Column(0, "target"))?.to_owned()))
}

/// Sets the mark.
pub(crate) async fn mark(wire: &mut Wire, target: &str) -> Result<(), StoreError> {
    let query =
        sqlx::query("INSERT INTO moved (only_row, target) VALUES (1, $1)").bind(target.to_owned());
    wire.execute(query)
        .await
        .map(|_one| ())
        .map_err(failed("write where the vault is"))
}
