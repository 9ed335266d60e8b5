//! Public and private rows together: what start-up reads and imports write.

use sqlx::AssertSqlSafe;
use strongroom_crypto::Fingerprint;
use strongroom_store::{KeyRow, PrivateKeyRecord, Row, StoreError};

use crate::{
    error::failed,
    private_keys, public_keys,
    row::{Column, Columns},
    wire::Wire,
};

/// How many rows are written by one statement.
pub(crate) const BATCH: usize = 4096;

pub(crate) fn len<T>(batch: &[T]) -> u64 {
    u64::try_from(batch.len()).unwrap_or(u64::MAX)
}

/// The number that a query counts.
pub(crate) async fn count(wire: &mut Wire, sql: &'static str) -> Result<u64, StoreError> {
    let row = wire
        .row(sqlx::query(sql))
        .await
        .map_err(failed("count the rows"))?;
    Columns::new(&row, "rows").count(Column(0, "count"))
}

/// A page of public rows, and the private rows between its ends: both in the order of fingerprints.
pub(crate) async fn select_after(
    wire: &mut Wire,
    after: Option<Fingerprint>,
    limit: usize,
) -> Result<Vec<KeyRow>, StoreError> {
    const PUBLIC: &str = concat!(
        "SELECT ",
        public_keys::columns!(),
        " FROM public_keys WHERE fingerprint > $1 ORDER BY fingerprint LIMIT $2"
    );
    const PRIVATE: &str = concat!(
        "SELECT ",
        private_keys::columns!(),
        " FROM private_keys WHERE fingerprint > $1 AND fingerprint <= $2 ORDER BY fingerprint"
    );
    // The empty bytes come before every fingerprint.
    let after = after
        .as_ref()
        .map_or(&[][..], |fingerprint| fingerprint.as_bytes());
    let query = sqlx::query(PUBLIC)
        .bind(after)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let public_keys = wire.read("read keys", query, public_keys::decode).await?;
    let Some(last) = public_keys.last().map(|key| key.fingerprint) else {
        return Ok(Vec::new());
    };
    let query = sqlx::query(PRIVATE)
        .bind(after)
        .bind(last.as_bytes().as_slice());
    let halves = wire.read("read keys", query, private_keys::decode).await?;
    let mut halves = halves.into_iter();
    let mut next: Option<PrivateKeyRecord> = None;
    let mut keys = Vec::with_capacity(public_keys.len());
    for public in public_keys {
        // Rows without a public key are skipped.
        while next
            .as_ref()
            .is_none_or(|half| half.fingerprint < public.fingerprint)
        {
            match halves.next() {
                Some(half) => next = Some(half),
                None => break,
            }
        }
        let half = next.take_if(|half| half.fingerprint == public.fingerprint);
        keys.push((public, half));
    }
    Ok(keys)
}

/// In the order of fingerprints, whatever order they come in: two that write never lock rows crosswise.
pub(crate) async fn insert(wire: &mut Wire, mut keys: Vec<KeyRow>) -> Result<(), StoreError> {
    keys.sort_by_key(|(public, _)| public.fingerprint);
    let public: Vec<_> = keys.iter().map(|(public, _)| public).collect();
    public_keys::insert(wire, &public).await?;
    let mut private: Vec<_> = keys
        .iter()
        .filter_map(|(_, private)| private.as_ref())
        .collect();
    private.sort_by_key(|key| key.fingerprint);
    private_keys::insert(wire, &private).await
}

/// The first of these, which are in order, that comes twice.
pub(crate) fn twice(keys: impl Iterator<Item = Fingerprint>) -> Option<Fingerprint> {
    let mut before = None;
    for key in keys {
        if before == Some(key) {
            return before;
        }
        before = Some(key);
    }
    None
}

/// Which of the keys is not in `table`.
pub(crate) async fn missing(
    wire: &mut Wire,
    table: &'static str,
    keys: impl Iterator<Item = Fingerprint>,
) -> StoreError {
    let keys: Vec<_> = keys.map(|key| key.as_bytes().to_vec()).collect();
    let sql = format!(
        "SELECT wanted.key FROM unnest($1::bytea[]) AS wanted (key) \
         WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE fingerprint = wanted.key) ORDER BY 1 LIMIT 1"
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(keys);
    let found = match wire.row(query).await {
        Ok(row) => Columns::new(&row, table)
            .named(Row::Nameless)
            .array(Column(0, "fingerprint")),
        Err(error) => Err(failed("read keys")(error)),
    };
    match found {
        Ok(bytes) => StoreError::KeyMissing {
            fingerprint: Fingerprint::from_bytes(bytes),
        },
        Err(error) => error,
    }
}
