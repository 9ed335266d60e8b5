//! The rows of rotations under way.

use rusqlite::{Connection, OptionalExtension, params};
use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_store::{DataKeyId, RotationRecord, Row, StoreError};

use crate::{
    data_keys,
    error::{failed, is_broken_reference, is_duplicate},
    public_keys,
    row::{self, Column, Columns},
};

const OLD: Column = Column(0, "old_key");
const NEW: Column = Column(1, "new_key");
const MEMBER: Column = Column(2, "member");
const POSITION: Column = Column(3, "position");
const CREATED_AT: Column = Column(4, "created_at");
const DATA_KEY_ID: Column = Column(5, "data_key_id");
const MAC: Column = Column(6, "mac");

pub(crate) fn select_all(connection: &Connection) -> Result<Vec<RotationRecord>, StoreError> {
    let sql = "SELECT old_key, new_key, member, position, created_at, data_key_id, mac FROM rotations \
     ORDER BY position, old_key";
    row::all(connection, "read rotations", sql, decode)
}

fn decode(row: &rusqlite::Row<'_>) -> Result<RotationRecord, StoreError> {
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

pub(crate) fn insert(
    connection: &Connection,
    rotations: &[RotationRecord],
) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO rotations (old_key, new_key, member, position, created_at, data_key_id, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .map_err(failed("write a rotation"))?;
    rotations.iter().try_for_each(|rotation| {
        statement
            .execute(params![
                rotation.old.as_bytes(),
                rotation.new.as_bytes(),
                rotation.member,
                rotation.position,
                rotation.created_at.as_micros(),
                rotation.data_key_id.as_bytes(),
                rotation.mac,
            ])
            .map(|_one| ())
            .map_err(|error| refused(connection, rotation, error))
    })
}

/// The engine says that there is another row, or that there is none; this finds out which.
fn refused(
    connection: &Connection,
    rotation: &RotationRecord,
    error: rusqlite::Error,
) -> StoreError {
    let reason = if is_duplicate(&error) {
        rival(connection, rotation)
    } else if is_broken_reference(&error) {
        missing(connection, rotation)
    } else {
        Ok(None)
    };
    match reason {
        Ok(Some(reason)) => reason,
        Ok(None) => failed("write a rotation")(error),
        Err(error) => error,
    }
}

/// The rotation that shares a key with this one.
fn rival(
    connection: &Connection,
    rotation: &RotationRecord,
) -> Result<Option<StoreError>, StoreError> {
    let reading = failed("read rotations");
    let mut statement = connection
        .prepare_cached("SELECT old_key FROM rotations WHERE old_key = ?1 OR new_key = ?2 LIMIT 1")
        .map_err(&reading)?;
    let mut rows = statement
        .query([rotation.old.as_bytes(), rotation.new.as_bytes()])
        .map_err(&reading)?;
    let Some(row) = rows.next().map_err(&reading)? else {
        return Ok(None);
    };
    let old = Fingerprint::from_bytes(Columns::new(row, "rotations").array(OLD)?);
    Ok(Some(StoreError::RotationExists { old }))
}

/// What this rotation names that is not stored.
fn missing(
    connection: &Connection,
    rotation: &RotationRecord,
) -> Result<Option<StoreError>, StoreError> {
    for fingerprint in [rotation.old, rotation.new] {
        if !public_keys::exists(connection, fingerprint)? {
            return Ok(Some(StoreError::KeyMissing { fingerprint }));
        }
    }
    let id = rotation.data_key_id;
    let is_stored = data_keys::exists(connection, id)?;
    Ok((!is_stored).then_some(StoreError::DataKeyMissing { id }))
}

pub(crate) fn delete(connection: &Connection, old: Fingerprint) -> Result<(), StoreError> {
    let deleted = connection
        .prepare_cached("DELETE FROM rotations WHERE old_key = ?1")
        .and_then(|mut statement| statement.execute([old.as_bytes()]))
        .map_err(failed("delete a rotation"))?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(StoreError::RotationMissing { old })
    }
}

/// Whether a rotation has this key, as the old one or as the new one.
pub(crate) fn names(connection: &Connection, fingerprint: Fingerprint) -> Result<bool, StoreError> {
    connection
        .prepare_cached("SELECT 1 FROM rotations WHERE old_key = ?1 OR new_key = ?1 LIMIT 1")
        .and_then(|mut statement| {
            statement
                .query_row([fingerprint.as_bytes()], |_| Ok(()))
                .optional()
        })
        .map(|found| found.is_some())
        .map_err(failed("read rotations"))
}
