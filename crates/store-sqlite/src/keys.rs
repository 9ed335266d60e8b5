//! Public and private rows together: what start-up reads and imports write.

use rusqlite::Connection;
use strongroom_crypto::Fingerprint;
use strongroom_store::{KeyRow, PrivateKeyRecord, StoreError};

use crate::{error::failed, private_keys, public_keys};

/// For how many rows of a page room is made at once; larger pages grow.
const MAX_RESERVED: usize = 4096;

/// Walks both tables side by side, since both are in the order of fingerprints: a join by the engine would look up
/// every private row anew.
pub(crate) fn select_after(
    connection: &Connection,
    after: Option<Fingerprint>,
    limit: usize,
) -> Result<Vec<KeyRow>, StoreError> {
    let reading = failed("read keys");
    // The empty blob comes before every fingerprint.
    let after = after
        .as_ref()
        .map_or(&[][..], |fingerprint| fingerprint.as_bytes());
    let mut public_statement = connection
        .prepare_cached(concat!(
            "SELECT ",
            public_keys::columns!(),
            " FROM public_keys WHERE fingerprint > ?1 ORDER BY fingerprint LIMIT ?2"
        ))
        .map_err(&reading)?;
    let mut private_statement = connection
        .prepare_cached(concat!(
            "SELECT ",
            private_keys::columns!(),
            " FROM private_keys WHERE fingerprint > ?1 ORDER BY fingerprint"
        ))
        .map_err(&reading)?;
    let mut public_rows = public_statement
        .query((after, i64::try_from(limit).unwrap_or(i64::MAX)))
        .map_err(&reading)?;
    let mut private_halves = PrivateHalves {
        rows: private_statement.query([after]).map_err(&reading)?,
        next: None,
    };
    let mut keys = Vec::with_capacity(limit.min(MAX_RESERVED));
    while let Some(row) = public_rows.next().map_err(&reading)? {
        let public = public_keys::decode(row)?;
        let private = private_halves.of(public.fingerprint)?;
        keys.push((public, private));
    }
    Ok(keys)
}

struct PrivateHalves<'s> {
    rows: rusqlite::Rows<'s>,
    /// Read already, but of a later fingerprint than the last one asked for.
    next: Option<PrivateKeyRecord>,
}

impl PrivateHalves<'_> {
    /// The private half of a public key, skipping rows without one. Fingerprints must be asked for in order.
    fn of(&mut self, fingerprint: Fingerprint) -> Result<Option<PrivateKeyRecord>, StoreError> {
        while self
            .next
            .as_ref()
            .is_none_or(|record| record.fingerprint < fingerprint)
        {
            let Some(row) = self.rows.next().map_err(failed("read keys"))? else {
                return Ok(None);
            };
            self.next = Some(private_keys::decode(row)?);
        }
        Ok(self
            .next
            .take_if(|record| record.fingerprint == fingerprint))
    }
}

/// In the order of fingerprints, whatever order they come in: the tables are clustered by it.
pub(crate) fn insert(connection: &Connection, mut keys: Vec<KeyRow>) -> Result<(), StoreError> {
    keys.sort_unstable_by_key(|(public, _)| public.fingerprint);
    for (public, private) in &keys {
        public_keys::insert(connection, public)?;
        if let Some(private) = private {
            private_keys::insert(connection, private)?;
        }
    }
    Ok(())
}
