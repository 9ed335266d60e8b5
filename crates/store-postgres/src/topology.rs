//! The rows of topology.

use std::collections::BTreeMap;

use sqlx::postgres::PgRow;
use strongroom_crypto::Timestamp;
use strongroom_store::{
    Damage, DataKeyId, Row, StoreError, TopologyExpiry, TopologyRow, TopologyTag,
};

use crate::{
    error::{failed, is_duplicate, key, missing_data_key},
    keys::{self, BATCH},
    row::{Column, Columns},
    wire::Wire,
};

/// All columns, in the order of the constants below.
macro_rules! columns {
    () => {
        "store, ordinal, sequenced, valid_from, valid_until, operation, mapping_code, serial, namespace, identifier, \
         unique_key, transaction_hash, proposal, rejection, data_key_id, mac, signed_transaction"
    };
}

const STORE: Column = Column(0, "store");
const ORDINAL: Column = Column(1, "ordinal");
const SEQUENCED: Column = Column(2, "sequenced");
const VALID_FROM: Column = Column(3, "valid_from");
const VALID_UNTIL: Column = Column(4, "valid_until");
const OPERATION: Column = Column(5, "operation");
const MAPPING_CODE: Column = Column(6, "mapping_code");
const SERIAL: Column = Column(7, "serial");
const NAMESPACE: Column = Column(8, "namespace");
const IDENTIFIER: Column = Column(9, "identifier");
const UNIQUE_KEY: Column = Column(10, "unique_key");
const TRANSACTION_HASH: Column = Column(11, "transaction_hash");
const PROPOSAL: Column = Column(12, "proposal");
const REJECTION: Column = Column(13, "rejection");
const DATA_KEY_ID: Column = Column(14, "data_key_id");
const MAC: Column = Column(15, "mac");
const SIGNED_TRANSACTION: Column = Column(16, "signed_transaction");

/// The largest serial: the wire has a signed number for it.
const MAX_SERIAL: u32 = u32::MAX >> 1;

const INSERT: &str = concat!(
    "INSERT INTO topology (",
    columns!(),
    ") SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::smallint[], \
     $7::smallint[], $8::bigint[], $9::bytea[], $10::bytea[], $11::bytea[], $12::bytea[], $13::boolean[], $14::bytea[], \
     $15::bytea[], $16::bytea[], $17::bytea[])"
);

pub(crate) async fn select_after(
    wire: &mut Wire,
    after: Option<(String, u64)>,
    limit: usize,
) -> Result<Vec<TopologyRow>, StoreError> {
    const SELECT: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM topology WHERE (store, ordinal) > ($1, $2) ORDER BY store, ordinal LIMIT $3"
    );
    // No topology store has an empty name, so this comes before every row.
    let (store, ordinal) = after.unwrap_or_default();
    let query = sqlx::query(SELECT)
        .bind(store)
        // Numbers beyond the engine's range are not stored, so nothing of the same topology store comes after them.
        .bind(i64::try_from(ordinal).unwrap_or(i64::MAX))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    wire.read("read topology", limit, query, decode).await
}

pub(crate) async fn count(wire: &mut Wire) -> Result<u64, StoreError> {
    keys::count(wire, "SELECT count(*) FROM topology").await
}

fn decode(row: &PgRow) -> Result<TopologyRow, StoreError> {
    let columns = Columns::new(row, "topology");
    let store = columns.non_empty_text(STORE)?.to_owned();
    let ordinal = columns.ordinal()?;
    let columns = columns.named(Row::Topology {
        store: store.clone(),
        ordinal,
    });
    let (valid_from, valid_until) = columns.validity()?;
    Ok(TopologyRow {
        store,
        ordinal,
        sequenced: Timestamp::from_micros(columns.integer(SEQUENCED)?),
        valid_from,
        valid_until,
        operation: columns.operation()?,
        mapping_code: columns.mapping_code()?,
        serial: columns.serial()?,
        namespace: columns.utf8(NAMESPACE)?.to_owned(),
        identifier: columns.utf8(IDENTIFIER)?.to_owned(),
        unique_key: columns.array(UNIQUE_KEY)?,
        transaction_hash: columns.array(TRANSACTION_HASH)?,
        proposal: columns.flag(PROPOSAL)?,
        rejection: columns.rejection()?,
        data_key_id: DataKeyId::from_bytes(columns.array(DATA_KEY_ID)?),
        mac: columns.array(MAC)?,
        transaction: columns.signed_transaction()?,
    })
}

