//! The rows of data keys.

use sqlx::postgres::PgRow;
use strongroom_crypto::Timestamp;
use strongroom_store::{DataKeyId, DataKeyRecord, Row, RowCode as _, StoreError};

use crate::{
    error::{failed, is_broken_reference, is_duplicate},
    row::{Column, Columns},
    wire::Wire,
};

const ID: Column = Column(0, "data_key_id");
const COMMITMENT: Column = Column(1, "commitment");
const STATE: Column = Column(2, "state");
const CREATED_AT: Column = Column(3, "created_at");
const MAC: Column = Column(4, "mac");

pub(crate) async fn select_all(wire: &mut Wire) -> Result<Vec<DataKeyRecord>, StoreError> {
    const SELECT: &str = "SELECT data_key_id, commitment, state, created_at, mac FROM data_keys ORDER BY created_at, data_key_id";
    let rows = wire
        .rows(sqlx::query(SELECT))
        .await
        .map_err(failed("read data keys"))?;
    rows.iter().map(decode).collect()
}

fn decode(row: &PgRow) -> Result<DataKeyRecord, StoreError> {
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

pub(crate) async fn insert(wire: &mut Wire, data_key: DataKeyRecord) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO data_keys (data_key_id, commitment, state, created_at, mac) VALUES ($1, $2, $3, $4, $5)";
    let query = sqlx::query(INSERT)
        .bind(data_key.id.as_bytes().to_vec())
        .bind(data_key.commitment.to_vec())
        .bind(i16::from(data_key.state.code()))
        .bind(data_key.created_at.as_micros())
        .bind(data_key.mac.to_vec());
    wire.execute(query).await.map(|_one| ()).map_err(|error| {
        if is_duplicate(&error) {
            StoreError::DataKeyExists { id: data_key.id }
        } else {
            failed("write a data key")(error)
        }
    })
}

pub(crate) async fn update(wire: &mut Wire, data_key: DataKeyRecord) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE data_keys SET state = $1, mac = $2 WHERE data_key_id = $3")
        .bind(i16::from(data_key.state.code()))
        .bind(data_key.mac.to_vec())
        .bind(data_key.id.as_bytes().to_vec());
    let changed = wire
        .execute(query)
        .await
        .map_err(failed("write a data key"))?;
    found(changed, data_key.id)
}

pub(crate) async fn delete(wire: &mut Wire, id: DataKeyId) -> Result<(), StoreError> {
    let query =
        sqlx::query("DELETE FROM data_keys WHERE data_key_id = $1").bind(id.as_bytes().to_vec());
    let deleted = wire.execute(query).await.map_err(|error| {
        if is_broken_reference(&error) {
            StoreError::DataKeyInUse { id }
        } else {
            failed("delete a data key")(error)
        }
    })?;
    found(deleted, id)
}

fn found(rows: u64, id: DataKeyId) -> Result<(), StoreError> {
    if rows == 1 {
        Ok(())
    } else {
        Err(StoreError::DataKeyMissing { id })
    }
}
