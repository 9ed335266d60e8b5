use std::sync::Arc;

use strongroom_store::{ApprovalRecord, Store, StoreError};

use super::{assert_error, read, refused, samples, store_with_data_key, written};
use crate::store::Storage;

async fn approvals(store: &Arc<dyn Store>) -> Vec<ApprovalRecord> {
    read(store).await.approvals().await.unwrap()
}

/// All columns come back, and another body takes the place of the one before.
pub async fn an_approval_is_read_back_and_takes_the_place_of_the_one_of_its_id(
    storage: &dyn Storage,
) {
    let store = store_with_data_key(storage).await;
    assert_eq!(approvals(&store).await, []);
    let longest = ApprovalRecord {
        body: vec![0xdd; ApprovalRecord::MOST_BYTES],
        ..samples::approval(1)
    };
    written!(
        store,
        |write| write.put_approval(samples::approval(2)),
        write.put_approval(samples::approval(1)),
    );
    written!(store, |write| write.put_approval(longest.clone()));
    assert_eq!(approvals(&store).await, [longest, samples::approval(2)]);
}

/// The data key that authenticates it must be there, and the body have an end.
pub async fn an_approval_needs_its_data_key_and_a_body(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let missing = samples::data_key_id(9);
    let foreign = ApprovalRecord {
        data_key_id: missing,
        ..samples::approval(1)
    };
    let error = refused!(store, |write| write.put_approval(foreign));
    assert_error!(error, StoreError::DataKeyMissing { id } if *id == missing);
    for length in [0, ApprovalRecord::MOST_BYTES + 1] {
        let wrong = ApprovalRecord {
            body: vec![1; length],
            ..samples::approval(1)
        };
        let error = refused!(store, |write| write.put_approval(wrong));
        assert_error!(error, StoreError::RecordRefused { .. });
    }
}

/// What is deleted was there.
pub async fn an_approval_is_deleted_once_and_no_other_with_it(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let (gone, stays) = (samples::approval(1), samples::approval(2));
    written!(
        store,
        |write| write.put_approval(gone.clone()),
        write.put_approval(stays.clone()),
    );
    written!(store, |write| write.delete_approval(gone.id));
    assert_eq!(approvals(&store).await, [stays]);
    let error = refused!(store, |write| write.delete_approval(gone.id));
    assert_error!(error, StoreError::ApprovalMissing { id } if *id == gone.id);
}
