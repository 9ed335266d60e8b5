//! The rows of the journal of keys that a KMS creates or destroys.

use rusqlite::{Connection, params};
use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_store::{DataKeyId, JournalId, KmsJournalRecord, Row, RowCode, StoreError};

use crate::{
    data_keys,
    error::failed,
    public_keys,
    row::{self, Column, Columns},
};

const ID: Column = Column(0, "journal_id");
const KMS: Column = Column(1, "kms");
const STEP: Column = Column(2, "step");
const KMS_KEY_ID: Column = Column(3, "kms_key_id");
const SPEC: Column = Column(4, "spec");
const USAGES: Column = Column(5, "usages");
const NAME: Column = Column(6, "name");
const CREATED_AT: Column = Column(7, "created_at");
const DATA_KEY_ID: Column = Column(8, "data_key_id");
const MAC: Column = Column(9, "mac");
/// It once was for keys that are brought into the KMS only; processes of that time read it while others upgrade.
const FINGERPRINT: Column = Column(10, "imports");
const DUE_AT: Column = Column(11, "due_at");

pub(crate) fn select_all(connection: &Connection) -> Result<Vec<KmsJournalRecord>, StoreError> {
    let sql = "SELECT journal_id, kms, step, kms_key_id, spec, usages, name, created_at, data_key_id, mac, imports, due_at \
     FROM kms_journal ORDER BY created_at, journal_id";
    row::all(connection, "read the journal of KMS keys", sql, decode)
}

fn decode(row: &rusqlite::Row<'_>) -> Result<KmsJournalRecord, StoreError> {
    let columns = Columns::new(row, "kms_journal");
    let id = JournalId::from_bytes(columns.array(ID)?);
    let columns = columns.named(Row::Journal(id));
    let record = KmsJournalRecord {
        id,
        kms: columns.non_empty_text(KMS)?.to_owned(),
        step: columns.code(STEP)?,
        kms_key_id: columns.optional_text(KMS_KEY_ID)?.map(str::to_owned),
        spec: columns.code(SPEC)?,
        usages: public_keys::usages(&columns, USAGES)?,
        name: public_keys::name(&columns, NAME)?,
        fingerprint: columns
            .optional_array(FINGERPRINT)?
            .map(Fingerprint::from_bytes),
        due_at: columns
            .optional_integer(DUE_AT)?
            .map(Timestamp::from_micros),
        created_at: Timestamp::from_micros(columns.integer(CREATED_AT)?),
        data_key_id: DataKeyId::from_bytes(columns.array(DATA_KEY_ID)?),
        mac: columns.array(MAC)?,
    };
    if record.is_consistent() {
        Ok(record)
    } else {
        Err(columns.impossible(STEP))
    }
}

/// Writes an entry, over the one of the same id if there is one.
pub(crate) fn put(connection: &Connection, entry: &KmsJournalRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO kms_journal \
             (journal_id, kms, step, kms_key_id, spec, usages, name, created_at, data_key_id, mac, imports, due_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                entry.id.as_bytes(),
                entry.kms,
                entry.step.code(),
                entry.kms_key_id,
                entry.spec.code(),
                entry.usages.map(strongroom_crypto::KeyUsages::bits),
                entry.name.as_ref().map(strongroom_crypto::KeyName::as_str),
                entry.created_at.as_micros(),
                entry.data_key_id.as_bytes(),
                entry.mac,
                entry.fingerprint.map(|key| *key.as_bytes()),
                entry.due_at.map(Timestamp::as_micros),
            ])
        })
        .map(|_one| ())
        .map_err(|error| {
            let operation = "write the journal of KMS keys";
            data_keys::refused(connection, entry.data_key_id, operation, error)
        })
}

pub(crate) fn delete(connection: &Connection, id: JournalId) -> Result<(), StoreError> {
    let deleted = connection
        .prepare_cached("DELETE FROM kms_journal WHERE journal_id = ?1")
        .and_then(|mut statement| statement.execute([id.as_bytes()]))
        .map_err(failed("delete from the journal of KMS keys"))?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(StoreError::JournalEntryMissing { id })
    }
}
