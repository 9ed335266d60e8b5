use strongroom_store::{DataKeyRecord, DataKeyState, PublicKeyRecord, StoreError, WrapRecord};

use super::{assert_error, read, refused, samples, store_with_data_key, written};
use crate::store::Storage;

/// All fields of data keys come back, in the order in which the keys were made.
pub async fn data_keys_are_read_back_oldest_first(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let retired = DataKeyRecord {
        state: DataKeyState::Retired,
        ..samples::data_key(3)
    };
    let older_with_higher_id = DataKeyRecord {
        created_at: samples::time(-5),
        ..samples::data_key(200)
    };
    written!(
        store,
        |write| write.insert_data_key(retired.clone()),
        write.insert_data_key(older_with_higher_id.clone()),
    );
    assert_eq!(
        read(&store).await.data_keys().await.unwrap(),
        [older_with_higher_id, samples::data_key(1), retired]
    );
}

/// The same id is not stored twice.
pub async fn a_data_key_is_stored_once(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let error = refused!(store, |write| write.insert_data_key(samples::data_key(1)));
    assert_error!(error, StoreError::DataKeyExists { id } if *id == samples::data_key_id(1));
}

/// `update_data_key` changes what retiring changes, and finds missing keys.
pub async fn a_data_key_changes_state_and_mac_only(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let retired = DataKeyRecord {
        state: DataKeyState::Retired,
        mac: [0x77; 32],
        ..samples::data_key(1)
    };
    let offered = DataKeyRecord {
        commitment: [0; 32],
        created_at: samples::time(44),
        ..retired.clone()
    };
    written!(store, |write| write.update_data_key(offered));
    assert_eq!(read(&store).await.data_keys().await.unwrap(), [retired]);

    let error = refused!(store, |write| write.update_data_key(samples::data_key(2)));
    assert_error!(error, StoreError::DataKeyMissing { id } if *id == samples::data_key_id(2));
}

/// What the vault, a wrap or a row names stays; what is gone is missing.
pub async fn a_data_key_goes_when_nothing_names_it_any_more(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let second = samples::data_key_id(2);
    let of_second = WrapRecord {
        data_key_id: second,
        ..samples::wrap("local", "a")
    };
    let key = PublicKeyRecord {
        data_key_id: second,
        ..samples::public_key(1)
    };
    written!(
        store,
        |write| write.insert_vault(samples::vault()),
        write.insert_data_key(samples::data_key(2)),
        write.insert_wrap(of_second),
    );
    for id in [samples::data_key_id(1), second] {
        let error = refused!(store, |write| write.delete_data_key(id));
        assert_error!(error, StoreError::DataKeyInUse { id: named } if *named == id);
    }
    written!(
        store,
        |write| write.insert_public_key(key),
        write.delete_wrap(second, "local", "a"),
    );
    let error = refused!(store, |write| write.delete_data_key(second));
    assert_error!(error, StoreError::DataKeyInUse { id } if *id == second);

    written!(
        store,
        |write| write.delete_public_key(samples::fingerprint(1)),
        write.delete_data_key(second),
    );
    let left = read(&store).await.data_keys().await.unwrap();
    assert_eq!(left, [samples::data_key(1)]);
    let error = refused!(store, |write| write.delete_data_key(second));
    assert_error!(error, StoreError::DataKeyMissing { id } if *id == second);
}

/// All fields of wraps come back, oldest first, those of other data keys apart.
pub async fn wraps_are_read_back_for_their_data_key_only(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let of_another = WrapRecord {
        data_key_id: samples::data_key_id(2),
        ..samples::wrap("local", "a")
    };
    let oldest = WrapRecord {
        created_at: samples::time(0),
        ..samples::wrap("recovery", "age1…")
    };
    let (same_kms, same_id) = (samples::wrap("local", "b"), samples::wrap("aws", "a"));
    written!(
        store,
        |write| write.insert_data_key(samples::data_key(2)),
        write.insert_wrap(of_another.clone()),
        write.insert_wrap(samples::wrap("local", "a")),
        write.insert_wrap(same_kms.clone()),
        write.insert_wrap(same_id.clone()),
        write.insert_wrap(oldest.clone()),
    );
    let mut read = read(&store).await;
    let wraps = read.wraps(samples::data_key_id(1)).await.unwrap();
    assert_eq!(
        wraps,
        [oldest, same_id, samples::wrap("local", "a"), same_kms]
    );
    assert_eq!(
        read.wraps(samples::data_key_id(2)).await.unwrap(),
        [of_another]
    );
}

/// One wrap per data key, provider and wrapper key; a missing one cannot be deleted.
pub async fn a_wrap_is_stored_once_and_deleted_once(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let id = samples::data_key_id(1);
    written!(
        store,
        |write| write.insert_wrap(samples::wrap("local", "a")),
        write.insert_wrap(samples::wrap("local", "b")),
    );
    let again = WrapRecord {
        ciphertext: vec![1],
        ..samples::wrap("local", "a")
    };
    let error = refused!(store, |write| write.insert_wrap(again));
    assert_error!(error, StoreError::WrapExists { kms, wrapper_key_id, .. } if kms == "local" && wrapper_key_id == "a");
    let homeless = WrapRecord {
        data_key_id: samples::data_key_id(9),
        ..samples::wrap("local", "a")
    };
    let error = refused!(store, |write| write.insert_wrap(homeless));
    assert_error!(error, StoreError::DataKeyMissing { id } if *id == samples::data_key_id(9));

    written!(store, |write| write.delete_wrap(id, "local", "a"));
    assert_eq!(
        read(&store).await.wraps(id).await.unwrap(),
        [samples::wrap("local", "b")]
    );
    let error = refused!(store, |write| write.delete_wrap(id, "local", "a"));
    assert_error!(error, StoreError::WrapMissing { kms, wrapper_key_id, .. } if kms == "local" && wrapper_key_id == "a");
}
