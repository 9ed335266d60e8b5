//! The rows of public keys.

use rusqlite::{Connection, OptionalExtension, params};
use strongroom_crypto::{Fingerprint, KeyName, KeyPurpose, KeyUsages, Timestamp};
use strongroom_store::{DataKeyId, PublicKeyRecord, Row, RowCode, StoreError};

use crate::{
    data_keys,
    error::{failed, is_broken_reference, is_duplicate},
    rotations,
    row::{self, Column, Columns},
};

/// All columns, in the order of the constants below.
macro_rules! columns {
    () => {
        "fingerprint, spec, usages, spki, name, created_at, data_key_id, mac"
    };
}
pub(crate) use columns;

const FINGERPRINT: Column = Column(0, "fingerprint");
const SPEC: Column = Column(1, "spec");
const USAGES: Column = Column(2, "usages");
const SPKI: Column = Column(3, "spki");
const NAME: Column = Column(4, "name");
const CREATED_AT: Column = Column(5, "created_at");
const DATA_KEY_ID: Column = Column(6, "data_key_id");
const MAC: Column = Column(7, "mac");

pub(crate) fn select(
    connection: &Connection,
    fingerprint: Fingerprint,
) -> Result<Option<PublicKeyRecord>, StoreError> {
    let reading = failed("read a public key");
    let mut statement = connection
        .prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM public_keys WHERE fingerprint = ?1"
        ))
        .map_err(&reading)?;
    let mut rows = statement
        .query([fingerprint.as_bytes()])
        .map_err(&reading)?;
    rows.next().map_err(&reading)?.map(decode).transpose()
}

/// Whether a key that a refused row names is there: the engine only says that something is missing.
pub(crate) fn exists(
    connection: &Connection,
    fingerprint: Fingerprint,
) -> Result<bool, StoreError> {
    connection
        .prepare_cached("SELECT 1 FROM public_keys WHERE fingerprint = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([fingerprint.as_bytes()], |_| Ok(()))
                .optional()
        })
        .map(|found| found.is_some())
        .map_err(failed("read a public key"))
}

pub(crate) fn count(connection: &Connection) -> Result<u64, StoreError> {
    row::count(connection, "SELECT count(*) FROM public_keys")
}

pub(crate) fn decode(row: &rusqlite::Row<'_>) -> Result<PublicKeyRecord, StoreError> {
    let columns = Columns::new(row, "public_keys");
    let fingerprint = Fingerprint::from_bytes(columns.array(FINGERPRINT)?);
    let columns = columns.named(Row::Key(fingerprint));
    let record = PublicKeyRecord {
        fingerprint,
        spec: columns.code(SPEC)?,
        usages: usages(&columns, USAGES)?,
        spki: columns.bytes(SPKI)?.into(),
        name: name(&columns, NAME)?,
        created_at: Timestamp::from_micros(columns.integer(CREATED_AT)?),
        data_key_id: DataKeyId::from_bytes(columns.array(DATA_KEY_ID)?),
        mac: columns.array(MAC)?,
    };
    let is_for_signing = record.spec.purpose() == KeyPurpose::Signing;
    if is_for_signing == record.usages.is_some() {
        Ok(record)
    } else {
        Err(columns.impossible(USAGES))
    }
}

/// Only as this program writes them: bits that the set would ignore or add are somebody else's.
pub(crate) fn usages(
    columns: &Columns<'_>,
    column: Column,
) -> Result<Option<KeyUsages>, StoreError> {
    let Some(bits) = columns.optional_byte(column)? else {
        return Ok(None);
    };
    match KeyUsages::from_bits(bits) {
        Ok(usages) if usages.bits() == bits => Ok(Some(usages)),
        _ => Err(columns.impossible(column)),
    }
}

pub(crate) fn name(columns: &Columns<'_>, column: Column) -> Result<Option<KeyName>, StoreError> {
    columns
        .optional_text(column)?
        .map(|name| KeyName::try_new(name).map_err(|_invalid| columns.impossible(column)))
        .transpose()
}

pub(crate) fn insert(connection: &Connection, key: &PublicKeyRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached(concat!(
            "INSERT INTO public_keys (",
            columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
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

pub(crate) fn update(connection: &Connection, key: &PublicKeyRecord) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE public_keys SET spec = ?2, usages = ?3, spki = ?4, name = ?5, created_at = ?6, data_key_id = ?7, \
             mac = ?8 WHERE fingerprint = ?1",
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

fn write(
    statement: &mut rusqlite::Statement<'_>,
    key: &PublicKeyRecord,
) -> Result<usize, rusqlite::Error> {
    statement.execute(params![
        key.fingerprint.as_bytes(),
        key.spec.code(),
        key.usages.map(|usages| usages.bits()),
        key.spki,
        key.name.as_ref().map(KeyName::as_str),
        key.created_at.as_micros(),
        key.data_key_id.as_bytes(),
        key.mac,
    ])
}

fn refused(connection: &Connection, key: &PublicKeyRecord, error: rusqlite::Error) -> StoreError {
    if is_broken_reference(&error)
        && matches!(data_keys::exists(connection, key.data_key_id), Ok(false))
    {
        StoreError::DataKeyMissing {
            id: key.data_key_id,
        }
    } else {
        failed("write a public key")(error)
    }
}

pub(crate) fn delete(connection: &Connection, fingerprint: Fingerprint) -> Result<(), StoreError> {
    let deleted = connection
        .prepare_cached("DELETE FROM public_keys WHERE fingerprint = ?1")
        .and_then(|mut statement| statement.execute([fingerprint.as_bytes()]))
        .map_err(|error| {
            if is_broken_reference(&error) {
                still_needed(connection, fingerprint)
            } else {
                failed("delete a public key")(error)
            }
        })?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(StoreError::KeyMissing { fingerprint })
    }
}

/// What keeps a public key from going. A rotation comes first: whoever deleted the private key to make way would have
/// lost it for nothing.
fn still_needed(connection: &Connection, fingerprint: Fingerprint) -> StoreError {
    match rotations::names(connection, fingerprint) {
        Ok(true) => StoreError::KeyInRotation { fingerprint },
        Ok(false) => StoreError::PrivateKeyRemains { fingerprint },
        Err(error) => error,
    }
}
