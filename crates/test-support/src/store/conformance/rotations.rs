use std::sync::Arc;

use strongroom_crypto::Fingerprint;
use strongroom_store::{RotationRecord, Store, StoreError};

use super::{assert_error, read, refused, samples, store_with_data_key, written};
use crate::store::Storage;

/// Ten key pairs, of which any can be rotated.
async fn store_with_keys(storage: &dyn Storage) -> Arc<dyn Store> {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write
        .insert_keys((0..10).map(samples::key_pair).collect()));
    store
}

async fn rotations(store: &Arc<dyn Store>) -> Vec<RotationRecord> {
    read(store).await.rotations().await.unwrap()
}

/// All columns come back, in the order in which the rotations are to be done.
pub async fn rotations_are_read_back_by_position(storage: &dyn Storage) {
    let store = store_with_keys(storage).await;
    assert_eq!(rotations(&store).await, []);
    let at = |position, old, new| RotationRecord {
        position,
        ..samples::rotation(old, new)
    };
    let last = at(u32::MAX, 0, 5);
    let (second, third) = (at(1, 1, 6), at(1, 2, 7));
    let first = at(0, 3, 8);
    let shuffled = vec![last.clone(), third.clone(), first.clone()];
    written!(
        store,
        |write| write.insert_rotations(shuffled),
        write.insert_rotations(vec![second.clone()]),
        write.insert_rotations(Vec::new()),
    );
    assert_eq!(rotations(&store).await, [first, second, third, last]);
}

/// No key leaves twice, and none takes the place of two.
pub async fn a_key_is_rotated_once_at_a_time(storage: &dyn Storage) {
    let store = store_with_keys(storage).await;
    let stored = [samples::rotation(1, 5), samples::rotation(2, 6)];
    written!(store, |write| write.insert_rotations(stored.to_vec()));
    for (old, new, rival) in [(1, 5, 1), (1, 7, 1), (3, 6, 2)] {
        let batch = vec![samples::rotation(4, 8), samples::rotation(old, new)];
        let error = refused!(store, |write| write.insert_rotations(batch));
        assert_error!(error, StoreError::RotationExists { old } if *old == samples::fingerprint(rival));
    }
    assert_eq!(rotations(&store).await, stored);
    // The place of a key that is new itself can be taken by another.
    written!(store, |write| write
        .insert_rotations(vec![samples::rotation(5, 7)]));
}

/// What a rotation names is stored before it.
pub async fn a_rotation_needs_its_public_keys_and_its_data_key(storage: &dyn Storage) {
    let store = store_with_keys(storage).await;
    for (old, new, missing) in [(77, 1, 77), (1, 77, 77), (77, 78, 77)] {
        let error = refused!(store, |write| write
            .insert_rotations(vec![samples::rotation(old, new)]));
        assert_error!(error, StoreError::KeyMissing { fingerprint } if *fingerprint == samples::fingerprint(missing));
    }
    let missing = samples::data_key_id(7);
    let rotation = RotationRecord {
        data_key_id: missing,
        ..samples::rotation(1, 2)
    };
    let error = refused!(store, |write| write.insert_rotations(vec![rotation]));
    assert_error!(error, StoreError::DataKeyMissing { id } if *id == missing);
    assert_eq!(rotations(&store).await, []);
}

/// A rotation leads to another key, and is somebody's.
pub async fn a_contradictory_rotation_is_refused(storage: &dyn Storage) {
    let store = store_with_keys(storage).await;
    let nameless = RotationRecord {
        member: String::new(),
        ..samples::rotation(1, 2)
    };
    for rotation in [samples::rotation(1, 1), nameless] {
        let error = refused!(store, |write| write.insert_rotations(vec![rotation]));
        assert_error!(error, StoreError::RecordRefused { .. });
    }
}

/// Both public keys stay until the rotation has ended, with or without their private halves.
pub async fn a_key_in_a_rotation_cannot_be_deleted(storage: &dyn Storage) {
    let store = store_with_keys(storage).await;
    written!(store, |write| write.insert_rotations(vec![
        samples::rotation(1, 2),
        samples::rotation(2, 3)
    ]));
    for number in [1, 2, 3] {
        let key = samples::fingerprint(number);
        let is_key = |found: &Fingerprint| *found == key;
        let error = refused!(store, |write| write.delete_public_key(key));
        assert_error!(error, StoreError::KeyInRotation { fingerprint } if is_key(fingerprint));
        let mut write = store.begin().await.unwrap();
        write.delete_private_key(key).await.unwrap();
        let error = write.delete_public_key(key).await.unwrap_err();
        assert_error!(error, StoreError::KeyInRotation { fingerprint } if is_key(fingerprint));
    }
    written!(
        store,
        |write| write.delete_rotation(samples::fingerprint(1)),
        write.delete_private_key(samples::fingerprint(1)),
        write.delete_public_key(samples::fingerprint(1)),
    );
    let error = refused!(store, |write| write
        .delete_public_key(samples::fingerprint(2)));
    assert_error!(error, StoreError::KeyInRotation { .. });
    assert_eq!(read(&store).await.key_count().await.unwrap(), 9);
}

/// Only the public key is held.
pub async fn a_private_key_in_a_rotation_can_be_deleted_and_completed(storage: &dyn Storage) {
    let store = store_with_keys(storage).await;
    written!(
        store,
        |write| write.insert_rotations(vec![samples::rotation(1, 2)]),
        write.delete_private_key(samples::fingerprint(1)),
        write.insert_private_key(samples::private_key(1)),
        write.update_public_keys(vec![samples::public_key(1), samples::public_key(2)]),
    );
    assert_eq!(rotations(&store).await, [samples::rotation(1, 2)]);
}

/// A deletion that hits no row is an error; the new key does not name the rotation.
pub async fn a_missing_rotation_cannot_be_deleted(storage: &dyn Storage) {
    let store = store_with_keys(storage).await;
    written!(store, |write| write
        .insert_rotations(vec![samples::rotation(1, 2)]));
    for missing in [2, 3] {
        let key = samples::fingerprint(missing);
        let error = refused!(store, |write| write.delete_rotation(key));
        assert_error!(error, StoreError::RotationMissing { old } if *old == key);
    }
    written!(store, |write| write
        .delete_rotation(samples::fingerprint(1)));
    assert_eq!(rotations(&store).await, []);
}
