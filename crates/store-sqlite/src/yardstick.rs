//! What benchmarks hold the store against: the same rows read, or written, with nothing around it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};
use strongroom_crypto::{Fingerprint, KeySpec, KeyUsages};
use strongroom_store::{RowCode, StoreError};

use crate::{Limits, connection, error::failed, open::DATABASE};

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
    /// Custody, sealing, state, exposed.
    pub codes: [u8; 4],
    /// Of the public and of the private row, microseconds since the epoch.
    pub created_at: [i64; 2],
    /// Of both rows.
    pub data_key_ids: [[u8; 16]; 2],
    /// Of both rows.
    pub macs: [[u8; 32]; 2],
}

/// Reads all sealed keys of the vault in `folder` by plain SQL, and hands them out in pages.
///
/// No lock, no integrity check, no checked columns: the least that an honest comparison can read.
///
/// # Errors
/// Whatever SQLite says.
pub fn read_sealed_rows(
    folder: &Path,
    page: usize,
    mut visit: impl FnMut(Vec<SealedRow>),
) -> rusqlite::Result<()> {
    let connection =
        Connection::open_with_flags(folder.join(DATABASE), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut public =
        connection.prepare(
        "SELECT fingerprint, spec, usages, spki, name, created_at, data_key_id, mac FROM public_keys ORDER BY 1",
    )?;
    let mut private =
        connection.prepare(
        "SELECT fingerprint, stored_key, custody, sealing, state, exposed, wrapper_key_id, data_key_id, created_at, \
         mac FROM private_keys ORDER BY 1",
    )?;
    let (mut public, mut private) = (public.query(())?, private.query(())?);
    let mut rows = Vec::with_capacity(page);
    while let Some(sealed) = private.next()? {
        let fingerprint: [u8; 32] = sealed.get(0)?;
        while let Some(row) = public.next()? {
            if row.get::<_, [u8; 32]>(0)? != fingerprint {
                continue;
            }
            let usages: Option<u8> = row.get(2)?;
            rows.push(SealedRow {
                fingerprint: Fingerprint::from_bytes(fingerprint),
                spec: KeySpec::from_code(row.get(1)?).ok_or(rusqlite::Error::InvalidQuery)?,
                usages: usages.and_then(|bits| KeyUsages::from_bits(bits).ok()),
                spki: row.get_ref(3)?.as_blob()?.into(),
                sealed: sealed.get_ref(1)?.as_blob()?.to_vec(),
                rest: Rest {
                    name: row.get(4)?,
                    wrapper_key_id: sealed.get(6)?,
                    codes: [
                        sealed.get(2)?,
                        sealed.get(3)?,
                        sealed.get(4)?,
                        sealed.get(5)?,
                    ],
                    created_at: [row.get(5)?, sealed.get(8)?],
                    data_key_ids: [row.get(6)?, sealed.get(7)?],
                    macs: [row.get(7)?, sealed.get(9)?],
                },
            });
            break;
        }
        if rows.len() == page {
            visit(std::mem::replace(&mut rows, Vec::with_capacity(page)));
        }
    }
    visit(rows);
    Ok(())
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

/// Seals all keys of the vault in `folder` anew by plain SQL, `batch` of them in a transaction: reads them, hands them out, and
/// updates both rows of each, with another data key. Says how many there were.
///
/// The connection is set up as the store's own. The tags of rows are not computed, so the vault does not open any more.
///
/// # Errors
/// Whatever SQLite says.
pub fn reseal_rows(
    folder: &Path,
    batch: usize,
    mut reseal: impl FnMut(&mut [RowToReseal]),
) -> Result<u64, StoreError> {
    let connection = connection::writer(&folder.join(DATABASE), &Limits::default())?;
    connection::accept(&connection)?;
    let mut change = || -> rusqlite::Result<u64> {
        let new_data_key = [0xb7_u8; 16];
        connection.execute(
            "INSERT INTO data_keys SELECT ?1, commitment, state, created_at, mac FROM data_keys LIMIT 1",
            [new_data_key],
        )?;
        let limit = i64::try_from(batch).unwrap_or(i64::MAX);
        let mut after = Vec::new();
        let mut done = 0;
        loop {
            let mut rows = read_batch(&connection, &after, limit)?;
            let Some(last) = rows.last() else {
                return Ok(done);
            };
            after = last.fingerprint.as_bytes().to_vec();
            reseal(&mut rows);
            connection.execute_batch("BEGIN IMMEDIATE")?;
            write_batch(&connection, &rows, &new_data_key)?;
            connection.execute_batch("COMMIT")?;
            done += rows.iter().map(|_| 1).sum::<u64>();
        }
    };
    change().map_err(failed("seal keys anew"))
}

fn read_batch(
    connection: &Connection,
    after: &[u8],
    limit: i64,
) -> rusqlite::Result<Vec<RowToReseal>> {
    let mut public = connection.prepare_cached(
        "SELECT fingerprint, spec, usages FROM public_keys WHERE fingerprint > ?1 ORDER BY fingerprint LIMIT ?2",
    )?;
    let mut private = connection.prepare_cached(
        "SELECT stored_key FROM private_keys WHERE fingerprint > ?1 ORDER BY fingerprint LIMIT ?2",
    )?;
    let mut public = public.query(params![after, limit])?;
    let mut private = private.query(params![after, limit])?;
    let mut rows = Vec::new();
    // Every key of the benchmark has a private half.
    while let (Some(public), Some(private)) = (public.next()?, private.next()?) {
        let usages: Option<u8> = public.get(2)?;
        rows.push(RowToReseal {
            fingerprint: Fingerprint::from_bytes(public.get(0)?),
            spec: KeySpec::from_code(public.get(1)?).ok_or(rusqlite::Error::InvalidQuery)?,
            usages: usages.and_then(|bits| KeyUsages::from_bits(bits).ok()),
            sealed: private.get_ref(0)?.as_blob()?.to_vec(),
        });
    }
    Ok(rows)
}

fn write_batch(
    connection: &Connection,
    rows: &[RowToReseal],
    data_key: &[u8; 16],
) -> rusqlite::Result<()> {
    let mut public = connection.prepare_cached(
        "UPDATE public_keys SET data_key_id = ?2, mac = ?3 WHERE fingerprint = ?1",
    )?;
    let mut private = connection.prepare_cached(
        "UPDATE private_keys SET data_key_id = ?2, mac = ?3, stored_key = ?4 WHERE fingerprint = ?1",
    )?;
    let mac = [0xb7_u8; 32];
    for row in rows {
        let fingerprint = row.fingerprint.as_bytes();
        public.execute(params![fingerprint, data_key, mac])?;
        private.execute(params![fingerprint, data_key, mac, row.sealed])?;
    }
    Ok(())
}
