//! What benchmarks hold the store against: the same rows read with nothing around it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use strongroom_crypto::{Fingerprint, KeySpec, KeyUsages};
use strongroom_store::RowCode;

use crate::open::DATABASE;

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
