//! The rows of private keys.

use std::collections::BTreeMap;

use sqlx::postgres::PgRow;
use strongroom_crypto::{Fingerprint, SecretBytes, Timestamp};
use strongroom_store::{
    Custody, DataKeyId, KmsKeyRef, PrivateKeyRecord, Row, RowCode as _, StoreError, StoredKey,
};

use crate::{
    error::{constraint, failed, is_duplicate, key_bytes, missing_data_key},
    keys::{self, BATCH},
    row::{Column, Columns},
    wire::Wire,
};

/// All columns, in the order of the constants below.
macro_rules! columns {
    () => {
        "fingerprint, custody, sealing, state, exposed, wrapper_key_id, data_key_id, stored_key, created_at, mac, kms, kms_key_id"
    };
}
pub(crate) use columns;

const TABLE: &str = "private_keys";

const FINGERPRINT: Column = Column(0, "fingerprint");
const CUSTODY: Column = Column(1, "custody");
const SEALING: Column = Column(2, "sealing");
const STATE: Column = Column(3, "state");
const EXPOSED: Column = Column(4, "exposed");
const WRAPPER_KEY_ID: Column = Column(5, "wrapper_key_id");
const DATA_KEY_ID: Column = Column(6, "data_key_id");
const STORED_KEY: Column = Column(7, "stored_key");
const CREATED_AT: Column = Column(8, "created_at");
const MAC: Column = Column(9, "mac");
const KMS: Column = Column(10, "kms");
const KMS_KEY_ID: Column = Column(11, "kms_key_id");

