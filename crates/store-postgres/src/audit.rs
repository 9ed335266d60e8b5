//! The rows of the audit log.

use sqlx::postgres::PgRow;
use strongroom_store::{AuditRow, Row, StoreError};

use crate::{
    error::failed,
    row::{Column, Columns},
    wire::Wire,
};

const SEQUENCE: Column = Column(0, "sequence");
const BODY: Column = Column(1, "body");
const HASH: Column = Column(2, "hash");

pub(crate) async fn select_after(
    wire: &mut Wire,
    sequence: u64,
    limit: usize,
) -> Result<Vec<AuditRow>, StoreError> {
    const SELECT: &str =
        "SELECT sequence, body, hash FROM audit WHERE sequence > $1 ORDER BY sequence LIMIT $2";
    // Numbers beyond the engine's range are not stored, so nothing comes after them.
    let query = sqlx::query(SELECT)
        .bind(i64::try_from(sequence).unwrap_or(i64::MAX))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = wire
        .rows(query)
        .await
        .map_err(failed("read the audit log"))?;
    rows.iter().map(decode).collect()
}

pub(crate) async fn select_head(wire: &mut Wire) -> Result<Option<AuditRow>, StoreError> {
    const SELECT: &str = "SELECT sequence, body, hash FROM audit ORDER BY sequence DESC LIMIT 1";
    let row = wire
        .optional_row(sqlx::query(SELECT))
        .await
        .map_err(failed("read the audit log"))?;
    row.as_ref().map(decode).transpose()
}

fn decode(row: &PgRow) -> Result<AuditRow, StoreError> {
    let columns = Columns::new(row, "audit");
    let sequence = columns.count(SEQUENCE)?;
    let columns = columns.named(Row::Audit(sequence));
    Ok(AuditRow {
        sequence,
        body: columns.bytes(BODY)?.to_vec(),
        hash: columns.array(HASH)?,
    })
}

pub(crate) async fn append(wire: &mut Wire, row: AuditRow) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO audit (sequence, body, hash) SELECT $1, $2, $3 \
         WHERE (SELECT coalesce(max(sequence), 0) + 1 FROM audit) = $1";
    // A table of 2^63 rows comes before this.
    let query = sqlx::query(INSERT)
        .bind(i64::try_from(row.sequence).unwrap_or(i64::MAX))
        .bind(row.body)
        .bind(row.hash.to_vec());
    let inserted = wire
        .execute(query)
        .await
        .map_err(failed("write to the audit log"))?;
    if inserted == 1 {
        return Ok(());
    }
    let last = select_head(wire).await?.map_or(0, |row| row.sequence);
    Err(StoreError::AuditOutOfOrder {
        expected: last.saturating_add(1),
        found: row.sequence,
    })
}
