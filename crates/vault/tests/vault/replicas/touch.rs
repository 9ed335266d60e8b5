//! For how long a process uses keys without looking whether others took them away.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use strongroom_store::Store as _;
use strongroom_test_support::FixedClock;
use strongroom_topology::{ForceFlags, StoreId};
use strongroom_vault::Rotate;

use super::company::{Company, Saved, strict};
use crate::{
    house::{caller, check_signs, code, encryption_key, sign, signing_key},
    rotating::rotate,
    topology::acts::initialize,
};

const BOUND: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_process_that_lost_the_store_uses_opened_keys_for_the_configured_time_and_then_none() {
    let (company, one) = Company::new().await;
    let key = signing_key(&one.vault).await;
    let two = company.open("two").await;
    check_signs(&two.vault, &key).await;
    two.store.cut_off(true);
    two.clock.advance(BOUND);
    check_signs(&two.vault, &key).await;
    two.clock.advance(Duration::from_secs(1));
    assert_eq!(code(sign(&two.vault, &key).await), "REPLICA_OUT_OF_TOUCH");
    assert_eq!(
        two.vault.standing().await.degraded.as_deref(),
        Some("STORE_IO")
    );
    two.store.cut_off(false);
    check_signs(&two.vault, &key).await;
    assert_eq!(two.vault.standing().await.degraded, None);
}

#[tokio::test]
async fn a_process_that_was_stopped_for_longer_looks_before_it_signs() {
    let (company, one) = Company::new().await;
    let key = signing_key(&one.vault).await;
    let two = company.open("two").await;
    check_signs(&two.vault, &key).await;
    one.vault.retire_key(&caller(), &key).await.unwrap();
    // Within the bound it may still sign.
    check_signs(&two.vault, &key).await;
    two.clock.advance(BOUND + Duration::from_secs(1));
    assert_eq!(code(sign(&two.vault, &key).await), "KEY_RETIRED");
}

#[tokio::test]
async fn a_clock_that_is_set_back_or_ahead_changes_nothing() {
    let (company, one) = Company::new().await;
    let key = signing_key(&one.vault).await;
    let two = company.open("two").await;
    two.store.cut_off(true);
    for days in [-1, 1] {
        let time = strongroom_crypto::Timestamp::from_micros(
            1_800_000_000_000_000 + days * 86_400_000_000,
        );
        two.clock.set(time);
        assert_eq!(
            code(sign(&two.vault, &key).await),
            "STORE_IO",
            "the key has to be read"
        );
    }
    two.store.cut_off(false);
    check_signs(&two.vault, &key).await;
}

#[tokio::test]
async fn a_strict_process_signs_with_no_key_that_another_one_has_retired() {
    let (company, one) = Company::new().await;
    let (key, other) = (signing_key(&one.vault).await, signing_key(&one.vault).await);
    let two = company.open_with("two", strict()).await;
    check_signs(&two.vault, &key).await;
    one.vault.retire_key(&caller(), &key).await.unwrap();
    assert_eq!(code(sign(&two.vault, &key).await), "KEY_RETIRED");
    one.vault.delete_key(&caller(), &other).await.unwrap();
    assert_eq!(code(sign(&two.vault, &other).await), "KEY_NOT_FOUND");
    two.store.cut_off(true);
    assert_eq!(code(sign(&two.vault, &key).await), "REPLICA_OUT_OF_TOUCH");
}

#[tokio::test]
async fn a_store_that_was_put_back_in_time_is_refused_while_the_vault_is_open() {
    let (company, one) = Company::new().await;
    let key = signing_key(&one.vault).await;
    let two = company.open("two").await;
    let saved = Saved::of(&company);
    one.vault.retire_key(&caller(), &key).await.unwrap();
    two.vault.catch_up().await.unwrap();
    saved.put_back();
    let refused = two.vault.catch_up().await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the store is at generation 2, the anchor remembers generation 3"
    );
    // What it knew stays, and is not believed for ever.
    assert_eq!(code(sign(&two.vault, &key).await), "KEY_RETIRED");
    two.clock.advance(BOUND + Duration::from_secs(1));
    assert_eq!(code(sign(&two.vault, &key).await), "REPLICA_OUT_OF_TOUCH");
}