/// The columns of many rows, as arrays.
macro_rules! arrays {
    () => {
        "unnest($1::bytea[], $2::smallint[], $3::smallint[], $4::smallint[], $5::boolean[], $6::text[], $7::bytea[], \
         $8::bytea[], $9::bigint[], $10::bytea[], $11::text[], $12::text[])"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO private_keys (",
    columns!(),
    ") SELECT * FROM ",
    arrays!()
);
const UPDATE: &str = concat!(
    "UPDATE private_keys AS old SET custody = new.custody, sealing = new.sealing, state = new.state, \
     exposed = new.exposed, wrapper_key_id = new.wrapper_key_id, data_key_id = new.data_key_id, \
     stored_key = new.stored_key, created_at = new.created_at, mac = new.mac, kms = new.kms, \
     kms_key_id = new.kms_key_id FROM ",
    arrays!(),
    " AS new (",
    columns!(),
    ") WHERE old.fingerprint = new.fingerprint"
);

pub(crate) async fn select(
    wire: &mut Wire,
    fingerprint: Fingerprint,
) -> Result<Option<PrivateKeyRecord>, StoreError> {
    const SELECT: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM private_keys WHERE fingerprint = $1"
    );
    let query = sqlx::query(SELECT).bind(fingerprint.as_bytes().to_vec());
    let row = wire
        .optional_row(query)
        .await
        .map_err(failed("read a private key"))?;
    let columns = row.as_ref().map(|row| Columns::new(row, TABLE));
    columns.map(decode).transpose()
}

/// The private half that a row has from its column `first` on, if it has one.
pub(crate) fn decode_half(
    row: &PgRow,
    first: usize,
) -> Result<Option<PrivateKeyRecord>, StoreError> {
    let columns = Columns::new(row, TABLE).from(first);
    match columns.optional_bytes(FINGERPRINT)? {
        None => Ok(None),
        Some(_) => decode(columns).map(Some),
    }
}

fn decode(columns: Columns<'_>) -> Result<PrivateKeyRecord, StoreError> {
    let fingerprint = Fingerprint::from_bytes(columns.array(FINGERPRINT)?);
    let columns = columns.named(Row::Key(fingerprint));
    let custody = columns.code(CUSTODY)?;
    let record = PrivateKeyRecord {
        fingerprint,
        custody,
        sealing: columns.code(SEALING)?,
        state: columns.code(STATE)?,
        exposed: columns.flag(EXPOSED)?,
        wrapper_key_id: columns.optional_text(WRAPPER_KEY_ID)?.map(str::to_owned),
        data_key_id: DataKeyId::from_bytes(columns.array(DATA_KEY_ID)?),
        key: stored_key(custody, &columns)?,
        created_at: Timestamp::from_micros(columns.integer(CREATED_AT)?),
        mac: columns.array(MAC)?,
    };
    if record.is_consistent() {
        Ok(record)
    } else {
        Err(columns.impossible(CUSTODY))
    }
}

/// Bytes, or a key of a KMS, or both.
fn stored_key(custody: Custody, columns: &Columns<'_>) -> Result<StoredKey, StoreError> {
    let kms = columns.optional_text(KMS)?;
    let key_id = columns.optional_text(KMS_KEY_ID)?;
    match (custody, columns.optional_bytes(STORED_KEY)?, kms, key_id) {
        (Custody::Clear, Some(bytes), None, None) => {
            Ok(StoredKey::Clear(SecretBytes::from_slice(bytes)))
        }
        (Custody::Envelope, Some(bytes), None, None) => Ok(StoredKey::Sealed(bytes.to_vec())),
        (Custody::External, copy, Some(kms), Some(key_id)) => {
            let held = KmsKeyRef {
                kms: kms.to_owned(),
                key_id: key_id.to_owned(),
            };
            Ok(match copy.map(<[u8]>::to_vec) {
                Some(copy) => StoredKey::Copied { held, copy },
                None => StoredKey::External(held),
            })
        }
        _ => Err(columns.impossible(CUSTODY)),
    }
}

/// Stores any number of keys, which are in the order of fingerprints.
pub(crate) async fn insert(wire: &mut Wire, keys: &[&PrivateKeyRecord]) -> Result<(), StoreError> {
    if let Some(fingerprint) = keys::twice(keys.iter().map(|key| key.fingerprint)) {
        return Err(StoreError::KeyExists { fingerprint });
    }
    for batch in keys.chunks(BATCH) {
        check(batch)?;
        write(wire, INSERT, batch)
            .await
            .map_err(|error| match named(batch, &error) {
                Some(fingerprint) if is_duplicate(&error) => StoreError::KeyExists { fingerprint },
                _ => refused(batch, error),
            })?;
    }
    Ok(())
}

pub(crate) async fn update(wire: &mut Wire, keys: Vec<PrivateKeyRecord>) -> Result<(), StoreError> {
    // Of two rows for one key the later one counts.
    let keys: BTreeMap<_, _> = keys.iter().map(|key| (key.fingerprint, key)).collect();
    let keys: Vec<_> = keys.into_values().collect();
    for batch in keys.chunks(BATCH) {
        check(batch)?;
        let changed = write(wire, UPDATE, batch)
            .await
            .map_err(|error| refused(batch, error))?;
        if changed != keys::len(batch) {
            return Err(keys::missing(
                wire,
                "private_keys",
                batch.iter().map(|key| key.fingerprint),
            )
            .await);
        }
    }
    Ok(())
}

/// The schema sees bytes; only the record knows whether they are a readable key.
fn check(keys: &[&PrivateKeyRecord]) -> Result<(), StoreError> {
    if keys.iter().all(|key| key.is_consistent()) {
        Ok(())
    } else {
        Err(StoreError::RecordRefused {
            constraint: "private_keys_custody_fits".to_owned(),
        })
    }
}

async fn write(
    wire: &mut Wire,
    sql: &'static str,
    keys: &[&PrivateKeyRecord],
) -> Result<u64, sqlx::Error> {
    macro_rules! each {
        (|$key:ident| $value:expr) => {
            keys.iter().map(|$key| $value).collect::<Vec<_>>()
        };
    }
    let query = sqlx::query(sql)
        .bind(each!(|key| key.fingerprint.as_bytes().as_slice()))
        .bind(each!(|key| i16::from(key.custody.code())))
        .bind(each!(|key| i16::from(key.sealing.code())))
        .bind(each!(|key| i16::from(key.state.code())))
        .bind(each!(|key| key.exposed))
        .bind(each!(|key| key.wrapper_key_id.as_deref()))
        .bind(each!(|key| key.data_key_id.as_bytes().as_slice()))
        .bind(each!(|key| bytes(&key.key)))
        .bind(each!(|key| key.created_at.as_micros()))
        .bind(each!(|key| key.mac.as_slice()))
        .bind(each!(|key| key
            .key
            .external()
            .map(|held| held.kms.as_str())))
        .bind(each!(|key| key
            .key
            .external()
            .map(|held| held.key_id.as_str())));
    wire.execute(query).await
}

fn bytes(key: &StoredKey) -> Option<&[u8]> {
    match key {
        // EXPOSE: custody `clear` keeps the key readable in the database, by the operator's choice.
        StoredKey::Clear(secret) => Some(secret.expose()),
        StoredKey::Sealed(bytes) | StoredKey::Copied { copy: bytes, .. } => Some(bytes),
        StoredKey::External(_) => None,
    }
}

/// The key that an error names, or the first of those that it can be about.
fn named(keys: &[&PrivateKeyRecord], error: &sqlx::Error) -> Option<Fingerprint> {
    let known = key_bytes(error).map(Fingerprint::from_bytes);
    known.or_else(|| keys.first().map(|key| key.fingerprint))
}

fn refused(keys: &[&PrivateKeyRecord], error: sqlx::Error) -> StoreError {
    if let Some(missing) = missing_data_key(&error, keys.first().map(|key| key.data_key_id)) {
        return missing;
    }
    match named(keys, &error) {
        Some(fingerprint) if constraint(&error) == Some("private_keys_public_key") => {
            StoreError::KeyMissing { fingerprint }
        }
        _ => failed("write a private key")(error),
    }
}

pub(crate) async fn delete(wire: &mut Wire, fingerprint: Fingerprint) -> Result<(), StoreError> {
    let query = sqlx::query("DELETE FROM private_keys WHERE fingerprint = $1")
        .bind(fingerprint.as_bytes().to_vec());
    let deleted = wire
        .execute(query)
        .await
        .map_err(failed("delete a private key"))?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(StoreError::KeyMissing { fingerprint })
    }
}
