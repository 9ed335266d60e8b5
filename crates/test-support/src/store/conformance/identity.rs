use strongroom_store::{IdentityRecord, StoreError};

use super::{assert_error, read, refused, samples, store_with_data_key, written};
use crate::store::Storage;

/// No identity is an answer; one comes back with all its columns.
pub async fn an_identity_is_read_back_as_it_was_stored(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    assert_eq!(read(&store).await.identity().await.unwrap(), None);
    written!(store, |write| write.insert_identity(samples::identity()));
    assert_eq!(
        read(&store).await.identity().await.unwrap(),
        Some(samples::identity())
    );
}

/// A vault is one node's for good.
pub async fn a_second_identity_is_refused(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write.insert_identity(samples::identity()));
    let other = || IdentityRecord {
        member: "SEQ::other::namespace".to_owned(),
        ..samples::identity()
    };
    for second in [samples::identity(), other()] {
        let error = refused!(store, |write| write.insert_identity(second));
        assert_error!(error, StoreError::IdentityExists);
    }
    assert_eq!(
        read(&store).await.identity().await.unwrap(),
        Some(samples::identity())
    );
}

/// It is authenticated, and says who it is.
pub async fn an_identity_needs_its_data_key_and_a_name(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let missing = samples::data_key_id(7);
    let without_data_key = IdentityRecord {
        data_key_id: missing,
        ..samples::identity()
    };
    let error = refused!(store, |write| write.insert_identity(without_data_key));
    assert_error!(error, StoreError::DataKeyMissing { id } if *id == missing);
    let nameless = IdentityRecord {
        member: String::new(),
        ..samples::identity()
    };
    let error = refused!(store, |write| write.insert_identity(nameless));
    assert_error!(error, StoreError::RecordRefused { .. });
}

/// Who the node is stays; a missing identity cannot move, nor any to a data key that is not there.
pub async fn an_identity_that_moves_to_another_data_key_changes_nothing_else(
    storage: &dyn Storage,
) {
    let store = store_with_data_key(storage).await;
    let error = refused!(store, |write| write.update_identity(samples::identity()));
    assert_error!(error, StoreError::IdentityMissing);
    let moved = IdentityRecord {
        data_key_id: samples::data_key_id(2),
        mac: [0x13; 32],
        ..samples::identity()
    };
    let offered = IdentityRecord {
        member: "SEQ::other::namespace".to_owned(),
        created_at: samples::time(99),
        ..moved.clone()
    };
    written!(store, |write| write.insert_identity(samples::identity()));
    let error = refused!(store, |write| write.update_identity(offered.clone()));
    assert_error!(error, StoreError::DataKeyMissing { id } if *id == samples::data_key_id(2));
    written!(
        store,
        |write| write.insert_data_key(samples::data_key(2)),
        write.update_identity(offered),
    );
    assert_eq!(read(&store).await.identity().await.unwrap(), Some(moved));
}
