use strongroom_store::{DataKeyId, StoreError, VaultId, VaultRecord};

use super::{assert_error, begin, read, refused, samples, store_with_data_key, written};
use crate::store::Storage;

/// A new store has no rows.
pub async fn an_empty_store_holds_nothing(storage: &dyn Storage) {
    let store = storage.create().await;
    let mut read = read(&store).await;
    assert_eq!(read.vault().await.unwrap(), None);
    assert_eq!(read.data_keys().await.unwrap(), []);
    assert_eq!(read.wraps(samples::data_key_id(1)).await.unwrap(), []);
    assert_eq!(read.keys_after(None, 10).await.unwrap(), []);
    assert_eq!(read.key_count().await.unwrap(), 0);
    assert_eq!(read.audit_after(0, 10).await.unwrap(), []);
    assert_eq!(read.audit_head().await.unwrap(), None);
}

/// All fields of the vault's row come back.
pub async fn a_vault_is_read_back_as_it_was_stored(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write.insert_vault(samples::vault()));
    assert_eq!(
        read(&store).await.vault().await.unwrap(),
        Some(samples::vault())
    );
}

/// There is at most one vault in a store, whatever its id.
pub async fn a_second_vault_is_refused(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write.insert_vault(samples::vault()));
    let other = VaultRecord {
        id: VaultId::from_bytes([9; 16]),
        ..samples::vault()
    };
    assert_error!(
        refused!(store, |write| write.insert_vault(other)),
        StoreError::VaultExists
    );
    assert_error!(
        refused!(store, |write| write.insert_vault(samples::vault())),
        StoreError::VaultExists
    );
}

/// The current data key of a vault is stored before it, and stays so.
pub async fn a_vault_needs_its_data_key(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let missing = samples::data_key_id(7);
    let names_missing = |id: &DataKeyId| *id == missing;
    let vault = VaultRecord {
        current_data_key: missing,
        ..samples::vault()
    };
    let error = refused!(store, |write| write.insert_vault(vault.clone()));
    assert_error!(error, StoreError::DataKeyMissing { id } if names_missing(id));

    written!(store, |write| write.insert_vault(samples::vault()));
    let error = refused!(store, |write| write
        .update_vault(&samples::vault().state, vault));
    assert_error!(error, StoreError::DataKeyMissing { id } if names_missing(id));
}

/// `update_vault` compares the state it was built on, and replaces state and current data key only.
pub async fn the_state_is_replaced_only_if_nobody_else_has_done_so(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let first = samples::vault();
    let second = VaultRecord {
        state: b"generation 2".to_vec(),
        current_data_key: samples::data_key_id(2),
        ..first.clone()
    };
    assert_error!(
        refused!(store, |write| write.update_vault(b"", first.clone())),
        StoreError::VaultMissing
    );
    written!(
        store,
        |write| write.insert_data_key(samples::data_key(2)),
        write.insert_vault(first.clone())
    );

    let moved = VaultRecord {
        created_at: samples::time(99),
        ..second.clone()
    };
    written!(store, |write| write.update_vault(&first.state, moved));
    assert_eq!(
        read(&store).await.vault().await.unwrap(),
        Some(second.clone())
    );

    assert_error!(
        refused!(store, |write| write
            .update_vault(&first.state, first.clone())),
        StoreError::WriteConflict
    );
    let other = VaultRecord {
        id: VaultId::from_bytes([9; 16]),
        ..second.clone()
    };
    assert_error!(
        refused!(store, |write| write.update_vault(&second.state, other)),
        StoreError::VaultMissing
    );
    assert_eq!(read(&store).await.vault().await.unwrap(), Some(second));
}

/// Of two writers that read the same state, the later one is refused.
pub async fn two_writers_cannot_build_on_the_same_state(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write.insert_vault(samples::vault()));
    let seen_by_both = read(&store).await.vault().await.unwrap().unwrap().state;
    let next = |name: &str| VaultRecord {
        state: name.as_bytes().to_vec(),
        ..samples::vault()
    };

    written!(store, |write| write
        .update_vault(&seen_by_both, next("the first")));
    let mut second = begin(&store).await;
    second
        .insert_public_key(samples::public_key(1))
        .await
        .unwrap();
    let error = second
        .update_vault(&seen_by_both, next("the second"))
        .await
        .unwrap_err();
    assert_error!(error, StoreError::WriteConflict);
    drop(second);

    let mut read = read(&store).await;
    assert_eq!(read.vault().await.unwrap(), Some(next("the first")));
    assert_eq!(read.key_count().await.unwrap(), 0);
}
