use strongroom_crypto::Fingerprint;
use strongroom_store::{KeyState, PrivateKeyRecord, PublicKeyRecord, StoreError};

use super::{assert_error, read, refused, samples, store_with_data_key, written};
use crate::store::Storage;

/// Every column but the fingerprint can change.
pub async fn updated_keys_are_read_back(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let public = || PublicKeyRecord {
        spki: vec![1; 91].into(),
        created_at: samples::time(77),
        data_key_id: samples::data_key_id(2),
        mac: [0x99; 32],
        ..samples::encryption_key(1)
    };
    let private = || PrivateKeyRecord {
        state: KeyState::Retired,
        exposed: true,
        created_at: samples::time(78),
        data_key_id: samples::data_key_id(2),
        mac: [0x98; 32],
        ..samples::directly_sealed_key(1)
    };
    written!(
        store,
        |write| write.insert_data_key(samples::data_key(2)),
        write.insert_keys((0..3).map(samples::key_pair).collect()),
        write.update_public_keys(vec![public()]),
        write.update_private_keys(vec![private(), samples::clear_key(2)]),
    );
    assert_eq!(
        read(&store).await.keys_after(None, 10).await.unwrap(),
        [
            samples::key_pair(0),
            (public(), Some(private())),
            (samples::public_key(2), Some(samples::clear_key(2))),
        ]
    );
}

/// An update that hits no row is an error.
pub async fn a_missing_key_cannot_be_updated(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write
        .insert_public_key(samples::public_key(1)));
    let error = refused!(store, |write| write
        .update_public_keys(vec![samples::public_key(1), samples::public_key(2)]));
    assert_error!(error, StoreError::KeyMissing { fingerprint } if *fingerprint == samples::fingerprint(2));
    let error = refused!(store, |write| write
        .update_private_keys(vec![samples::private_key(1)]));
    assert_error!(error, StoreError::KeyMissing { fingerprint } if *fingerprint == samples::fingerprint(1));
}

/// Deleting the private half leaves what others verify with.
pub async fn a_deleted_private_key_leaves_its_public_key(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write
        .insert_keys(vec![samples::key_pair(1), samples::key_pair(2)]));
    written!(store, |write| write
        .delete_private_key(samples::fingerprint(1)));
    let rows = read(&store).await.keys_after(None, 10).await.unwrap();
    assert_eq!(rows, [(samples::public_key(1), None), samples::key_pair(2)]);
}

/// A private key without its public key would be useless, and invisible.
pub async fn a_public_key_cannot_go_before_its_private_key(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let fingerprint = samples::fingerprint(1);
    let is_first = |found: &Fingerprint| *found == fingerprint;
    written!(store, |write| write.insert_keys(vec![samples::key_pair(1)]));
    let error = refused!(store, |write| write.delete_public_key(fingerprint));
    assert_error!(error, StoreError::PrivateKeyRemains { fingerprint } if is_first(fingerprint));

    written!(
        store,
        |write| write.delete_private_key(fingerprint),
        write.delete_public_key(fingerprint)
    );
    assert_eq!(read(&store).await.key_count().await.unwrap(), 0);
}

/// A deletion that hits no row is an error.
pub async fn a_missing_key_cannot_be_deleted(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write
        .insert_public_key(samples::public_key(1)));
    let error = refused!(store, |write| write
        .delete_private_key(samples::fingerprint(1)));
    assert_error!(error, StoreError::KeyMissing { fingerprint } if *fingerprint == samples::fingerprint(1));
    let error = refused!(store, |write| write
        .delete_public_key(samples::fingerprint(2)));
    assert_error!(error, StoreError::KeyMissing { fingerprint } if *fingerprint == samples::fingerprint(2));
}