#[tokio::test]
async fn a_process_out_of_touch_signs_no_topology_and_decrypts_nothing() {
    let (company, one) = Company::new().await;
    initialize(&one.vault).await.unwrap();
    let key = encryption_key(&one.vault).await;
    let two = company.open("two").await;
    let secret = two.vault.encrypt(&key, b"secret").unwrap();
    two.vault.decrypt(&secret).await.unwrap();
    let own = two
        .vault
        .topology(&StoreId::Authorized)
        .await
        .unwrap()
        .rows()[0]
        .signed
        .as_ref()
        .clone();
    let us = caller();
    let again = || {
        two.vault.sign_transactions(
            &us,
            &StoreId::Authorized,
            vec![own.clone()],
            &[],
            ForceFlags::default(),
        )
    };
    // Whoever signs topology writes a record of it.
    one.vault.step_down(&us).await.unwrap();
    again().await.unwrap();
    two.store.cut_off(true);
    two.clock.advance(BOUND + Duration::from_secs(1));
    assert_eq!(code(again().await), "REPLICA_OUT_OF_TOUCH");
    assert_eq!(
        code(two.vault.decrypt(&secret).await),
        "REPLICA_OUT_OF_TOUCH"
    );
}

#[tokio::test]
async fn whoever_signs_topology_while_another_process_moved_its_keys_is_told_and_nobody_waits_for_ever()
 {
    let (company, one) = Company::new().await;
    initialize(&one.vault).await.unwrap();
    let two = company.open("two").await;
    one.vault
        .begin_rotation(&caller(), Rotate::all())
        .await
        .unwrap();
    two.vault.catch_up().await.unwrap();
    drop(two.vault.topology(&StoreId::Authorized).await.unwrap());
    // The rows of all keys are others now, and none of them is open in two.
    rotate(&one.vault).await.unwrap();
    one.vault.step_down(&caller()).await.unwrap();
    let none = BTreeSet::new();
    let caller = caller();
    let step = two.vault.advance_rotation(&caller, &none);
    let answer = tokio::time::timeout(Duration::from_secs(60), step).await;
    assert_eq!(code(answer.expect("an answer")), "REPLICA_BEHIND");
    two.vault.catch_up().await.unwrap();
    two.vault.advance_rotation(&caller, &none).await.unwrap();
}

#[tokio::test]
async fn the_time_of_opening_counts_from_the_look_and_not_from_its_end() {
    let (company, one) = Company::new().await;
    let key = signing_key(&one.vault).await;
    let clock = Arc::new(FixedClock::default());
    let two = company
        .open_slowly("two", &clock, BOUND + Duration::from_secs(1))
        .await;
    one.vault.retire_key(&caller(), &key).await.unwrap();
    assert_eq!(code(sign(&two.vault, &key).await), "KEY_RETIRED");
}

#[tokio::test]
async fn a_process_whose_vault_was_moved_away_uses_no_key_after_the_bound_and_writes_nothing() {
    let (company, one) = Company::new().await;
    let key = signing_key(&one.vault).await;
    let two = company.open("two").await;
    let three = company.open_with("three", strict()).await;
    check_signs(&two.vault, &key).await;
    check_signs(&three.vault, &key).await;
    let mut leaving = one.store.begin().await.unwrap();
    leaving.mark_moved("elsewhere").await.unwrap();
    leaving.commit().await.unwrap();
    // Whoever looks before each use notices at once.
    assert_eq!(code(sign(&three.vault, &key).await), "REPLICA_OUT_OF_TOUCH");
    check_signs(&two.vault, &key).await;
    two.clock.advance(BOUND + Duration::from_secs(1));
    assert_eq!(code(sign(&two.vault, &key).await), "REPLICA_OUT_OF_TOUCH");
    assert_eq!(code(two.vault.catch_up().await), "STORE_MOVED");
    let retiring = one.vault.retire_key(&caller(), &key).await;
    assert_eq!(code(retiring), "STORE_MOVED");
}
