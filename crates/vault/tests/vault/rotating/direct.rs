//! Keys that a KMS sealed itself.

use std::sync::{Arc, Mutex};

use strongroom_kms::KmsOperation;
use strongroom_store::{Custody, Sealing};
use strongroom_test_support::kms::Fault;
use strongroom_vault::{KeyEntry, NewWrapperKey, RotationProgress, RotationRequest};

use super::{Estate, in_small_steps, rotate};
use crate::{
    house::{House, KMS_NAME, all_keys, caller, check_signs, code, new_protocol_key, signing_key},
    wraps::{Regions, SECOND},
};

#[tokio::test]
async fn the_kms_takes_each_to_the_new_wrapper_key() {
    let estate = Estate::new(Sealing::Direct).await;
    let house = &estate.house;
    let vault = house.open().await;
    let direct = vault.wraps()[0].direct_keys;
    assert!(direct > 5);
    let plan = vault
        .plan_wrapper_key_rotation(&RotationRequest::default())
        .await
        .unwrap();
    assert_eq!(plan.rows.direct, u64::try_from(direct).unwrap());
    let before = house.metered.calls().total();
    rotate(&vault).await.unwrap();
    let calls = house.metered.calls().total() - before;
    assert_eq!(calls, plan.calls.iter().map(|call| call.calls).sum::<u64>());
    assert_eq!(vault.wraps()[0].direct_keys, direct);
    let newest = vault.wraps()[0].wrapper_key_id.clone();
    for key in house.kms.list_keys() {
        if key.id.as_str() != newest {
            house.kms.disable_key(&key.id).unwrap();
        }
    }
    estate.check(vault, house, "rotated").await;
}

#[tokio::test]
async fn from_one_provider_to_another_each_key_is_opened_and_sealed_with_two_calls() {
    let regions = Regions::with_one_wrap(in_small_steps(Sealing::Direct)).await;
    let vault = regions.open().await;
    let mut keys = Vec::new();
    for _ in 0..5 {
        keys.push(signing_key(&vault).await);
    }
    let (first, second) = (regions.first.calls(), regions.second.calls());
    let request = RotationRequest {
        kms: Some(SECOND.to_owned()),
        from: None,
        to: NewWrapperKey::default(),
    };
    vault
        .rotate_wrapper_key(&caller(), &request, &|_| {})
        .await
        .unwrap();
    assert_eq!(
        regions.first.operations()[first..],
        [KmsOperation::UnwrapKey; 5]
    );
    assert_eq!(regions.second.calls() - second, 3 + 5);
    vault.close().await.unwrap();
    let vault = regions
        .open_with(vec![crate::wraps::named(SECOND, &regions.second)])
        .await;
    for key in &keys {
        check_signs(&vault, key).await;
    }
}

#[tokio::test]
async fn a_key_that_the_kms_does_not_open_stops_the_rotation_and_both_wrapper_keys_stay_in_use() {
    let regions = Regions::with_one_wrap(in_small_steps(Sealing::Direct)).await;
    let vault = regions.open().await;
    let mut keys = Vec::new();
    for _ in 0..9 {
        keys.push(signing_key(&vault).await);
    }
    // State, wrapping and trying are over by then, and some keys have moved.
    regions.first.fail_at(3 + 5, Fault::Denied);
    let outcome = rotate(&vault).await;
    assert_eq!(code(outcome), "KEY_NOT_MOVED");
    let rotation = vault.wrapper_key_rotation().unwrap();
    let mut sealing: Vec<_> = all_keys(&vault)
        .iter()
        .filter_map(|key| key.private.as_ref()?.wrapper_key_id.clone())
        .collect();
    sealing.sort();
    sealing.dedup();
    assert_eq!(sealing.len(), 2, "under either: {rotation:?}");
    assert_eq!(vault.wraps()[0].wrapper_key_id, rotation.goes[0].1);
    assert_eq!(vault.wraps()[0].kms, KMS_NAME);
    for key in &keys {
        check_signs(&vault, key).await;
    }
    vault.close().await.unwrap();
    let vault = regions.open().await;
    assert!(vault.readiness().ready);
    rotate(&vault).await.unwrap();
    for key in &keys {
        check_signs(&vault, key).await;
    }
}

#[tokio::test]
async fn no_key_is_paid_for_twice_when_a_call_fails_in_a_commit_of_many() {
    const KEYS: usize = 40;
    let settings = crate::house::settings(Custody::Envelope, Sealing::Direct);
    assert!(settings.rotation.keys_per_commit > KEYS);
    let regions = Regions::with_one_wrap(settings).await;
    let vault = regions.open().await;
    let new = vec![new_protocol_key(); KEYS];
    let made = vault.generate_signing_keys(&caller(), new).await.unwrap();
    let (first, second) = (regions.first.calls(), regions.second.calls());
    let request = RotationRequest {
        kms: Some(SECOND.to_owned()),
        from: None,
        to: NewWrapperKey::default(),
    };
    // Made, wrapped and tried; then the tenth key fails.
    regions.second.fail_at(3 + 10, Fault::Denied);
    let stopped = vault.rotate_wrapper_key(&caller(), &request, &|_| {}).await;
    assert_eq!(code(stopped), "KEY_NOT_MOVED");
    let keys = || {
        made.iter()
            .map(|key| vault.key(&key.fingerprint()).unwrap())
    };
    let wrapper_key = regions.second_key();
    let has_moved = |key: &Arc<KeyEntry>| {
        let half = key.private.as_ref().unwrap();
        half.wrapper_key_id.as_deref() == Some(wrapper_key.as_str())
    };
    let moved = keys().filter(has_moved).count();
    assert!((9..KEYS).contains(&moved), "{moved} keys have moved");
    assert_eq!(regions.first.calls() - first, moved + 1);
    assert_eq!(regions.second.calls() - second, 3 + moved + 1);

    rotate(&vault).await.unwrap();
    assert!(keys().all(|key| has_moved(&key)));
    // Two calls for each key, and two for the one that failed.
    assert_eq!(regions.first.calls() - first, KEYS + 1);
    assert_eq!(regions.second.calls() - second, 3 + KEYS + 1);
    for key in keys() {
        check_signs(&vault, &key.fingerprint()).await;
    }
}

#[tokio::test]
async fn keys_that_the_kms_sealed_itself_move_few_at_a_time() {
    let settings = crate::house::settings(Custody::Envelope, Sealing::Direct);
    let house = House::new().with_settings(settings);
    let vault = house.create().await;
    let new = vec![new_protocol_key(); 65];
    vault.generate_signing_keys(&caller(), new).await.unwrap();
    let told = Mutex::new(Vec::new());
    let tell = |progress: RotationProgress| told.lock().unwrap().push(progress.moved);
    let request = RotationRequest::default();
    vault
        .rotate_wrapper_key(&caller(), &request, &tell)
        .await
        .unwrap();
    assert_eq!(*told.lock().unwrap(), [0, 64, 65]);
}
