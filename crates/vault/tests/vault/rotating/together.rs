//! What others do while the wrapper key is being rotated.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use strongroom_errors::Coded;
use strongroom_store::{Sealing, StoreError};
use strongroom_test_support::store::FlakyStore;
use strongroom_vault::{RotationSettings, Vault};

use super::{Estate, data_keys_named, in_small_steps, rotate};
use crate::{
    house::{House, Picture, caller, check_signs, code, new_protocol_key, sign, signing_key},
    wraps::{Regions, SECOND, kms_of_wraps},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_are_made_deleted_retired_and_used_while_rows_move() {
    for sealing in [Sealing::DataKey, Sealing::Direct] {
        let mut settings = in_small_steps(sealing);
        settings.rotation = RotationSettings { keys_per_commit: 2 };
        let house = House::new().with_settings(settings);
        let vault = Arc::new(house.create().await);
        let new = vec![new_protocol_key(); 120];
        let made = vault.generate_signing_keys(&caller(), new).await.unwrap();
        let keys: Vec<_> = made.iter().map(|key| key.fingerprint()).collect();
        let over = Arc::new(AtomicBool::new(false));
        let (to_delete, rest) = keys.split_at(40);
        let (to_retire, to_use) = rest.split_at(40);

        let deleting = {
            let (vault, keys) = (Arc::clone(&vault), to_delete.to_vec());
            tokio::spawn(async move {
                for key in keys {
                    vault.delete_key(&caller(), &key).await.unwrap();
                }
            })
        };
        let retiring = {
            let (vault, keys) = (Arc::clone(&vault), to_retire.to_vec());
            tokio::spawn(async move {
                for key in keys {
                    vault.retire_key(&caller(), &key).await.unwrap();
                }
            })
        };
        let using = {
            let (vault, keys, over) = (Arc::clone(&vault), to_use.to_vec(), Arc::clone(&over));
            tokio::spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    for key in &keys {
                        // Cold each time: its row is read while it moves.
                        vault.sweep();
                        check_signs(&vault, key).await;
                    }
                }
            })
        };
        let making = {
            let (vault, over) = (Arc::clone(&vault), Arc::clone(&over));
            tokio::spawn(async move {
                let mut made = 0;
                while !over.load(Ordering::SeqCst) {
                    match vault
                        .generate_signing_key(&caller(), new_protocol_key())
                        .await
                    {
                        Ok(key) => check_signs(&vault, &key.fingerprint()).await,
                        // Sealed by the wrapper key that went, just when it went: nothing was kept.
                        Err(error) => assert_eq!(error.code().name(), "WRAP_NOT_FOUND"),
                    }
                    made += 1;
                }
                made
            })
        };
        rotate(&vault).await.unwrap();
        over.store(true, Ordering::SeqCst);
        deleting.await.unwrap();
        retiring.await.unwrap();
        using.await.unwrap();
        assert!(making.await.unwrap() > 0);

        let vault = Arc::into_inner(vault).unwrap();
        let picture = Picture::of(&vault).await;
        vault.close().await.unwrap();
        let vault = house.open().await;
        assert_eq!(Picture::of(&vault).await, picture);
        for key in to_use {
            check_signs(&vault, key).await;
        }
        for key in to_delete {
            assert_eq!(code(sign(&vault, key).await), "KEY_NOT_FOUND");
        }
        for key in to_retire {
            assert_eq!(code(sign(&vault, key).await), "KEY_RETIRED");
        }
        assert_eq!(data_keys_named(&house).len(), 1);
        let newest = vault.wraps()[0].wrapper_key_id.clone();
        for key in crate::house::all_keys(&vault) {
            let shown = key.private.as_ref().unwrap().wrapper_key_id.clone();
            assert_eq!(shown.as_deref(), Some(newest.as_str()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_rotations_at_once_one_is_refused() {
    let estate = Estate::new(Sealing::DataKey).await;
    let vault = Arc::new(estate.house.open().await);
    let start = || {
        let vault = Arc::clone(&vault);
        tokio::spawn(async move { rotate(&vault).await })
    };
    let (one, other) = (start(), start());
    let outcomes = [one.await.unwrap(), other.await.unwrap()];
    let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    // Both are done if one had ended before the other began.
    assert!(done >= 1, "{outcomes:?}");
    for outcome in outcomes {
        if let Err(error) = outcome {
            assert_eq!(error.code().name(), "WRAPPER_KEY_ROTATION_UNDER_WAY");
        }
    }
    let vault = Arc::into_inner(vault).unwrap();
    assert_eq!(vault.retired_data_keys().len(), done);
    estate.check(vault, &estate.house, "rotated").await;
}

#[tokio::test]
async fn a_wrap_that_is_added_during_a_rotation_is_one_of_both_data_keys() {
    let regions = Regions::with_one_wrap(in_small_steps(Sealing::DataKey)).await;
    let vault = regions.open().await;
    let key = signing_key(&vault).await;
    vault.close().await.unwrap();
    let vault = begun(&regions).await;
    vault.add_wrap(&caller(), SECOND, None).await.unwrap();
    assert_eq!(kms_of_wraps(&vault).len(), 2);
    assert!(vault.check_wraps().await.all_open());
    // With it the old wrapper key is not needed any more: the new one opens either data key.
    let rotation = vault.wrapper_key_rotation().unwrap();
    let (kms, id) = &rotation.goes[0];
    vault.remove_wrap(&caller(), kms, id).await.unwrap();
    vault.close().await.unwrap();
    let vault = regions.open().await;
    rotate(&vault).await.unwrap();
    vault.close().await.unwrap();
    let second = crate::wraps::named(SECOND, &regions.second);
    let vault = regions.open_with(vec![second]).await;
    check_signs(&vault, &key).await;
}

#[tokio::test]
async fn a_wrap_that_a_rotation_needs_cannot_be_removed() {
    let regions = Regions::with_one_wrap(in_small_steps(Sealing::DataKey)).await;
    let vault = begun(&regions).await;
    let rotation = vault.wrapper_key_rotation().unwrap();
    for (kms, id) in rotation.goes.iter().chain(&rotation.comes) {
        let refused = vault.remove_wrap(&caller(), kms, id).await;
        assert_eq!(code(refused), "LAST_WRAP");
    }
    assert!(vault.readiness().ready && vault.readiness().reopens);
    rotate(&vault).await.unwrap();
}

/// A vault whose rotation was stopped after its beginning, by a store that failed for a moment.
async fn begun(regions: &Regions) -> Vault {
    let store = Arc::new(FlakyStore::new(regions.house.store().await.unwrap()));
    let environment = regions.environment(Arc::<FlakyStore>::clone(&store));
    let settings = regions.house.settings.clone();
    let vault = Vault::open(environment, settings).await.unwrap();
    for number in 1.. {
        let busy = || StoreError::Busy { source: None };
        store.hook().fail_call(number, busy);
        assert_eq!(code(rotate(&vault).await), "STORE_BUSY");
        store.hook().disarm();
        if vault.wrapper_key_rotation().is_some() {
            break;
        }
    }
    vault
}
