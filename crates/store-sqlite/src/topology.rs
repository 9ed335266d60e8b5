//! The rows of topology.

use rusqlite::{Connection, Statement, params};
use strongroom_crypto::Timestamp;
use strongroom_store::{DataKeyId, Row, StoreError, TopologyExpiry, TopologyRow, TopologyTag};

use crate::{
    error::{failed, is_broken_reference, is_duplicate},
    row::{self, Column, Columns},
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

/// For how many rows of a page room is made at once; larger pages grow.
const MAX_RESERVED: usize = 4096;

/// The largest serial: the wire has a signed number for it.
const MAX_SERIAL: u32 = u32::MAX >> 1;

pub(crate) fn select_after(
    connection: &Connection,
    after: Option<(String, u64)>,
    limit: usize,
) -> Result<Vec<TopologyRow>, StoreError> {
    let reading = failed("read topology");
    // No topology store has an empty name, so this comes before every row.
    let (store, ordinal) = after.unwrap_or_default();
    let mut statement = connection
        .prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM topology WHERE (store, ordinal) > (?1, ?2) ORDER BY store, ordinal LIMIT ?3"
        ))
        .map_err(&reading)?;
    // Numbers beyond the engine's range are not stored, so nothing of the same topology store comes after them.
    let ordinal = i64::try_from(ordinal).unwrap_or(i64::MAX);
    let mut rows = statement
        .query((store, ordinal, i64::try_from(limit).unwrap_or(i64::MAX)))
        .map_err(&reading)?;
    let mut records = Vec::with_capacity(limit.min(MAX_RESERVED));
    while let Some(row) = rows.next().map_err(&reading)? {
        records.push(decode(row)?);
    }
    Ok(records)
}

pub(crate) fn count(connection: &Connection) -> Result<u64, StoreError> {
    row::count(connection, "SELECT count(*) FROM topology")
}

fn decode(row: &rusqlite::Row<'_>) -> Result<TopologyRow, StoreError> {
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
        namespace: columns.text(NAMESPACE)?.to_owned(),
        identifier: columns.text(IDENTIFIER)?.to_owned(),
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
        match self.optional_text(REJECTION)? {
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
pub(crate) fn insert(
    connection: &Connection,
    mut rows: Vec<TopologyRow>,
) -> Result<(), StoreError> {
    rows.sort_by(|one, other| (&one.store, one.ordinal).cmp(&(&other.store, other.ordinal)));
    let mut statement = connection
        .prepare_cached(concat!(
            "INSERT INTO topology (",
            columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
        ))
        .map_err(failed("write topology"))?;
    rows.into_iter().try_for_each(|row| {
        let ordinal = stored_ordinal(row.ordinal)?;
        write(&mut statement, &row, ordinal)
            .map(|_one| ())
            .map_err(|error| refused(row, error))
    })
}

fn write(
    statement: &mut Statement<'_>,
    row: &TopologyRow,
    ordinal: i64,
) -> Result<usize, rusqlite::Error> {
    statement.execute(params![
        row.store,
        ordinal,
        row.sequenced.as_micros(),
        row.valid_from.as_micros(),
        row.valid_until.map(Timestamp::as_micros),
        row.operation,
        row.mapping_code,
        row.serial,
        row.namespace,
        row.identifier,
        row.unique_key,
        row.transaction_hash,
        row.proposal,
        row.rejection,
        row.data_key_id.as_bytes(),
        row.mac,
        row.transaction,
    ])
}

fn refused(row: TopologyRow, error: rusqlite::Error) -> StoreError {
    if is_duplicate(&error) {
        StoreError::TopologyRowExists {
            store: row.store,
            ordinal: row.ordinal,
        }
    } else if is_broken_reference(&error) {
        StoreError::DataKeyMissing {
            id: row.data_key_id,
        }
    } else {
        failed("write topology")(error)
    }
}

pub(crate) fn expire(
    connection: &Connection,
    expiries: Vec<TopologyExpiry>,
) -> Result<(), StoreError> {
    let writing = failed("write topology");
    let mut statement = connection
        .prepare_cached(
            "UPDATE topology SET valid_until = ?3, mac = ?4 WHERE store = ?1 AND ordinal = ?2",
        )
        .map_err(&writing)?;
    expiries.into_iter().try_for_each(|expiry| {
        // What is beyond the engine's range is not stored, and neither is 0.
        let ordinal = i64::try_from(expiry.ordinal).unwrap_or_default();
        let valid_until = expiry.valid_until.as_micros();
        let changed = statement
            .execute(params![expiry.store, ordinal, valid_until, expiry.mac])
            .map_err(&writing)?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::TopologyRowMissing {
                store: expiry.store,
                ordinal: expiry.ordinal,
            })
        }
    })
}

pub(crate) fn update_tags(
    connection: &Connection,
    tags: Vec<TopologyTag>,
) -> Result<(), StoreError> {
    let writing = failed("write topology");
    let mut statement = connection
        .prepare_cached(
            "UPDATE topology SET data_key_id = ?3, mac = ?4 WHERE store = ?1 AND ordinal = ?2",
        )
        .map_err(&writing)?;
    tags.into_iter().try_for_each(|tag| {
        // What is beyond the engine's range is not stored, and neither is 0.
        let ordinal = i64::try_from(tag.ordinal).unwrap_or_default();
        let id = tag.data_key_id;
        let changed = statement
            .execute(params![tag.store, ordinal, id.as_bytes(), tag.mac])
            .map_err(|error| {
                if is_broken_reference(&error) {
                    StoreError::DataKeyMissing { id }
                } else {
                    writing(error)
                }
            })?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::TopologyRowMissing {
                store: tag.store,
                ordinal: tag.ordinal,
            })
        }
    })
}

pub(crate) fn delete(connection: &Connection, store: &str) -> Result<u64, StoreError> {
    connection
        .prepare_cached("DELETE FROM topology WHERE store = ?1")
        .and_then(|mut statement| statement.execute([store]))
        .map(|deleted| u64::try_from(deleted).unwrap_or(u64::MAX))
        .map_err(failed("delete topology"))
}

/// An ordinal as the engine takes it. Another row than the one offered must never be stored.
fn stored_ordinal(ordinal: u64) -> Result<i64, StoreError> {
    i64::try_from(ordinal).map_err(|_too_large| StoreError::RecordRefused {
        constraint: "topology_ordinal_in_range".to_owned(),
    })
}