/// What the rules of the schema say, once more: whoever changed the database may have changed them too.
impl Columns<'_> {
    fn ordinal(&self) -> Result<u64, StoreError> {
        match u64::try_from(self.integer(ORDINAL)?) {
            Ok(ordinal @ 1..) => Ok(ordinal),
            _ => Err(self.impossible(ORDINAL)),
        }
    }

    fn validity(&self) -> Result<(Timestamp, Option<Timestamp>), StoreError> {
        let from = self.integer(VALID_FROM)?;
        let until = self.optional_integer(VALID_UNTIL)?;
        if until.is_some_and(|until| until < from) {
            return Err(self.impossible(VALID_UNTIL));
        }
        Ok((
            Timestamp::from_micros(from),
            until.map(Timestamp::from_micros),
        ))
    }

    fn operation(&self) -> Result<u8, StoreError> {
        match self.byte(OPERATION)? {
            known @ (1 | 2) => Ok(known),
            _ => Err(self.impossible(OPERATION)),
        }
    }

    fn mapping_code(&self) -> Result<u8, StoreError> {
        match self.byte(MAPPING_CODE)? {
            code @ 1.. => Ok(code),
            0 => Err(self.impossible(MAPPING_CODE)),
        }
    }

    fn serial(&self) -> Result<u32, StoreError> {
        match self.number(SERIAL)? {
            serial @ 1..=MAX_SERIAL => Ok(serial),
            _ => Err(self.impossible(SERIAL)),
        }
    }

    fn rejection(&self) -> Result<Option<String>, StoreError> {
        match self.optional_utf8(REJECTION)? {
            Some(text) if text.len() > TopologyRow::MAX_REJECTION_BYTES => {
                Err(self.impossible(REJECTION))
            }
            rejection => Ok(rejection.map(str::to_owned)),
        }
    }

    fn signed_transaction(&self) -> Result<Vec<u8>, StoreError> {
        match self.bytes(SIGNED_TRANSACTION)? {
            [] => Err(self.impossible(SIGNED_TRANSACTION)),
            bytes => Ok(bytes.to_vec()),
        }
    }
}

/// In the order of the index, whatever order they come in.
pub(crate) async fn insert(wire: &mut Wire, mut rows: Vec<TopologyRow>) -> Result<(), StoreError> {
    rows.sort_by(|one, other| (&one.store, one.ordinal).cmp(&(&other.store, other.ordinal)));
    for pair in rows.windows(2) {
        if let [one, other] = pair
            && (&one.store, one.ordinal) == (&other.store, other.ordinal)
        {
            return Err(exists(one));
        }
    }
    for batch in rows.chunks(BATCH) {
        write(wire, batch).await?;
    }
    Ok(())
}

async fn write(wire: &mut Wire, rows: &[TopologyRow]) -> Result<(), StoreError> {
    macro_rules! each {
        (|$row:ident| $value:expr) => {
            rows.iter().map(|$row| $value).collect::<Vec<_>>()
        };
    }
    let ordinals = rows.iter().map(|row| stored_ordinal(row.ordinal));
    let query = sqlx::query(INSERT)
        .bind(each!(|row| row.store.as_str()))
        .bind(ordinals.collect::<Result<Vec<_>, _>>()?)
        .bind(each!(|row| row.sequenced.as_micros()))
        .bind(each!(|row| row.valid_from.as_micros()))
        .bind(each!(|row| row.valid_until.map(Timestamp::as_micros)))
        .bind(each!(|row| i16::from(row.operation)))
        .bind(each!(|row| i16::from(row.mapping_code)))
        .bind(each!(|row| i64::from(row.serial)))
        .bind(each!(|row| row.namespace.as_bytes()))
        .bind(each!(|row| row.identifier.as_bytes()))
        .bind(each!(|row| row.unique_key.as_slice()))
        .bind(each!(|row| row.transaction_hash.as_slice()))
        .bind(each!(|row| row.proposal))
        .bind(each!(|row| row.rejection.as_deref().map(str::as_bytes)))
        .bind(each!(|row| row.data_key_id.as_bytes().as_slice()))
        .bind(each!(|row| row.mac.as_slice()))
        .bind(each!(|row| row.transaction.as_slice()));
    wire.execute(query)
        .await
        .map(|_rows| ())
        .map_err(|error| refused(rows, error))
}

fn refused(rows: &[TopologyRow], error: sqlx::Error) -> StoreError {
    if let Some(missing) = missing_data_key(&error, rows.first().map(|row| row.data_key_id)) {
        return missing;
    }
    // The server names the position as `store, ordinal`.
    let named = key(&error).and_then(|key| {
        let (store, ordinal) = key.rsplit_once(", ")?;
        let ordinal = ordinal.parse().ok()?;
        let is_it = |row: &&TopologyRow| row.store == store && row.ordinal == ordinal;
        rows.iter().find(is_it)
    });
    match named.or(rows.first()) {
        Some(row) if is_duplicate(&error) => exists(row),
        _ => failed("write topology")(error),
    }
}

fn exists(row: &TopologyRow) -> StoreError {
    StoreError::TopologyRowExists {
        store: row.store.clone(),
        ordinal: row.ordinal,
    }
}

