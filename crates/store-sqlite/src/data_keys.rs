//! The rows of data keys.

use rusqlite::{Connection, OptionalExtension, params};
use strongroom_crypto::Timestamp;
use strongroom_store::{DataKeyId, DataKeyRecord, Row, RowCode, StoreError};

use crate::{
    error::{failed, is_broken_reference, is_duplicate},
    row::{self, Column, Columns},
};

const ID: Column = Column(0, "data_key_id");
const COMMITMENT: Column = Column(1, "commitment");
const STATE: Column = Column(2, "state");
const CREATED_AT: Column = Column(3, "created_at");
const MAC: Column = Column(4, "mac");

pub(crate) fn select_all(connection: &Connection) -> Result<Vec<DataKeyRecord>, StoreError> {
    let sql = "SELECT data_key_id, commitment, state, created_at, mac FROM data_keys ORDER BY created_at, data_key_id";
    row::all(connection, "read data keys", sql, decode)
}

fn decode(row: &rusqlite::Row<'_>) -> Result<DataKeyRecord, StoreError> {
    let columns = Columns::new(row, "data_keys");
    let id = DataKeyId::from_bytes(columns.array(ID)?);
    let columns = columns.named(Row::DataKey(id));
    Ok(DataKeyRecord {
        id,
        commitment: columns.array(COMMITMENT)?,
        state: columns.code(STATE)?,
        created_at: Timestamp::from_micros(columns.integer(CREATED_AT)?),
        mac: columns.array(MAC)?,
    })
}

pub(crate) fn insert(connection: &Connection, data_key: &DataKeyRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO data_keys (data_key_id, commitment, state, created_at, mac) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                data_key.id.as_bytes(),
                data_key.commitment,
                data_key.state.code(),
                data_key.created_at.as_micros(),
                data_key.mac,
            ])
        })
        .map(|_one| ())
        .map_err(|error| {
            if is_duplicate(&error) {
                StoreError::DataKeyExists { id: data_key.id }
            } else {
                failed("write a data key")(error)
            }
        })
}

pub(crate) fn update(connection: &Connection, data_key: &DataKeyRecord) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached("UPDATE data_keys SET state = ?1, mac = ?2 WHERE data_key_id = ?3")
        .and_then(|mut statement| {
            statement.execute(params![
                data_key.state.code(),
                data_key.mac,
                data_key.id.as_bytes()
            ])
        })
        .map_err(failed("write a data key"))?;
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::DataKeyMissing { id: data_key.id })
    }
}

pub(crate) fn delete(connection: &Connection, id: DataKeyId) -> Result<(), StoreError> {
    let deleted = connection
        .prepare_cached("DELETE FROM data_keys WHERE data_key_id = ?1")
        .and_then(|mut statement| statement.execute([id.as_bytes()]))
        .map_err(|error| {
            if is_broken_reference(&error) {
                StoreError::DataKeyInUse { id }
            } else {
                failed("delete a data key")(error)
            }
        })?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(StoreError::DataKeyMissing { id })
    }
}

/// Why a row that refers to a data key, and to nothing else, could not be written.
pub(crate) fn refused(
    connection: &Connection,
    id: DataKeyId,
    operation: &'static str,
    error: rusqlite::Error,
) -> StoreError {
    match exists(connection, id) {
        Ok(false) if is_broken_reference(&error) => StoreError::DataKeyMissing { id },
        Err(reading) => reading,
        Ok(_) => failed(operation)(error),
    }
}

/// Says which data key a refused row misses: the engine only says that something is missing.
pub(crate) fn exists(connection: &Connection, id: DataKeyId) -> Result<bool, StoreError> {
    connection
        .prepare_cached("SELECT 1 FROM data_keys WHERE data_key_id = ?1")
        .and_then(|mut statement| statement.query_row([id.as_bytes()], |_| Ok(())).optional())
        .map(|found| found.is_some())
        .map_err(failed("read data keys"))
}
