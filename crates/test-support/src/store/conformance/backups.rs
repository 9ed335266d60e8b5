use std::sync::Arc;

use strongroom_store::{BackupRecord, Store, StoreError};

use super::{assert_error, read, refused, samples, store_with_data_key, written};
use crate::store::Storage;

async fn backups(store: &Arc<dyn Store>) -> Vec<BackupRecord> {
    read(store).await.backups().await.unwrap()
}

/// All columns come back, those of the oldest backup first.
pub async fn backups_are_read_back_by_age(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    assert_eq!(backups(&store).await, []);
    let made = [samples::backup(1), samples::verified_backup(2)];
    let [first, second] = made.clone();
    written!(
        store,
        |write| write.put_backup(second),
        write.put_backup(first),
    );
    assert_eq!(backups(&store).await, made);
}

/// A backup that was verified is the same backup.
pub async fn a_backup_takes_the_place_of_the_one_of_its_id(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write.put_backup(samples::backup(1)));
    let verified = samples::verified_backup(1);
    written!(store, |write| write.put_backup(verified.clone()));
    assert_eq!(backups(&store).await, [verified]);
}

/// The data key that authenticates it must be there; those that the backup needs need not.
pub async fn a_backup_needs_the_data_key_that_authenticates_it(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let missing = samples::data_key_id(9);
    let elsewhere = BackupRecord {
        needs: vec![missing],
        ..samples::backup(1)
    };
    written!(store, |write| write.put_backup(elsewhere.clone()));
    let foreign = BackupRecord {
        data_key_id: missing,
        ..samples::backup(2)
    };
    let error = refused!(store, |write| write.put_backup(foreign));
    assert_error!(error, StoreError::DataKeyMissing { id } if *id == missing);
    let of_nothing = BackupRecord {
        needs: Vec::new(),
        ..samples::backup(3)
    };
    let error = refused!(store, |write| write.put_backup(of_nothing));
    assert_error!(error, StoreError::RecordRefused { .. });
}

/// What is deleted was there.
pub async fn a_backup_is_deleted_once_and_no_other_with_it(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let (gone, stays) = (samples::backup(1), samples::backup(2));
    written!(
        store,
        |write| write.put_backup(gone.clone()),
        write.put_backup(stays.clone()),
    );
    written!(store, |write| write.delete_backup(gone.id));
    assert_eq!(backups(&store).await, [stays]);
    let error = refused!(store, |write| write.delete_backup(gone.id));
    assert_error!(error, StoreError::BackupMissing { id } if *id == gone.id);
}
