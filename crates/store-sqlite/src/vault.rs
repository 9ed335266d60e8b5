//! The vault's row.

use rusqlite::{Connection, OptionalExtension, params};
use strongroom_crypto::Timestamp;
use strongroom_store::{DataKeyId, Row, StoreError, VaultId, VaultRecord};

use crate::{
    error::{failed, is_broken_reference, is_duplicate},
    row::{Column, Columns},
};

const ID: Column = Column(0, "vault_id");
const CREATED_AT: Column = Column(1, "created_at");
const CURRENT_DATA_KEY: Column = Column(2, "current_data_key");
const STATE: Column = Column(3, "state");

pub(crate) fn select(connection: &Connection) -> Result<Option<VaultRecord>, StoreError> {
    let reading = failed("read the vault");
    let mut statement = connection
        .prepare_cached("SELECT vault_id, created_at, current_data_key, state FROM vault")
        .map_err(&reading)?;
    let mut rows = statement.query(()).map_err(&reading)?;
    rows.next().map_err(&reading)?.map(decode).transpose()
}

fn decode(row: &rusqlite::Row<'_>) -> Result<VaultRecord, StoreError> {
    let columns = Columns::new(row, "vault").named(Row::Only);
    Ok(VaultRecord {
        id: VaultId::from_bytes(columns.array(ID)?),
        created_at: Timestamp::from_micros(columns.integer(CREATED_AT)?),
        current_data_key: DataKeyId::from_bytes(columns.array(CURRENT_DATA_KEY)?),
        state: columns.bytes(STATE)?.to_vec(),
    })
}

pub(crate) fn insert(connection: &Connection, vault: &VaultRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO vault (only_row, vault_id, created_at, current_data_key, state) VALUES (1, ?1, ?2, ?3, ?4)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                vault.id.as_bytes(),
                vault.created_at.as_micros(),
                vault.current_data_key.as_bytes(),
                vault.state,
            ])
        })
        .map(|_one| ())
        .map_err(|error| if is_duplicate(&error) { StoreError::VaultExists } else { refused(vault, error) })
}

/// Compares and replaces the state: two writers that started from the same state cannot both succeed.
pub(crate) fn update(
    connection: &Connection,
    expected_state: &[u8],
    vault: &VaultRecord,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE vault SET current_data_key = ?1, state = ?2 WHERE vault_id = ?3 AND state = ?4",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                vault.current_data_key.as_bytes(),
                vault.state,
                vault.id.as_bytes(),
                expected_state,
            ])
        })
        .map_err(|error| refused(vault, error))?;
    if changed == 1 {
        return Ok(());
    }
    let is_there = connection
        .prepare_cached("SELECT 1 FROM vault WHERE vault_id = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([vault.id.as_bytes()], |_| Ok(()))
                .optional()
        })
        .map_err(failed("read the vault"))?;
    Err(is_there.map_or(StoreError::VaultMissing, |()| StoreError::WriteConflict))
}

fn refused(vault: &VaultRecord, error: rusqlite::Error) -> StoreError {
    if is_broken_reference(&error) {
        StoreError::DataKeyMissing {
            id: vault.current_data_key,
        }
    } else {
        failed("write the vault")(error)
    }
}
