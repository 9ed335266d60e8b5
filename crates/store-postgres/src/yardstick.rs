//! What benchmarks hold the store against: the same rows read, or written, with nothing around it.

mod schema;

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};
use strongroom_crypto::{Fingerprint, KeySpec, KeyUsages};
use strongroom_store::{RowCode as _, StoreError};

use crate::{
    error::{failed, refused},
    settings::Settings,
};

pub use schema::{copy_keys, drop_schema, make_schema, vacuum};

/// What the bare work of opening a vault needs of one key.
#[derive(Debug)]
pub struct SealedRow {
    /// The key.
    pub fingerprint: Fingerprint,
    /// What it is.
    pub spec: KeySpec,
    /// What it may sign.
    pub usages: Option<KeyUsages>,
    /// The public key.
    pub spki: Box<[u8]>,
    /// The sealed private key.
    pub sealed: Vec<u8>,
    /// Every other column, as any program that wants to use its keys must read it.
    pub rest: Rest,
}

/// The columns that opening does not need.
#[derive(Debug)]
pub struct Rest {
    /// The operator's label.
    pub name: Option<Box<str>>,
    /// Wrapper key of a row that the KMS sealed itself.
    pub wrapper_key_id: Option<Box<str>>,
    /// Custody, sealing, state.
    pub codes: [i16; 3],
    /// Whether it was ever readable.
    pub exposed: bool,
    /// Of the public and of the private row, microseconds since the epoch.
    pub created_at: [i64; 2],
    /// Of both rows.
    pub data_key_ids: [[u8; 16]; 2],
    /// Of both rows.
    pub macs: [[u8; 32]; 2],
}

/// Reads all sealed keys of the vault by one plain statement, and hands them out in pages as they arrive.
///
/// No lease, no checked columns: the least that an honest comparison can read.
///
/// # Errors
/// Whatever the server says.
pub async fn read_sealed_rows(
    settings: &Settings,
    page: usize,
    mut visit: impl FnMut(Vec<SealedRow>),
) -> Result<(), StoreError> {
    const SELECT: &str = "SELECT p.fingerprint, p.spec, p.usages, p.spki, p.name, p.created_at, p.data_key_id, p.mac, \
         k.stored_key, k.custody, k.sealing, k.state, k.exposed, k.wrapper_key_id, k.data_key_id, k.created_at, k.mac \
         FROM public_keys AS p JOIN private_keys AS k ON k.fingerprint = p.fingerprint ORDER BY p.fingerprint";
    let reading = failed("read keys");
    let mut connection = connect(settings, true).await?;
    let mut found = sqlx::query(SELECT).fetch(&mut connection);
    let mut rows = Vec::with_capacity(page);
    while let Some(row) = found.try_next().await.map_err(&reading)? {
        rows.push(sealed_row(&row).map_err(&reading)?);
        if rows.len() == page {
            visit(std::mem::replace(&mut rows, Vec::with_capacity(page)));
        }
    }
    visit(rows);
    Ok(())
}

fn sealed_row(row: &sqlx::postgres::PgRow) -> Result<SealedRow, sqlx::Error> {
    Ok(SealedRow {
        fingerprint: Fingerprint::from_bytes(array(row.try_get(0)?)?),
        spec: spec(row.try_get(1)?)?,
        usages: usages(row.try_get(2)?),
        spki: row.try_get::<&[u8], _>(3)?.into(),
        sealed: row.try_get::<&[u8], _>(8)?.to_vec(),
        rest: Rest {
            name: row.try_get::<Option<&str>, _>(4)?.map(Into::into),
            wrapper_key_id: row.try_get::<Option<&str>, _>(13)?.map(Into::into),
            codes: [row.try_get(9)?, row.try_get(10)?, row.try_get(11)?],
            exposed: row.try_get(12)?,
            created_at: [row.try_get(5)?, row.try_get(15)?],
            data_key_ids: [array(row.try_get(6)?)?, array(row.try_get(14)?)?],
            macs: [array(row.try_get(7)?)?, array(row.try_get(16)?)?],
        },
    })
}

/// The row of a sealed key, as far as sealing it anew needs it.
#[derive(Debug)]
pub struct RowToReseal {
    /// The key.
    pub fingerprint: Fingerprint,
    /// What it is.
    pub spec: KeySpec,
    /// What it may sign.
    pub usages: Option<KeyUsages>,
    /// The sealed private key, and what it becomes.
    pub sealed: Vec<u8>,
}

