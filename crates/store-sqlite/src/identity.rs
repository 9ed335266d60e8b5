//! The row that says whose keys the vault keeps.

use rusqlite::{Connection, params};
use strongroom_crypto::Timestamp;
use strongroom_store::{DataKeyId, IdentityRecord, Row, StoreError};

use crate::{
    error::{failed, is_broken_reference, is_duplicate},
    row::{Column, Columns},
};

const MEMBER: Column = Column(0, "member");
const CREATED_AT: Column = Column(1, "created_at");
const DATA_KEY_ID: Column = Column(2, "data_key_id");
const MAC: Column = Column(3, "mac");

pub(crate) fn select(connection: &Connection) -> Result<Option<IdentityRecord>, StoreError> {
    let reading = failed("read the identity");
    let mut statement = connection
        .prepare_cached("SELECT member, created_at, data_key_id, mac FROM identity")
        .map_err(&reading)?;
    let mut rows = statement.query(()).map_err(&reading)?;
    rows.next().map_err(&reading)?.map(decode).transpose()
}

fn decode(row: &rusqlite::Row<'_>) -> Result<IdentityRecord, StoreError> {
    let columns = Columns::new(row, "identity").named(Row::Only);
    Ok(IdentityRecord {
        member: columns.non_empty_text(MEMBER)?.to_owned(),
        created_at: Timestamp::from_micros(columns.integer(CREATED_AT)?),
        data_key_id: DataKeyId::from_bytes(columns.array(DATA_KEY_ID)?),
        mac: columns.array(MAC)?,
    })
}

pub(crate) fn insert(connection: &Connection, identity: &IdentityRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO identity (only_row, member, created_at, data_key_id, mac) VALUES (1, ?1, ?2, ?3, ?4)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                identity.member,
                identity.created_at.as_micros(),
                identity.data_key_id.as_bytes(),
                identity.mac,
            ])
        })
        .map(|_one| ())
        .map_err(|error| {
            if is_duplicate(&error) {
                StoreError::IdentityExists
            } else if is_broken_reference(&error) {
                StoreError::DataKeyMissing {
                    id: identity.data_key_id,
                }
            } else {
                failed("write the identity")(error)
            }
        })
}

pub(crate) fn update(connection: &Connection, identity: &IdentityRecord) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached("UPDATE identity SET data_key_id = ?1, mac = ?2")
        .and_then(|mut statement| {
            statement.execute(params![identity.data_key_id.as_bytes(), identity.mac])
        })
        .map_err(|error| {
            if is_broken_reference(&error) {
                StoreError::DataKeyMissing {
                    id: identity.data_key_id,
                }
            } else {
                failed("write the identity")(error)
            }
        })?;
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::IdentityMissing)
    }
}
