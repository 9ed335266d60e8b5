//! The rows of wraps.

use strongroom_crypto::Timestamp;
use strongroom_store::{DataKeyId, Row, StoreError, WrapRecord};

use crate::{
    error::{failed, is_duplicate, missing_data_key},
    row::{Column, Columns},
    wire::Wire,
};

const KMS: Column = Column(0, "kms");
const WRAPPER_KEY_ID: Column = Column(1, "wrapper_key_id");
const CIPHERTEXT: Column = Column(2, "ciphertext");
const CREATED_AT: Column = Column(3, "created_at");

pub(crate) async fn select(
    wire: &mut Wire,
    data_key_id: DataKeyId,
) -> Result<Vec<WrapRecord>, StoreError> {
    const SELECT: &str = "SELECT kms, wrapper_key_id, ciphertext, created_at FROM wraps WHERE data_key_id = $1 \
         ORDER BY created_at, kms, wrapper_key_id";
    let query = sqlx::query(SELECT).bind(data_key_id.as_bytes().to_vec());
    let rows = wire.rows(query).await.map_err(failed("read wraps"))?;
    let decode = |row| {
        let columns = Columns::new(row, "wraps").named(Row::DataKey(data_key_id));
        Ok(WrapRecord {
            data_key_id,
            kms: columns.text(KMS)?.to_owned(),
            wrapper_key_id: columns.text(WRAPPER_KEY_ID)?.to_owned(),
            ciphertext: columns.bytes(CIPHERTEXT)?.to_vec(),
            created_at: Timestamp::from_micros(columns.integer(CREATED_AT)?),
        })
    };
    rows.iter().map(decode).collect()
}

pub(crate) async fn insert(wire: &mut Wire, wrap: WrapRecord) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO wraps (data_key_id, kms, wrapper_key_id, ciphertext, created_at) VALUES ($1, $2, $3, $4, $5)";
    let query = sqlx::query(INSERT)
        .bind(wrap.data_key_id.as_bytes().to_vec())
        .bind(&wrap.kms)
        .bind(&wrap.wrapper_key_id)
        .bind(&wrap.ciphertext)
        .bind(wrap.created_at.as_micros());
    let inserted = wire.execute(query).await;
    let WrapRecord {
        data_key_id,
        kms,
        wrapper_key_id,
        ..
    } = wrap;
    inserted.map(|_one| ()).map_err(|error| {
        if is_duplicate(&error) {
            return StoreError::WrapExists {
                data_key_id,
                kms,
                wrapper_key_id,
            };
        }
        missing_data_key(&error, Some(data_key_id)).unwrap_or_else(|| failed("write a wrap")(error))
    })
}

pub(crate) async fn delete(
    wire: &mut Wire,
    data_key_id: DataKeyId,
    kms: &str,
    wrapper_key_id: &str,
) -> Result<(), StoreError> {
    const DELETE: &str =
        "DELETE FROM wraps WHERE data_key_id = $1 AND kms = $2 AND wrapper_key_id = $3";
    let query = sqlx::query(DELETE)
        .bind(data_key_id.as_bytes().to_vec())
        .bind(kms)
        .bind(wrapper_key_id);
    let deleted = wire.execute(query).await.map_err(failed("delete a wrap"))?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(StoreError::WrapMissing {
            data_key_id,
            kms: kms.to_owned(),
            wrapper_key_id: wrapper_key_id.to_owned(),
        })
    }
}
