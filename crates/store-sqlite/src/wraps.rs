//! The rows of wraps.

use rusqlite::{Connection, params};
use strongroom_crypto::Timestamp;
use strongroom_store::{DataKeyId, Row, StoreError, WrapRecord};

use crate::{
    error::{failed, is_broken_reference, is_duplicate},
    row::{Column, Columns},
};

const KMS: Column = Column(0, "kms");
const WRAPPER_KEY_ID: Column = Column(1, "wrapper_key_id");
const CIPHERTEXT: Column = Column(2, "ciphertext");
const CREATED_AT: Column = Column(3, "created_at");

pub(crate) fn select(
    connection: &Connection,
    data_key_id: DataKeyId,
) -> Result<Vec<WrapRecord>, StoreError> {
    let reading = failed("read wraps");
    let mut statement = connection
        .prepare_cached(
            "SELECT kms, wrapper_key_id, ciphertext, created_at FROM wraps WHERE data_key_id = ?1 \
             ORDER BY created_at, kms, wrapper_key_id",
        )
        .map_err(&reading)?;
    let mut rows = statement
        .query([data_key_id.as_bytes()])
        .map_err(&reading)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(&reading)? {
        let columns = Columns::new(row, "wraps").named(Row::DataKey(data_key_id));
        records.push(WrapRecord {
            data_key_id,
            kms: columns.text(KMS)?.to_owned(),
            wrapper_key_id: columns.text(WRAPPER_KEY_ID)?.to_owned(),
            ciphertext: columns.bytes(CIPHERTEXT)?.to_vec(),
            created_at: Timestamp::from_micros(columns.integer(CREATED_AT)?),
        });
    }
    Ok(records)
}

pub(crate) fn insert(connection: &Connection, wrap: WrapRecord) -> Result<(), StoreError> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO wraps (data_key_id, kms, wrapper_key_id, ciphertext, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                wrap.data_key_id.as_bytes(),
                wrap.kms,
                wrap.wrapper_key_id,
                wrap.ciphertext,
                wrap.created_at.as_micros(),
            ])
        });
    let WrapRecord {
        data_key_id,
        kms,
        wrapper_key_id,
        ..
    } = wrap;
    match inserted {
        Ok(_one) => Ok(()),
        Err(error) if is_duplicate(&error) => Err(StoreError::WrapExists {
            data_key_id,
            kms,
            wrapper_key_id,
        }),
        Err(error) if is_broken_reference(&error) => {
            Err(StoreError::DataKeyMissing { id: data_key_id })
        }
        Err(error) => Err(failed("write a wrap")(error)),
    }
}

pub(crate) fn delete(
    connection: &Connection,
    data_key_id: DataKeyId,
    kms: String,
    wrapper_key_id: String,
) -> Result<(), StoreError> {
    let deleted = connection
        .prepare_cached(
            "DELETE FROM wraps WHERE data_key_id = ?1 AND kms = ?2 AND wrapper_key_id = ?3",
        )
        .and_then(|mut statement| {
            statement.execute(params![data_key_id.as_bytes(), kms, wrapper_key_id])
        })
        .map_err(failed("delete a wrap"))?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(StoreError::WrapMissing {
            data_key_id,
            kms,
            wrapper_key_id,
        })
    }
}
