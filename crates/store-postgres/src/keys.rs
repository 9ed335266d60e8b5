//! Public and private rows together: what start-up reads and imports write.

use sqlx::{AssertSqlSafe, postgres::PgRow};
use strongroom_crypto::Fingerprint;
use strongroom_store::{KeyRow, Row, StoreError, TakeKeys};

use crate::{
    error::failed,
    private_keys, public_keys,
    row::{Column, Columns},
    wire::{Read, Wire},
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

/// A row for both halves of each key, since a row costs more than what is in it.
macro_rules! select {
    ($of_which:literal, $how_many:literal) => {
        concat!(
            "SELECT p.*, k.* FROM (SELECT ",
            public_keys::columns!(),
            " FROM public_keys",
            $of_which,
            ") AS p LEFT JOIN (SELECT ",
            private_keys::columns!(),
            " FROM private_keys",
            $of_which,
            ") AS k ON k.fingerprint = p.fingerprint ORDER BY p.fingerprint",
            $how_many
        )
    };
}

const READING: &str = "read keys";

/// A page of keys in the order of fingerprints.
pub(crate) async fn select_after(
    wire: &mut Wire,
    after: Option<Fingerprint>,
    limit: usize,
) -> Result<Vec<KeyRow>, StoreError> {
    const SELECT: &str = select!(" WHERE fingerprint > $1", " LIMIT $2");
    if after.is_none() {
        // Whoever begins with the first key reads them all: it is quicker to walk both tables side by side.
        let merging = sqlx::query("SET LOCAL enable_mergejoin = on");
        wire.execute(merging).await.map_err(failed(READING))?;
    }
    // The empty bytes come before every fingerprint.
    let after = after
        .as_ref()
        .map_or(&[][..], |fingerprint| fingerprint.as_bytes());
    let query = sqlx::query(SELECT)
        .bind(after)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    wire.read(READING, limit, query, decode).await
}

/// All keys in the order of fingerprints, by one question: it takes as long as there are keys, and each page has its time.
pub(crate) async fn select_all(
    wire: &mut Wire,
    page: usize,
    to: &mut dyn TakeKeys,
) -> Result<Read, StoreError> {
    const SELECT: &str = select!("", "");
    wire.script("SET LOCAL enable_mergejoin = on; SET LOCAL statement_timeout = 0")
        .await
        .map_err(failed(READING))?;
    wire.read_keys(READING, page, sqlx::query(SELECT), decode, to)
        .await
}

fn decode(row: &PgRow) -> Result<KeyRow, StoreError> {
    let public = public_keys::decode(row)?;
    Ok((
        public,
        private_keys::decode_half(row, public_keys::COLUMNS)?,
    ))
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
