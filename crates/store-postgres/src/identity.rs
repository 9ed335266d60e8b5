//! The row that says whose keys the vault keeps.

use sqlx::postgres::PgRow;
use strongroom_crypto::Timestamp;
use strongroom_store::{DataKeyId, IdentityRecord, Row, StoreError};

use crate::{
    error::{failed, is_duplicate, missing_data_key},
    row::{Column, Columns},
    wire::Wire,
};

const MEMBER: Column = Column(0, "member");
const CREATED_AT: Column = Column(1, "created_at");
const DATA_KEY_ID: Column = Column(2, "data_key_id");
const MAC: Column = Column(3, "mac");

pub(crate) async fn select(wire: &mut Wire) -> Result<Option<IdentityRecord>, StoreError> {
    const SELECT: &str = "SELECT member, created_at, data_key_id, mac FROM identity";
    let row = wire
        .optional_row(sqlx::query(SELECT))
        .await
        .map_err(failed("read the identity"))?;
    row.as_ref().map(decode).transpose()
}

fn decode(row: &PgRow) -> Result<IdentityRecord, StoreError> {
    let columns = Columns::new(row, "identity").named(Row::Only);
    Ok(IdentityRecord {
        member: columns.non_empty_text(MEMBER)?.to_owned(),
        created_at: Timestamp::from_micros(columns.integer(CREATED_AT)?),
        data_key_id: DataKeyId::from_bytes(columns.array(DATA_KEY_ID)?),
        mac: columns.array(MAC)?,
    })
}

pub(crate) async fn insert(wire: &mut Wire, identity: IdentityRecord) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO identity (only_row, member, created_at, data_key_id, mac) VALUES (1, $1, $2, $3, $4)";
    let query = sqlx::query(INSERT)
        .bind(identity.member)
        .bind(identity.created_at.as_micros())
        .bind(identity.data_key_id.as_bytes().to_vec())
        .bind(identity.mac.to_vec());
    wire.execute(query).await.map(|_one| ()).map_err(|error| {
        if is_duplicate(&error) {
            StoreError::IdentityExists
        } else {
            refused(identity.data_key_id, error)
        }
    })
}

pub(crate) async fn update(wire: &mut Wire, identity: IdentityRecord) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE identity SET data_key_id = $1, mac = $2")
        .bind(identity.data_key_id.as_bytes().to_vec())
        .bind(identity.mac.to_vec());
    let changed = wire
        .execute(query)
        .await
        .map_err(|error| refused(identity.data_key_id, error))?;
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::IdentityMissing)
    }
}

fn refused(data_key_id: DataKeyId, error: sqlx::Error) -> StoreError {
    missing_data_key(&error, Some(data_key_id))
        .unwrap_or_else(|| failed("write the identity")(error))
}
