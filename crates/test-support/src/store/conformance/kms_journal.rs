use std::sync::Arc;

use strongroom_store::{JournalStep, KmsJournalRecord, Store, StoreError};

use super::{assert_error, read, refused, samples, store_with_data_key, written};
use crate::store::Storage;

async fn journal(store: &Arc<dyn Store>) -> Vec<KmsJournalRecord> {
    read(store).await.kms_journal().await.unwrap()
}

/// All columns come back, those of the oldest entry first.
pub async fn journal_entries_are_read_back_by_age(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    assert_eq!(journal(&store).await, []);
    let entries = [
        samples::journal_entry(1),
        samples::created_journal_entry(2),
        samples::journal_entry(3),
        samples::importing_journal_entry(4),
        samples::scheduled_journal_entry(5),
    ];
    let [first, second, third, fourth, fifth] = entries.clone();
    written!(
        store,
        |write| write.put_kms_journal(third),
        write.put_kms_journal(fourth),
        write.put_kms_journal(first),
        write.put_kms_journal(second),
        write.put_kms_journal(fifth),
    );
    assert_eq!(journal(&store).await, entries);
}

/// An entry follows its key from step to step.
pub async fn a_journal_entry_takes_the_place_of_the_one_before(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write
        .put_kms_journal(samples::journal_entry(1)));
    let created = samples::created_journal_entry(1);
    written!(store, |write| write.put_kms_journal(created.clone()));
    assert_eq!(journal(&store).await, [created]);
    written!(store, |write| write
        .delete_kms_journal(samples::journal_id(1)));
    assert_eq!(journal(&store).await, []);
}

/// A key that the KMS was only asked for has no id yet, every other has; usages are for signing keys, and a due time for one
/// that is to be destroyed.
pub async fn a_contradictory_journal_entry_is_refused(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let contradictions = [
        KmsJournalRecord {
            step: JournalStep::Created,
            ..samples::journal_entry(1)
        },
        KmsJournalRecord {
            step: JournalStep::Intended,
            ..samples::created_journal_entry(1)
        },
        KmsJournalRecord {
            due_at: None,
            ..samples::scheduled_journal_entry(1)
        },
        KmsJournalRecord {
            step: JournalStep::Discarded,
            ..samples::scheduled_journal_entry(1)
        },
        KmsJournalRecord {
            usages: None,
            ..samples::journal_entry(1)
        },
    ];
    for entry in contradictions {
        let error = refused!(store, |write| write.put_kms_journal(entry));
        assert_error!(error, StoreError::RecordRefused { .. });
    }
}

/// What an entry names is stored before it.
pub async fn a_journal_entry_needs_its_data_key(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let missing = samples::data_key_id(9);
    let entry = KmsJournalRecord {
        data_key_id: missing,
        ..samples::journal_entry(1)
    };
    let error = refused!(store, |write| write.put_kms_journal(entry));
    assert_error!(error, StoreError::DataKeyMissing { id } if *id == missing);
}

/// Nobody believes to have ended what somebody else has.
pub async fn a_missing_journal_entry_cannot_be_deleted(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let missing = samples::journal_id(1);
    let error = refused!(store, |write| write.delete_kms_journal(missing));
    assert_error!(error, StoreError::JournalEntryMissing { id } if *id == missing);
}
