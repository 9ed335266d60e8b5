//! The rows of the journal of keys that a KMS creates or destroys.

use sqlx::postgres::PgRow;
use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_store::{DataKeyId, JournalId, KmsJournalRecord, Row, RowCode as _, StoreError};

use crate::{
    error::{failed, missing_data_key},
    public_keys,
    row::{Column, Columns},
    wire::Wire,
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

pub(crate) async fn select_all(wire: &mut Wire) -> Result<Vec<KmsJournalRecord>, StoreError> {
    const SELECT: &str = "SELECT journal_id, kms, step, kms_key_id, spec, usages, name, created_at, data_key_id, mac, imports, due_at \
         FROM kms_journal ORDER BY created_at, journal_id";
    let rows = wire
        .rows(sqlx::query(SELECT))
        .await
        .map_err(failed("read the journal of KMS keys"))?;
    rows.iter().map(decode).collect()
}

fn decode(row: &PgRow) -> Result<KmsJournalRecord, StoreError> {
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
pub(crate) async fn put(wire: &mut Wire, entry: KmsJournalRecord) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO kms_journal \
         (journal_id, kms, step, kms_key_id, spec, usages, name, created_at, data_key_id, mac, imports, due_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (journal_id) DO UPDATE SET \
         kms = $2, step = $3, kms_key_id = $4, spec = $5, usages = $6, name = $7, created_at = $8, data_key_id = $9, \
         mac = $10, imports = $11, due_at = $12";
    let query = sqlx::query(PUT)
        .bind(entry.id.as_bytes().to_vec())
        .bind(entry.kms)
        .bind(i16::from(entry.step.code()))
        .bind(entry.kms_key_id)
        .bind(i16::from(entry.spec.code()))
        .bind(entry.usages.map(|usages| i16::from(usages.bits())))
        .bind(entry.name.as_ref().map(strongroom_crypto::KeyName::as_str))
        .bind(entry.created_at.as_micros())
        .bind(entry.data_key_id.as_bytes().to_vec())
        .bind(entry.mac.to_vec())
        .bind(entry.fingerprint.map(|key| key.as_bytes().to_vec()))
        .bind(entry.due_at.map(Timestamp::as_micros));
    wire.execute(query).await.map(|_one| ()).map_err(|error| {
        missing_data_key(&error, Some(entry.data_key_id))
            .unwrap_or_else(|| failed("write the journal of KMS keys")(error))
    })
}

pub(crate) async fn delete(wire: &mut Wire, id: JournalId) -> Result<(), StoreError> {
    let query =
        sqlx::query("DELETE FROM kms_journal WHERE journal_id = $1").bind(id.as_bytes().to_vec());
    let deleted = wire
        .execute(query)
        .await
        .map_err(failed("delete from the journal of KMS keys"))?;
    if deleted == 1 {
        Ok(())
    } else {
        Err(StoreError::JournalEntryMissing { id })
    }
}
