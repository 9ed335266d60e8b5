//! The rows of private keys.

use rusqlite::{Connection, params};
use strongroom_crypto::{Fingerprint, SecretBytes, Timestamp};
use strongroom_store::{
    Custody, DataKeyId, KmsKeyRef, PrivateKeyRecord, Row, RowCode, StoreError, StoredKey,
};

use crate::{
    data_keys,
    error::{failed, is_broken_reference, is_duplicate},
    row::{Column, Columns},
};

/// All columns, in the order of the constants below.
macro_rules! columns {
    () => {
        "fingerprint, custody, sealing, state, exposed, wrapper_key_id, data_key_id, stored_key, created_at, mac, kms, kms_key_id"
    };
}
pub(crate) use columns;

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

pub(crate) fn select(
    connection: &Connection,
    fingerprint: Fingerprint,
) -> Result<Option<PrivateKeyRecord>, StoreError> {
    let reading = failed("read a private key");
    let mut statement = connection
        .prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM private_keys WHERE fingerprint = ?1"
        ))
        .map_err(&reading)?;
    let mut rows = statement
        .query([fingerprint.as_bytes()])
        .map_err(&reading)?;
    rows.next().map_err(&reading)?.map(decode).transpose()
}

pub(crate) fn decode(row: &rusqlite::Row<'_>) -> Result<PrivateKeyRecord, StoreError> {
    let columns = Columns::new(row, "private_keys");
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

pub(crate) fn insert(connection: &Connection, key: &PrivateKeyRecord) -> Result<(), StoreError> {
    check(key)?;
    connection
        .prepare_cached(concat!(
            "INSERT INTO private_keys (",
            columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
        ))
        .and_then(|mut statement| write(&mut statement, key))
        .map(|_one| ())
        .map_err(|error| {
            if is_duplicate(&error) {
                StoreError::KeyExists {
                    fingerprint: key.fingerprint,
                }
            } else {
                refused(connection, key, error)
            }
        })
}

pub(crate) fn update(connection: &Connection, key: &PrivateKeyRecord) -> Result<(), StoreError> {
    check(key)?;
    let changed = connection
        .prepare_cached(
            "UPDATE private_keys SET custody = ?2, sealing = ?3, state = ?4, exposed = ?5, wrapper_key_id = ?6, \
             data_key_id = ?7, stored_key = ?8, created_at = ?9, mac = ?10, kms = ?11, kms_key_id = ?12 WHERE fingerprint = ?1",
        )
        .and_then(|mut statement| write(&mut statement, key))
        .map_err(|error| refused(connection, key, error))?;
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::KeyMissing {
            fingerprint: key.fingerprint,
        })
    }
}

/// The schema sees bytes; only the record knows whether they are a readable key.
fn check(key: &PrivateKeyRecord) -> Result<(), StoreError> {
    if key.is_consistent() {
        Ok(())
    } else {
        Err(StoreError::RecordRefused {
            constraint: "private_keys_custody_fits".to_owned(),
        })
    }
}

fn write(
    statement: &mut rusqlite::Statement<'_>,
    key: &PrivateKeyRecord,
) -> Result<usize, rusqlite::Error> {
    let bytes = match &key.key {
        // EXPOSE: custody `clear` keeps the key readable in the database, by the operator's choice.
        StoredKey::Clear(secret) => Some(secret.expose()),
        StoredKey::Sealed(bytes) | StoredKey::Copied { copy: bytes, .. } => Some(bytes.as_slice()),
        StoredKey::External(_) => None,
    };
    let external = key.key.external();
    statement.execute(params![
        key.fingerprint.as_bytes(),
        key.custody.code(),
        key.sealing.code(),
        key.state.code(),
        key.exposed,
        key.wrapper_key_id,
        key.data_key_id.as_bytes(),
        bytes,
        key.created_at.as_micros(),
        key.mac,
        external.map(|key| &key.kms),
        external.map(|key| &key.key_id),
    ])
}

fn refused(connection: &Connection, key: &PrivateKeyRecord, error: rusqlite::Error) -> StoreError {
    if !is_broken_reference(&error) {
        return failed("write a private key")(error);
    }
    match data_keys::exists(connection, key.data_key_id) {
        Ok(true) => StoreError::KeyMissing {
            fingerprint: key.fingerprint,
        },
        Ok(false) => StoreError::DataKeyMissing {
            id: key.data_key_id,
        },
        Err(error) => error,
    }
}

pub(crate) fn delete(connection: &Connection, fingerprint: Fingerprint) -> Result<(), StoreError> {
    let deleted = connection
        .prepare_cached("DELETE FROM private_keys WHERE fingerprint = ?1")
        .and_then(|mut statement| statement.execute([fingerprint.as_bytes()]))
        .map_err(failed("delete a private key"))?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(StoreError::KeyMissing { fingerprint })
    }
}
