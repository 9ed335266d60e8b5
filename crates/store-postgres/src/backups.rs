//! The rows of the backups that were made.

use sqlx::postgres::PgRow;
use strongroom_crypto::Timestamp;
use strongroom_store::{BackupId, BackupRecord, DataKeyId, Row, StoreError};

use crate::{
    error::{failed, missing_data_key},
    row::{Column, Columns},
    wire::Wire,
};

const ID: Column = Column(0, "backup_id");
const CREATED_AT: Column = Column(1, "created_at");
const GENERATION: Column = Column(2, "generation");
const FILE_HASH: Column = Column(3, "file_hash");
const NEEDS: Column = Column(4, "needs");
const VERIFIED_AT: Column = Column(5, "verified_at");
const DATA_KEY_ID: Column = Column(6, "data_key_id");
const MAC: Column = Column(7, "mac");

pub(crate) async fn select_all(wire: &mut Wire) -> Result<Vec<BackupRecord>, StoreError> {
    const SELECT: &str = "SELECT backup_id, created_at, generation, file_hash, needs, verified_at, data_key_id, mac \
         FROM backups ORDER BY created_at, backup_id";
    let rows = wire
        .rows(sqlx::query(SELECT))
        .await
        .map_err(failed("read the backups"))?;
    rows.iter().map(decode).collect()
}

fn decode(row: &PgRow) -> Result<BackupRecord, StoreError> {
    let columns = Columns::new(row, "backups");
    let id = BackupId::from_bytes(columns.array(ID)?);
    let columns = columns.named(Row::Backup(id));
    let (needs, rest) = columns.bytes(NEEDS)?.as_chunks();
    if needs.is_empty() || !rest.is_empty() {
        return Err(columns.impossible(NEEDS));
    }
    Ok(BackupRecord {
        id,
        created_at: Timestamp::from_micros(columns.integer(CREATED_AT)?),
        generation: columns.count(GENERATION)?,
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
pub(crate) async fn put(wire: &mut Wire, backup: BackupRecord) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO backups \
         (backup_id, created_at, generation, file_hash, needs, verified_at, data_key_id, mac) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (backup_id) DO UPDATE SET \
         created_at = $2, generation = $3, file_hash = $4, needs = $5, verified_at = $6, data_key_id = $7, mac = $8";
    let needs = backup.needs.iter().flat_map(|id| id.as_bytes()).copied();
    let query = sqlx::query(PUT)
        .bind(backup.id.as_bytes().to_vec())
        .bind(backup.created_at.as_micros())
        // One that is beyond the engine's numbers becomes a negative one, which the schema refuses.
        .bind(i64::try_from(backup.generation).unwrap_or(-1))
        .bind(backup.file_hash.to_vec())
        .bind(needs.collect::<Vec<u8>>())
        .bind(backup.verified_at.map(Timestamp::as_micros))
        .bind(backup.data_key_id.as_bytes().to_vec())
        .bind(backup.mac.to_vec());
    wire.execute(query).await.map(|_one| ()).map_err(|error| {
        missing_data_key(&error, Some(backup.data_key_id))
            .unwrap_or_else(|| failed("write a backup")(error))
    })
}

/// Removes a backup.
pub(crate) async fn delete(wire: &mut Wire, id: BackupId) -> Result<(), StoreError> {
    let query =
        sqlx::query("DELETE FROM backups WHERE backup_id = $1").bind(id.as_bytes().to_vec());
    let deleted = wire
        .execute(query)
        .await
        .map_err(failed("delete a backup"))?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(StoreError::BackupMissing { id })
    }
}
