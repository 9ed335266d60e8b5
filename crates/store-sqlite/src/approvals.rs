//! The rows of approvals that were asked for.

use rusqlite::{Connection, params};
use strongroom_store::{ApprovalId, ApprovalRecord, DataKeyId, Row, StoreError};

use crate::{
    data_keys,
    error::failed,
    row::{self, Column, Columns},
};

const ID: Column = Column(0, "approval_id");
const BODY: Column = Column(1, "body");
const DATA_KEY_ID: Column = Column(2, "data_key_id");
const MAC: Column = Column(3, "mac");

pub(crate) fn select_all(connection: &Connection) -> Result<Vec<ApprovalRecord>, StoreError> {
    let sql = "SELECT approval_id, body, data_key_id, mac FROM approvals ORDER BY approval_id";
    row::all(connection, "read the approvals", sql, decode)
}

fn decode(row: &rusqlite::Row<'_>) -> Result<ApprovalRecord, StoreError> {
    let columns = Columns::new(row, "approvals");
    let id = ApprovalId::from_bytes(columns.array(ID)?);
    let columns = columns.named(Row::Approval(id));
    Ok(ApprovalRecord {
        id,
        body: columns.bytes(BODY)?.to_vec(),
        data_key_id: DataKeyId::from_bytes(columns.array(DATA_KEY_ID)?),
        mac: columns.array(MAC)?,
    })
}

/// Writes an approval, over the one of the same id if there is one.
pub(crate) fn put(connection: &Connection, approval: &ApprovalRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO approvals (approval_id, body, data_key_id, mac) \
             VALUES (?1, ?2, ?3, ?4)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                approval.id.as_bytes(),
                approval.body,
                approval.data_key_id.as_bytes(),
                approval.mac,
            ])
        })
        .map(|_one| ())
        .map_err(|error| {
            data_keys::refused(connection, approval.data_key_id, "write an approval", error)
        })
}

/// Removes an approval.
pub(crate) fn delete(connection: &Connection, id: ApprovalId) -> Result<(), StoreError> {
    let deleted = connection
        .prepare_cached("DELETE FROM approvals WHERE approval_id = ?1")
        .and_then(|mut statement| statement.execute([id.as_bytes()]))
        .map_err(failed("delete an approval"))?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(StoreError::ApprovalMissing { id })
    }
}
