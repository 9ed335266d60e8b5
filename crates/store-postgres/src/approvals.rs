//! The rows of approvals that were asked for.

use sqlx::postgres::PgRow;
use strongroom_store::{ApprovalId, ApprovalRecord, DataKeyId, Row, StoreError};

use crate::{
    error::{failed, missing_data_key},
    row::{Column, Columns},
    wire::Wire,
};

const ID: Column = Column(0, "approval_id");
const BODY: Column = Column(1, "body");
const DATA_KEY_ID: Column = Column(2, "data_key_id");
const MAC: Column = Column(3, "mac");

pub(crate) async fn select_all(wire: &mut Wire) -> Result<Vec<ApprovalRecord>, StoreError> {
    const SELECT: &str =
        "SELECT approval_id, body, data_key_id, mac FROM approvals ORDER BY approval_id";
    let rows = wire
        .rows(sqlx::query(SELECT))
        .await
        .map_err(failed("read the approvals"))?;
    rows.iter().map(decode).collect()
}

fn decode(row: &PgRow) -> Result<ApprovalRecord, StoreError> {
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
pub(crate) async fn put(wire: &mut Wire, approval: ApprovalRecord) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO approvals (approval_id, body, data_key_id, mac) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (approval_id) DO UPDATE SET \
         body = $2, data_key_id = $3, mac = $4";
    let id = approval.data_key_id;
    let query = sqlx::query(PUT)
        .bind(approval.id.as_bytes().to_vec())
        .bind(approval.body)
        .bind(id.as_bytes().to_vec())
        .bind(approval.mac.to_vec());
    wire.execute(query).await.map(|_one| ()).map_err(|error| {
        missing_data_key(&error, Some(id)).unwrap_or_else(|| failed("write an approval")(error))
    })
}

/// Removes an approval.
pub(crate) async fn delete(wire: &mut Wire, id: ApprovalId) -> Result<(), StoreError> {
    let query =
        sqlx::query("DELETE FROM approvals WHERE approval_id = $1").bind(id.as_bytes().to_vec());
    let deleted = wire
        .execute(query)
        .await
        .map_err(failed("delete an approval"))?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(StoreError::ApprovalMissing { id })
    }
}
