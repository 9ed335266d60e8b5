//! The rows of the audit log.

use rusqlite::{Connection, params};
use strongroom_store::{AuditRow, Row, StoreError};

use crate::{
    error::failed,
    row::{self, Column, Columns},
};

const SEQUENCE: Column = Column(0, "sequence");
const BODY: Column = Column(1, "body");
const HASH: Column = Column(2, "hash");

pub(crate) fn select_after(
    connection: &Connection,
    sequence: u64,
    limit: usize,
) -> Result<Vec<AuditRow>, StoreError> {
    let reading = failed("read the audit log");
    // Numbers beyond the engine's range are not stored, so nothing comes after them.
    let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection
        .prepare_cached(
            "SELECT sequence, body, hash FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
        )
        .map_err(&reading)?;
    let mut rows = statement.query((sequence, limit)).map_err(&reading)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(&reading)? {
        records.push(decode(row)?);
    }
    Ok(records)
}

pub(crate) fn select_head(connection: &Connection) -> Result<Option<AuditRow>, StoreError> {
    let reading = failed("read the audit log");
    let mut statement = connection
        .prepare_cached("SELECT sequence, body, hash FROM audit ORDER BY sequence DESC LIMIT 1")
        .map_err(&reading)?;
    let mut rows = statement.query(()).map_err(&reading)?;
    rows.next().map_err(&reading)?.map(decode).transpose()
}

fn decode(row: &rusqlite::Row<'_>) -> Result<AuditRow, StoreError> {
    let columns = Columns::new(row, "audit");
    let sequence = columns.integer(SEQUENCE)?;
    let sequence = u64::try_from(sequence).map_err(|_negative| columns.impossible(SEQUENCE))?;
    let columns = columns.named(Row::Audit(sequence));
    Ok(AuditRow {
        sequence,
        body: columns.bytes(BODY)?.to_vec(),
        hash: columns.array(HASH)?,
    })
}

pub(crate) fn append(connection: &Connection, row: &AuditRow) -> Result<(), StoreError> {
    let expected = last_sequence(connection)?.saturating_add(1);
    if row.sequence != expected {
        return Err(StoreError::AuditOutOfOrder {
            expected,
            found: row.sequence,
        });
    }
    // A table of 2^63 rows comes before this.
    let sequence = i64::try_from(row.sequence).unwrap_or(i64::MAX);
    connection
        .prepare_cached("INSERT INTO audit (sequence, body, hash) VALUES (?1, ?2, ?3)")
        .and_then(|mut statement| statement.execute(params![sequence, row.body, row.hash]))
        .map(|_one| ())
        .map_err(failed("write to the audit log"))
}

fn last_sequence(connection: &Connection) -> Result<u64, StoreError> {
    row::count(connection, "SELECT coalesce(max(sequence), 0) FROM audit")
}
