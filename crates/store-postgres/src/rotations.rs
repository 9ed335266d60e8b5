//! The rows of rotations under way.

use sqlx::postgres::PgRow;
use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_store::{DataKeyId, RotationRecord, Row, StoreError};

use crate::{
    error::{failed, missing_data_key},
    row::{Column, Columns},
    wire::Wire,
};

const OLD: Column = Column(0, "old_key");
const NEW: Column = Column(1, "new_key");
const MEMBER: Column = Column(2, "member");
const POSITION: Column = Column(3, "position");
const CREATED_AT: Column = Column(4, "created_at");
const DATA_KEY_ID: Column = Column(5, "data_key_id");
const MAC: Column = Column(6, "mac");

pub(crate) async fn select_all(wire: &mut Wire) -> Result<Vec<RotationRecord>, StoreError> {
    const SELECT: &str = "SELECT old_key, new_key, member, position, created_at, data_key_id, mac FROM rotations \
         ORDER BY position, old_key";
    let rows = wire
        .rows(sqlx::query(SELECT))
        .await
        .map_err(failed("read rotations"))?;
    rows.iter().map(decode).collect()
}

fn decode(row: &PgRow) -> Result<RotationRecord, StoreError> {
    let columns = Columns::new(row, "rotations");
    let old = Fingerprint::from_bytes(columns.array(OLD)?);
    let columns = columns.named(Row::Key(old));
    let new = Fingerprint::from_bytes(columns.array(NEW)?);
    if new == old {
        return Err(columns.impossible(NEW));
    }
    Ok(RotationRecord {
        old,
        new,
        member: columns.non_empty_text(MEMBER)?.to_owned(),
        position: columns.number(POSITION)?,
        created_at: Timestamp::from_micros(columns.integer(CREATED_AT)?),
        data_key_id: DataKeyId::from_bytes(columns.array(DATA_KEY_ID)?),
        mac: columns.array(MAC)?,
    })
}

/// There are a few at most, so each is looked at before: after a refusal the server answers nothing more.
pub(crate) async fn insert(
    wire: &mut Wire,
    rotations: Vec<RotationRecord>,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO rotations (old_key, new_key, member, position, created_at, data_key_id, mac) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    for rotation in rotations {
        check(wire, &rotation).await?;
        let query = sqlx::query(INSERT)
            .bind(rotation.old.as_bytes().as_slice())
            .bind(rotation.new.as_bytes().as_slice())
            .bind(&rotation.member)
            .bind(i64::from(rotation.position))
            .bind(rotation.created_at.as_micros())
            .bind(rotation.data_key_id.as_bytes().as_slice())
            .bind(rotation.mac.as_slice());
        wire.execute(query).await.map_err(|error| {
            missing_data_key(&error, Some(rotation.data_key_id))
                .unwrap_or_else(|| failed("write a rotation")(error))
        })?;
    }
    Ok(())
}

/// Whether a rotation shares a key with this one, and whether both keys are stored.
async fn check(wire: &mut Wire, rotation: &RotationRecord) -> Result<(), StoreError> {
    const CHECK: &str = "SELECT (SELECT old_key FROM rotations WHERE old_key = $1 OR new_key = $2 LIMIT 1), \
         EXISTS (SELECT 1 FROM public_keys WHERE fingerprint = $1), \
         EXISTS (SELECT 1 FROM public_keys WHERE fingerprint = $2)";
    let query = sqlx::query(CHECK)
        .bind(rotation.old.as_bytes().as_slice())
        .bind(rotation.new.as_bytes().as_slice());
    let row = wire.row(query).await.map_err(failed("read rotations"))?;
    let columns = Columns::new(&row, "rotations").named(Row::Key(rotation.old));
    if let Some(rival) = columns.optional_array(OLD)? {
        let old = Fingerprint::from_bytes(rival);
        return Err(StoreError::RotationExists { old });
    }
    for (place, fingerprint) in [(1, rotation.old), (2, rotation.new)] {
        if !columns.flag(Column(place, "fingerprint"))? {
            return Err(StoreError::KeyMissing { fingerprint });
        }
    }
    Ok(())
}

pub(crate) async fn delete(wire: &mut Wire, old: Fingerprint) -> Result<(), StoreError> {
    let query =
        sqlx::query("DELETE FROM rotations WHERE old_key = $1").bind(old.as_bytes().to_vec());
    let deleted = wire
        .execute(query)
        .await
        .map_err(failed("delete a rotation"))?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(StoreError::RotationMissing { old })
    }
}
