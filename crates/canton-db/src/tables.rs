//! Reading the three tables.

use futures_util::TryStreamExt as _;
use sqlx::{Connection as _, PgConnection, Row as _, postgres::PgRow};
use strongroom_memory::SecretBytes;
use strongroom_proto::tables::{
    KMS_KEYS, KeyTables, KmsKeyRow, PRIVATE_KEYS, PUBLIC_KEYS, PrivateKeyData, PrivateKeyRow,
    PublicKeyRow,
};

use crate::{address::Address, error::CantonDbError};

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

const SELECT_PRIVATE_KEYS: &str = "SELECT key_id, wrapper_key_id, purpose, data, name FROM common_crypto_private_keys ORDER BY key_id";
const SELECT_PUBLIC_KEYS: &str =
    "SELECT key_id, purpose, data, name FROM common_crypto_public_keys ORDER BY key_id";
const SELECT_KMS_KEYS: &str = "SELECT fingerprint, kms_key_id, purpose, key_usage FROM common_kms_metadata_store ORDER BY fingerprint";

impl Address {
    /// Every row of the three tables, at one moment.
    ///
    /// Readable keys are copied into locked memory as they arrive. What the connection received is wiped by nobody: take
    /// readable keys in on a machine that you would trust with them.
    ///
    /// # Errors
    /// [`CantonDbError`].
    pub async fn read_keys(&self) -> Result<KeyTables, CantonDbError> {
        let mut connection = self.connect().await?;
        let mut transaction = connection
            .begin_with(BEGIN)
            .await
            .map_err(CantonDbError::connecting)?;
        let tables = KeyTables {
            private_keys: read(
                &mut transaction,
                PRIVATE_KEYS,
                SELECT_PRIVATE_KEYS,
                private_key,
            )
            .await?,
            public_keys: read(
                &mut transaction,
                PUBLIC_KEYS,
                SELECT_PUBLIC_KEYS,
                public_key,
            )
            .await?,
            kms_keys: read(&mut transaction, KMS_KEYS, SELECT_KMS_KEYS, kms_key).await?,
        };
        // Nothing was written; whether the end is heard of makes no difference.
        let _ = transaction.rollback().await;
        let _ = connection.close().await;
        Ok(tables)
    }
}

async fn read<T>(
    connection: &mut PgConnection,
    table: &'static str,
    select: &'static str,
    row: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, CantonDbError> {
    let mut rows = sqlx::query(select).fetch(connection);
    let mut read = Vec::new();
    while let Some(found) = rows
        .try_next()
        .await
        .map_err(|error| CantonDbError::reading(table, error))?
    {
        read.push(row(&found).map_err(|source| CantonDbError::Row { table, source })?);
    }
    Ok(read)
}

fn private_key(row: &PgRow) -> Result<PrivateKeyRow, sqlx::Error> {
    let data: &[u8] = row.try_get("data")?;
    let wrapper_key_id: Option<String> = row.try_get("wrapper_key_id")?;
    Ok(PrivateKeyRow {
        key_id: row.try_get("key_id")?,
        purpose: row.try_get("purpose")?,
        data: match wrapper_key_id {
            None => PrivateKeyData::Clear(SecretBytes::from_slice(data)),
            Some(wrapper_key_id) => PrivateKeyData::Encrypted {
                wrapper_key_id,
                ciphertext: data.to_vec(),
            },
        },
        name: row.try_get("name")?,
    })
}

fn public_key(row: &PgRow) -> Result<PublicKeyRow, sqlx::Error> {
    Ok(PublicKeyRow {
        key_id: row.try_get("key_id")?,
        purpose: row.try_get("purpose")?,
        data: row.try_get("data")?,
        name: row.try_get("name")?,
    })
}

fn kms_key(row: &PgRow) -> Result<KmsKeyRow, sqlx::Error> {
    Ok(KmsKeyRow {
        fingerprint: row.try_get("fingerprint")?,
        kms_key_id: row.try_get("kms_key_id")?,
        purpose: row.try_get("purpose")?,
        key_usage: row.try_get("key_usage")?,
    })
}