pub(crate) async fn expire(
    wire: &mut Wire,
    expiries: Vec<TopologyExpiry>,
) -> Result<(), StoreError> {
    const EXPIRE: &str = "UPDATE topology AS old SET valid_until = new.valid_until, mac = new.mac \
         FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bytea[]) AS new (store, ordinal, valid_until, mac) \
         WHERE old.store = new.store AND old.ordinal = new.ordinal";
    // Of two for one row the later one counts.
    let expiries: BTreeMap<_, _> = expiries
        .iter()
        .map(|expiry| ((expiry.store.as_str(), expiry.ordinal), expiry))
        .collect();
    let all: Vec<_> = expiries.into_iter().collect();
    for batch in all.chunks(BATCH) {
        let positions = Positions::of(batch.iter().map(|(position, _)| *position));
        let until = batch
            .iter()
            .map(|(_, expiry)| expiry.valid_until.as_micros());
        let macs = batch.iter().map(|(_, expiry)| expiry.mac.as_slice());
        let query = sqlx::query(EXPIRE)
            .bind(&positions.stores)
            .bind(&positions.ordinals)
            .bind(until.collect::<Vec<_>>())
            .bind(macs.collect::<Vec<_>>());
        let changed = wire
            .execute(query)
            .await
            .map_err(failed("write topology"))?;
        positions.were_found(wire, changed).await?;
    }
    Ok(())
}

pub(crate) async fn update_tags(wire: &mut Wire, tags: Vec<TopologyTag>) -> Result<(), StoreError> {
    const UPDATE: &str = "UPDATE topology AS old SET data_key_id = new.data_key_id, mac = new.mac \
         FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::bytea[]) AS new (store, ordinal, data_key_id, mac) \
         WHERE old.store = new.store AND old.ordinal = new.ordinal";
    // Of two for one row the later one counts.
    let tags: BTreeMap<_, _> = tags
        .iter()
        .map(|tag| ((tag.store.as_str(), tag.ordinal), tag))
        .collect();
    let all: Vec<_> = tags.into_iter().collect();
    for batch in all.chunks(BATCH) {
        let positions = Positions::of(batch.iter().map(|(position, _)| *position));
        let data_keys = batch
            .iter()
            .map(|(_, tag)| tag.data_key_id.as_bytes().as_slice());
        let macs = batch.iter().map(|(_, tag)| tag.mac.as_slice());
        let query = sqlx::query(UPDATE)
            .bind(&positions.stores)
            .bind(&positions.ordinals)
            .bind(data_keys.collect::<Vec<_>>())
            .bind(macs.collect::<Vec<_>>());
        let changed = wire.execute(query).await.map_err(|error| {
            missing_data_key(&error, batch.first().map(|(_, tag)| tag.data_key_id))
                .unwrap_or_else(|| failed("write topology")(error))
        })?;
        positions.were_found(wire, changed).await?;
    }
    Ok(())
}

/// Where rows are that are to be changed.
struct Positions<'r> {
    wanted: Vec<(&'r str, u64)>,
    stores: Vec<&'r str>,
    ordinals: Vec<i64>,
}

impl<'r> Positions<'r> {
    fn of(positions: impl Iterator<Item = (&'r str, u64)>) -> Self {
        let wanted: Vec<_> = positions.collect();
        // What is beyond the engine's range is not stored, and neither is 0.
        let (stores, ordinals) = wanted
            .iter()
            .map(|(store, ordinal)| (*store, i64::try_from(*ordinal).unwrap_or_default()))
            .unzip();
        Self {
            wanted,
            stores,
            ordinals,
        }
    }

    /// Whether as many rows were changed as there are positions; else which of them is not there.
    async fn were_found(&self, wire: &mut Wire, changed: u64) -> Result<(), StoreError> {
        const THERE: &str = "SELECT EXISTS (SELECT 1 FROM topology AS there \
             WHERE there.store = wanted.store AND there.ordinal = wanted.ordinal) \
             FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS wanted (store, ordinal, place) ORDER BY place";
        if changed == keys::len(&self.wanted) {
            return Ok(());
        }
        let query = sqlx::query(THERE).bind(&self.stores).bind(&self.ordinals);
        let rows = wire.rows(query).await.map_err(failed("read topology"))?;
        for ((store, ordinal), row) in self.wanted.iter().zip(&rows) {
            if !Columns::new(row, "topology").flag(Column(0, "ordinal"))? {
                return Err(StoreError::TopologyRowMissing {
                    store: (*store).to_owned(),
                    ordinal: *ordinal,
                });
            }
        }
        // No two rows are at one position, so this is not reached while the server's index holds.
        Err(StoreError::corrupted(Damage::Structure {
            finding: "topology has a row twice".to_owned(),
        }))
    }
}

pub(crate) async fn delete(wire: &mut Wire, store: &str) -> Result<u64, StoreError> {
    let query = sqlx::query("DELETE FROM topology WHERE store = $1").bind(store);
    wire.execute(query).await.map_err(failed("delete topology"))
}

/// An ordinal as the engine takes it. Another row than the one offered must never be stored.
fn stored_ordinal(ordinal: u64) -> Result<i64, StoreError> {
    i64::try_from(ordinal).map_err(|_too_large| StoreError::RecordRefused {
        constraint: "topology_ordinal_in_range".to_owned(),
    })
}