/// Seals all keys of the vault anew by plain SQL, `batch` of them in a transaction: reads them, hands them out, and updates both
/// rows of each, with another data key. Says how many there were.
///
/// As durable as the store, and by whole batches as it does. The tags of rows are not computed, so the vault does not open any
/// more.
///
/// # Errors
/// Whatever the server says.
pub async fn reseal_rows(
    settings: &Settings,
    batch: usize,
    mut reseal: impl FnMut(&mut [RowToReseal]),
) -> Result<u64, StoreError> {
    let mut connection = connect(settings, false).await?;
    let change = async {
        let new_data_key = [0xb7_u8; 16];
        sqlx::query("INSERT INTO data_keys SELECT $1, commitment, state, created_at, mac FROM data_keys LIMIT 1")
            .bind(&new_data_key[..])
            .execute(&mut connection)
            .await?;
        let limit = i64::try_from(batch).unwrap_or(i64::MAX);
        let mut after = Vec::new();
        let mut done = 0;
        loop {
            let mut rows = read_batch(&mut connection, &after, limit).await?;
            let Some(last) = rows.last() else {
                return Ok(done);
            };
            after = last.fingerprint.as_bytes().to_vec();
            reseal(&mut rows);
            let mut transaction = connection.begin().await?;
            write_batch(&mut transaction, &rows, &new_data_key).await?;
            transaction.commit().await?;
            done += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        }
    };
    change.await.map_err(failed("seal keys anew"))
}

async fn read_batch(
    connection: &mut PgConnection,
    after: &[u8],
    limit: i64,
) -> Result<Vec<RowToReseal>, sqlx::Error> {
    // Every key of the benchmark has a private half.
    const SELECT: &str = "SELECT p.fingerprint, p.spec, p.usages, k.stored_key \
         FROM public_keys AS p JOIN private_keys AS k ON k.fingerprint = p.fingerprint \
         WHERE p.fingerprint > $1 ORDER BY p.fingerprint LIMIT $2";
    let rows = sqlx::query(SELECT)
        .bind(after)
        .bind(limit)
        .fetch_all(connection)
        .await?;
    let read = |row: &sqlx::postgres::PgRow| {
        Ok(RowToReseal {
            fingerprint: Fingerprint::from_bytes(array(row.try_get(0)?)?),
            spec: spec(row.try_get(1)?)?,
            usages: usages(row.try_get(2)?),
            sealed: row.try_get::<&[u8], _>(3)?.to_vec(),
        })
    };
    rows.iter().map(read).collect()
}

async fn write_batch(
    connection: &mut PgConnection,
    rows: &[RowToReseal],
    data_key: &[u8; 16],
) -> Result<(), sqlx::Error> {
    const PUBLIC: &str = "UPDATE public_keys SET data_key_id = $2, mac = $3 \
         FROM unnest($1::bytea[]) AS new (fingerprint) WHERE public_keys.fingerprint = new.fingerprint";
    const PRIVATE: &str = "UPDATE private_keys SET data_key_id = $2, mac = $3, stored_key = new.sealed \
         FROM unnest($1::bytea[], $4::bytea[]) AS new (fingerprint, sealed) \
         WHERE private_keys.fingerprint = new.fingerprint";
    let mac = [0xb7_u8; 32];
    let fingerprints: Vec<_> = rows
        .iter()
        .map(|row| row.fingerprint.as_bytes().as_slice())
        .collect();
    let sealed: Vec<_> = rows.iter().map(|row| row.sealed.as_slice()).collect();
    sqlx::query(PUBLIC)
        .bind(&fingerprints)
        .bind(&data_key[..])
        .bind(&mac[..])
        .execute(&mut *connection)
        .await?;
    sqlx::query(PRIVATE)
        .bind(&fingerprints)
        .bind(&data_key[..])
        .bind(&mac[..])
        .bind(&sealed)
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// Without statistics the server would join by hashing a whole table. Whoever reads everything walks both tables side by side
/// (`merges`); whoever looks for a few rows takes the index.
async fn connect(settings: &Settings, merges: bool) -> Result<PgConnection, StoreError> {
    let options = settings
        .options()
        .map_err(|error| refused("use the settings", error))?;
    let connecting = failed("connect to the database");
    let mut connection = options
        .disable_statement_logging()
        .connect()
        .await
        .map_err(&connecting)?;
    let set_up = format!(
        "SET search_path = \"{}\"; SET synchronous_commit = on; SET jit = off; \
         SET enable_hashjoin = off; SET enable_mergejoin = {merges}",
        settings.schema
    );
    sqlx::raw_sql(AssertSqlSafe(set_up))
        .execute(&mut connection)
        .await
        .map_err(&connecting)?;
    Ok(connection)
}

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], sqlx::Error> {
    bytes.try_into().map_err(|_length| sqlx::Error::RowNotFound)
}

fn spec(code: i16) -> Result<KeySpec, sqlx::Error> {
    let known = u8::try_from(code).ok().and_then(KeySpec::from_code);
    known.ok_or(sqlx::Error::RowNotFound)
}

fn usages(bits: Option<i16>) -> Option<KeyUsages> {
    KeyUsages::from_bits(u8::try_from(bits?).ok()?).ok()
}
