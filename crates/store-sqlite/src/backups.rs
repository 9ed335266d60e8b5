//! The rows of the backups that were made.

use rusqlite::{Connection, params};
use strongroom_crypto::Timestamp;
use strongroom_store::{BackupId, BackupRecord, DataKeyId, Row, StoreError};

use crate::{
    data_keys,
    error::failed,
    row::{self, Column, Columns},
};

const ID: Column = Column(0, "backup_id");
const CREATED_AT: Column = Column(1, "created_at");
const GENERATION: Column = Column(2, "generation");
const FILE_HASH: Column = Column(3, "file_hash");
const NEEDS: Column = Column(4, "needs");
const VERIFIED_AT: Column = Column(5, "verified_at");
const DATA_KEY_ID: Column = Column(6, "data_key_id");
const MAC: Column = Column(7, "mac");

pub(crate) fn select_all(connection: &Connection) -> Result<Vec<BackupRecord>, StoreError> {
    let sql = "SELECT backup_id, created_at, generation, file_hash, needs, verified_at, data_key_id, mac \
     FROM backups ORDER BY created_at, backup_id";
    row::all(connection, "read the backups", sql, decode)
}

fn decode(row: &rusqlite::Row<'_>) -> Result<BackupRecord, StoreError> {
    let columns = Columns::new(row, "backups");
    let id = BackupId::from_bytes(columns.array(ID)?);
    let columns = columns.named(Row::Backup(id));
    let (needs, rest) = columns.bytes(NEEDS)?.as_chunks();
    if needs.is_empty() || !rest.is_empty() {
        return Err(columns.impossible(NEEDS));
    }
    let generation = u64::try_from(columns.integer(GENERATION)?);
    Ok(BackupRecord {
        id,
        created_at: Timestamp::from_micros(columns.integer(CREATED_AT)?),
        generation: generation.map_err(|_negative| columns.impossible(GENERATION))?,
        file_hash: columns.array(FILE_HASH)?,
        needs: needs.iter().copied().map(DataKeyId::from_bytes).collect(),
        verified_at: columns
            .optional_integer(VERIFIED_AT)?
            .map(Timestamp::from_micros),
        data_key_id: DataKeyId::from_bytes(columns.array(DATA_KEY_ID)?),
        mac: columns.array(MAC)?,
    })
}

/// Writes a backup, over the one of the same id if there is one.
pub(crate) fn put(connection: &Connection, backup: &BackupRecord) -> Result<(), StoreError> {
    let needs: Vec<u8> = backup
        .needs
        .iter()
        .flat_map(|id| id.as_bytes())
        .copied()
        .collect();
    // One that is beyond the engine's numbers becomes a negative one, which the schema refuses.
    let generation = i64::try_from(backup.generation).unwrap_or(-1);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO backups \
             (backup_id, created_at, generation, file_hash, needs, verified_at, data_key_id, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                backup.id.as_bytes(),
                backup.created_at.as_micros(),
                generation,
                backup.file_hash,
                needs,
                backup.verified_at.map(Timestamp::as_micros),
                backup.data_key_id.as_bytes(),
                backup.mac,
            ])
        })
        .map(|_one| ())
        .map_err(|error| {
            data_keys::refused(connection, backup.data_key_id, "write a backup", error)
        })
}

/// Removes a backup.
pub(crate) fn delete(connection: &Connection, id: BackupId) -> Result<(), StoreError> {
    let deleted = connection
        .prepare_cached("DELETE FROM backups WHERE backup_id = ?1")
        .and_then(|mut statement| statement.execute([id.as_bytes()]))
        .map_err(failed("delete a backup"))?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(StoreError::BackupMissing { id })
    }
}
