//! The vault's row.

use sqlx::postgres::PgRow;
use strongroom_crypto::Timestamp;
use strongroom_store::{DataKeyId, Row, StoreError, VaultId, VaultRecord};

use crate::{
    error::{failed, is_duplicate, missing_data_key},
    row::{Column, Columns},
    wire::Wire,
};

const ID: Column = Column(0, "vault_id");
const CREATED_AT: Column = Column(1, "created_at");
const CURRENT_DATA_KEY: Column = Column(2, "current_data_key");
const STATE: Column = Column(3, "state");

pub(crate) async fn select(wire: &mut Wire) -> Result<Option<VaultRecord>, StoreError> {
    const SELECT: &str = "SELECT vault_id, created_at, current_data_key, state FROM vault";
    let row = wire
        .optional_row(sqlx::query(SELECT))
        .await
        .map_err(failed("read the vault"))?;
    row.as_ref().map(decode).transpose()
}

fn decode(row: &PgRow) -> Result<VaultRecord, StoreError> {
    let columns = Columns::new(row, "vault").named(Row::Only);
    Ok(VaultRecord {
        id: VaultId::from_bytes(columns.array(ID)?),
        created_at: Timestamp::from_micros(columns.integer(CREATED_AT)?),
        current_data_key: DataKeyId::from_bytes(columns.array(CURRENT_DATA_KEY)?),
        state: columns.bytes(STATE)?.to_vec(),
    })
}

pub(crate) async fn insert(wire: &mut Wire, vault: VaultRecord) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO vault (only_row, vault_id, created_at, current_data_key, state) VALUES (1, $1, $2, $3, $4)";
    let query = sqlx::query(INSERT)
        .bind(vault.id.as_bytes().to_vec())
        .bind(vault.created_at.as_micros())
        .bind(vault.current_data_key.as_bytes().to_vec())
        .bind(vault.state);
    wire.execute(query).await.map(|_one| ()).map_err(|error| {
        if is_duplicate(&error) {
            StoreError::VaultExists
        } else {
            refused(vault.current_data_key, error)
        }
    })
}

/// Compares and replaces the state: two writers that started from the same state cannot both succeed.
pub(crate) async fn update(
    wire: &mut Wire,
    expected_state: &[u8],
    vault: VaultRecord,
) -> Result<(), StoreError> {
    const UPDATE: &str =
        "UPDATE vault SET current_data_key = $1, state = $2 WHERE vault_id = $3 AND state = $4";
    let id = vault.id.as_bytes().to_vec();
    let query = sqlx::query(UPDATE)
        .bind(vault.current_data_key.as_bytes().to_vec())
        .bind(vault.state)
        .bind(&id)
        .bind(expected_state);
    let changed = wire
        .execute(query)
        .await
        .map_err(|error| refused(vault.current_data_key, error))?;
    if changed == 1 {
        return Ok(());
    }
    let query = sqlx::query("SELECT 1 FROM vault WHERE vault_id = $1").bind(&id);
    let is_there = wire
        .optional_row(query)
        .await
        .map_err(failed("read the vault"))?;
    Err(is_there.map_or(StoreError::VaultMissing, |_row| StoreError::WriteConflict))
}

fn refused(data_key_id: DataKeyId, error: sqlx::Error) -> StoreError {
    missing_data_key(&error, Some(data_key_id)).unwrap_or_else(|| failed("write the vault")(error))
}
