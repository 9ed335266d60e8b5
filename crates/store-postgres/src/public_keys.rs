//! The rows of public keys.

use std::collections::BTreeMap;

use sqlx::postgres::PgRow;
use strongroom_crypto::{Fingerprint, KeyName, KeyPurpose, KeyUsages, Timestamp};
use strongroom_store::{DataKeyId, PublicKeyRecord, Row, RowCode as _, StoreError};

use crate::{
    error::{failed, is_duplicate, key_bytes, missing_data_key},
    keys::{self, BATCH},
    row::{Column, Columns},
    wire::Wire,
};

/// All columns, in the order of the constants below.
macro_rules! columns {
    () => {
        "fingerprint, spec, usages, spki, name, created_at, data_key_id, mac"
    };
}
pub(crate) use columns;

/// How many columns.
pub(crate) const COLUMNS: usize = 8;

const FINGERPRINT: Column = Column(0, "fingerprint");
const SPEC: Column = Column(1, "spec");
const USAGES: Column = Column(2, "usages");
const SPKI: Column = Column(3, "spki");
const NAME: Column = Column(4, "name");
const CREATED_AT: Column = Column(5, "created_at");
const DATA_KEY_ID: Column = Column(6, "data_key_id");
const MAC: Column = Column(7, "mac");

/// The columns of many rows, as arrays.
macro_rules! arrays {
    () => {
        "unnest($1::bytea[], $2::smallint[], $3::smallint[], $4::bytea[], $5::text[], $6::bigint[], $7::bytea[], $8::bytea[])"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO public_keys (",
    columns!(),
    ") SELECT * FROM ",
    arrays!()
);
const UPDATE: &str = concat!(
    "UPDATE public_keys AS old SET spec = new.spec, usages = new.usages, spki = new.spki, name = new.name, \
     created_at = new.created_at, data_key_id = new.data_key_id, mac = new.mac FROM ",
    arrays!(),
    " AS new (",
    columns!(),
    ") WHERE old.fingerprint = new.fingerprint"
);

pub(crate) async fn select(
    wire: &mut Wire,
    fingerprint: Fingerprint,
) -> Result<Option<PublicKeyRecord>, StoreError> {
    const SELECT: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM public_keys WHERE fingerprint = $1"
    );
    let query = sqlx::query(SELECT).bind(fingerprint.as_bytes().to_vec());
    let row = wire
        .optional_row(query)
        .await
        .map_err(failed("read a public key"))?;
    row.as_ref().map(decode).transpose()
}

pub(crate) async fn count(wire: &mut Wire) -> Result<u64, StoreError> {
    keys::count(wire, "SELECT count(*) FROM public_keys").await
}

pub(crate) fn decode(row: &PgRow) -> Result<PublicKeyRecord, StoreError> {
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

/// Stores any number of keys, which are in the order of fingerprints.
pub(crate) async fn insert(wire: &mut Wire, keys: &[&PublicKeyRecord]) -> Result<(), StoreError> {
    if let Some(fingerprint) = keys::twice(keys.iter().map(|key| key.fingerprint)) {
        return Err(StoreError::KeyExists { fingerprint });
    }
    for batch in keys.chunks(BATCH) {
        write(wire, INSERT, batch).await.map_err(|error| {
            let known = key_bytes(&error).map(Fingerprint::from_bytes);
            match known.or_else(|| batch.first().map(|key| key.fingerprint)) {
                Some(fingerprint) if is_duplicate(&error) => StoreError::KeyExists { fingerprint },
                _ => refused(batch, error),
            }
        })?;
    }
    Ok(())
}

pub(crate) async fn update(wire: &mut Wire, keys: Vec<PublicKeyRecord>) -> Result<(), StoreError> {
    // Of two rows for one key the later one counts.
    let keys: BTreeMap<_, _> = keys.iter().map(|key| (key.fingerprint, key)).collect();
    let keys: Vec<_> = keys.into_values().collect();
    for batch in keys.chunks(BATCH) {
        let changed = write(wire, UPDATE, batch)
            .await
            .map_err(|error| refused(batch, error))?;
        if changed != keys::len(batch) {
            return Err(keys::missing(
                wire,
                "public_keys",
                batch.iter().map(|key| key.fingerprint),
            )
            .await);
        }
    }
    Ok(())
}

async fn write(
    wire: &mut Wire,
    sql: &'static str,
    keys: &[&PublicKeyRecord],
) -> Result<u64, sqlx::Error> {
    macro_rules! each {
        (|$key:ident| $value:expr) => {
            keys.iter().map(|$key| $value).collect::<Vec<_>>()
        };
    }
    let query = sqlx::query(sql)
        .bind(each!(|key| key.fingerprint.as_bytes().as_slice()))
        .bind(each!(|key| i16::from(key.spec.code())))
        .bind(each!(|key| key
            .usages
            .map(|usages| i16::from(usages.bits()))))
        .bind(each!(|key| &*key.spki))
        .bind(each!(|key| key.name.as_ref().map(KeyName::as_str)))
        .bind(each!(|key| key.created_at.as_micros()))
        .bind(each!(|key| key.data_key_id.as_bytes().as_slice()))
        .bind(each!(|key| key.mac.as_slice()));
    wire.execute(query).await
}

fn refused(keys: &[&PublicKeyRecord], error: sqlx::Error) -> StoreError {
    missing_data_key(&error, keys.first().map(|key| key.data_key_id))
        .unwrap_or_else(|| failed("write a public key")(error))
}

pub(crate) async fn delete(wire: &mut Wire, fingerprint: Fingerprint) -> Result<(), StoreError> {
    // Asked before: after a refusal the server answers nothing more. A rotation comes first: whoever deleted the private key
    // to make way would have lost it for nothing.
    const NEEDED: &str = "SELECT EXISTS (SELECT 1 FROM rotations WHERE old_key = $1 OR new_key = $1), \
         EXISTS (SELECT 1 FROM private_keys WHERE fingerprint = $1)";
    let deleting = failed("delete a public key");
    let bytes = fingerprint.as_bytes().as_slice();
    let row = wire
        .row(sqlx::query(NEEDED).bind(bytes))
        .await
        .map_err(&deleting)?;
    let columns = Columns::new(&row, "public_keys").named(Row::Key(fingerprint));
    if columns.flag(Column(0, "fingerprint"))? {
        return Err(StoreError::KeyInRotation { fingerprint });
    }
    if columns.flag(Column(1, "fingerprint"))? {
        return Err(StoreError::PrivateKeyRemains { fingerprint });
    }
    let query = sqlx::query("DELETE FROM public_keys WHERE fingerprint = $1").bind(bytes);
    if wire.execute(query).await.map_err(&deleting)? == 1 {
        Ok(())
    } else {
        Err(StoreError::KeyMissing { fingerprint })
    }
}
