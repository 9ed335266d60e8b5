//! Something that topology stands on fails, or whoever asked gives up: the old state or the new one is there, in
//! memory as in the database, and the act can be done again.

use std::sync::Arc;

use strongroom_store::StoreError;
use strongroom_test_support::{
    FlakyRandom, SeededRandom,
    store::{FlakyStore, HookedStore},
};
use strongroom_vault::Vault;

use super::{
    acts::{Act, Scene, Stage, initialize},
    announced_keys, finish_rotations, rotate_all, serial,
};
use crate::{
    faults::{
        anchor::{FlakyAnchor, open_with},
        given_up::{open_waiting, until_it_waits},
        store::{Blackout, FAILURES, Failure, Light, open_over},
    },
    house::{House, all_keys, code},
};

/// Sees that the act was done or not, and that memory and database agree on it.
async fn was_done(act: Act, house: &House, vault: &Vault, before: &Scene, when: &str) -> bool {
    let after = Scene::of(vault).await;
    let on_disk = Scene::after_crash(house).await;
    assert_eq!(on_disk, after, "{act:?}, {when}");
    let done = act.is_done(before, &after);
    assert!(
        done || after == *before,
        "{act:?}, {when}: neither the old nor the new state: {after:#?}"
    );
    done
}

/// The vault rotates its keys to the end, and all of it is there when the vault is opened again.
async fn goes_on(house: &House, vault: Vault) {
    if vault.rotations().is_empty() {
        rotate_all(&vault).await;
    } else {
        finish_rotations(&vault).await;
    }
    let after = Scene::of(&vault).await;
    vault.close().await.unwrap();
    assert_eq!(Scene::of(&house.open().await).await, after);
}

/// Fails every call of `act` once; then it is done.
async fn sweep(act: Act, (expected, failure): Failure) {
    let stage = Stage::before(act).await;
    let house = stage.house.copy();
    let store = Arc::new(FlakyStore::new(house.store().await.unwrap()));
    let vault = open_over(&house, Arc::<FlakyStore>::clone(&store)).await;
    let before = Scene::of(&vault).await;
    for number in 1.. {
        let when = format!("{expected} at call {number}");
        store.hook().fail_call(number, failure);
        let outcome = act.run(&vault, &stage).await;
        let has_struck = store.hook().has_struck();
        store.hook().disarm();
        let done = was_done(act, &house, &vault, &before, &when).await;
        assert_eq!(done, !has_struck, "{act:?}, {when}");
        if !has_struck {
            outcome.unwrap();
            assert!(number > 6, "{act:?} makes {number} calls only");
            break;
        }
        assert_eq!(code(outcome), expected, "{act:?}, {when}");
    }
    goes_on(&house, vault).await;
}

#[tokio::test]
async fn a_full_disk_at_any_call_leaves_the_old_state() {
    for act in Act::ALL {
        sweep(act, FAILURES[0]).await;
    }
}

#[tokio::test]
async fn an_unknown_outcome_of_any_call_leaves_the_old_state() {
    let unknown: fn() -> StoreError = || StoreError::OutcomeUnknown {
        source: "on purpose".into(),
    };
    for act in [Act::Withdraw, Act::RetireRotated] {
        sweep(act, ("STORE_OUTCOME_UNKNOWN", unknown)).await;
    }
}

#[tokio::test]
async fn an_act_whose_commit_was_done_but_not_answered_counts_as_done() {
    for act in Act::ALL {
        let stage = Stage::before(act).await;
        let house = stage.house.copy();
        let store = Arc::new(FlakyStore::new(house.store().await.unwrap()));
        let vault = open_over(&house, Arc::<FlakyStore>::clone(&store)).await;
        let before = Scene::of(&vault).await;
        store.hook().lose_commit_answer(1);
        act.run(&vault, &stage).await.unwrap();
        assert!(store.hook().has_struck());
        assert!(was_done(act, &house, &vault, &before, "lost answer").await);
        goes_on(&house, vault).await;
    }
}

#[tokio::test]
async fn a_commit_of_which_nobody_heard_shows_once_the_store_answers_and_not_before() {
    for act in Act::ALL {
        let stage = Stage::before(act).await;
        let house = stage.house.copy();
        let store = house.store().await.unwrap();
        let store = Arc::new(HookedStore::around(store, Arc::<Blackout>::default()));
        let vault = open_over(&house, Arc::<HookedStore<Blackout>>::clone(&store)).await;
        let before = Scene::of(&vault).await;
        *store.hook().0.lock() = Light::OffAfterCommits(0);
        let unheard = act.run(&vault, &stage).await;
        assert_eq!(code(unheard), "STORE_OUTCOME_UNKNOWN", "{act:?}");
        // What was made of topology in memory is gone, and cannot be read again now.
        let changes_topology =
            !matches!(act, Act::BeginRotation | Act::RetireRotated | Act::Abandon);
        let looked = vault.topology_stores().await;
        assert_eq!(looked.is_err(), changes_topology, "{act:?}");
        let refused = initialize(&vault).await;
        assert_eq!(code(refused), "STORE_IO", "{act:?}");

        *store.hook().0.lock() = Light::On;
        stage.settle(&vault).await;
        assert!(was_done(act, &house, &vault, &before, "blackout").await);
        goes_on(&house, vault).await;
    }
}

#[tokio::test]
async fn a_step_of_a_rotation_of_which_nobody_heard_is_not_taken_again() {
    for (act, left) in [
        (Act::BeginRotation, 9),
        (Act::RetireRotated, 0),
        (Act::Abandon, 0),
    ] {
        let stage = Stage::before(act).await;
        let house = stage.house.copy();
        let store = house.store().await.unwrap();
        let store = Arc::new(HookedStore::around(store, Arc::<Blackout>::default()));
        let vault = open_over(&house, Arc::<HookedStore<Blackout>>::clone(&store)).await;
        *store.hook().0.lock() = Light::OffAfterCommits(0);
        act.run(&vault, &stage).await.unwrap_err();
        *store.hook().0.lock() = Light::On;
        // Nothing but going on.
        assert_eq!(finish_rotations(&vault).await.len(), left, "{act:?}");
        goes_on(&house, vault).await;
    }
}

#[tokio::test]
async fn an_act_is_not_done_when_the_anchor_does_not_learn_of_it_and_is_when_only_the_confirmation_fails()
 {
    for act in Act::ALL {
        let stage = Stage::before(act).await;
        for made in [false, true] {
            let house = stage.house.copy();
            let anchor = FlakyAnchor::before(&house.anchor);
            let vault = open_with(&house, &anchor).await;
            let before = Scene::of(&vault).await;
            anchor.fail_write(1, made);
            let outcome = act.run(&vault, &stage).await;
            assert_eq!(code(outcome), "FILE_DISK_FULL", "{act:?}");
            assert!(!was_done(act, &house, &vault, &before, "pending").await);
            anchor.fail_write(2, made);
            act.run(&vault, &stage).await.unwrap();
            assert!(was_done(act, &house, &vault, &before, "confirmation").await);
            goes_on(&house, vault).await;
        }
    }
}

#[tokio::test]
async fn a_failure_of_any_draw_of_random_bytes_leaves_the_old_state() {
    for act in Act::ALL {
        let stage = Stage::before(act).await;
        let house = stage.house.copy();
        let random = Arc::new(FlakyRandom::new(SeededRandom::new(999)));
        let mut environment = house.environment(house.store().await.unwrap());
        environment.random = Arc::<FlakyRandom<SeededRandom>>::clone(&random);
        let vault = Vault::open(environment, house.settings.clone())
            .await
            .unwrap();
        let before = Scene::of(&vault).await;
        for number in 1.. {
            let when = format!("draw {number}");
            random.fail_draw(number);
            let outcome = act.run(&vault, &stage).await;
            let has_struck = random.has_struck();
            random.fail_draw(0);
            let done = was_done(act, &house, &vault, &before, &when).await;
            assert_eq!(done, !has_struck, "{act:?}, {when}");
            if !has_struck {
                outcome.unwrap();
                break;
            }
            assert_eq!(code(outcome), "RANDOM_SOURCE_FAILED", "{act:?}, {when}");
        }
        goes_on(&house, vault).await;
    }
}

#[tokio::test]
async fn an_act_given_up_anywhere_is_done_or_not_and_can_be_done_again() {
    // The others wait at the same calls.
    for act in [
        Act::Add,
        Act::BeginRotation,
        Act::Withdraw,
        Act::RetireRotated,
    ] {
        let stage = Stage::before(act).await;
        for waits in 0.. {
            let house = stage.house.copy();
            let vault = open_waiting(&house).await;
            let before = Scene::of(&vault).await;
            let outcome = until_it_waits(waits, act.run(&vault, &stage)).await;
            // Before anything is settled: topology in memory shows nothing that is not durable.
            let topology = super::picture::TopologyPicture::of(&vault).await;
            stage.settle(&vault).await;
            let done = was_done(act, &house, &vault, &before, &format!("{waits} waits")).await;
            if !done {
                assert_eq!(topology, before.topology, "{act:?}, {waits} waits");
                act.run(&vault, &stage).await.unwrap();
                assert!(act.is_done(&before, &Scene::of(&vault).await), "{act:?}");
            }
            if let Some(outcome) = outcome {
                outcome.unwrap();
                assert!(done && waits > 14, "{act:?}, {waits} waits");
                break;
            }
        }
    }
}

/// The identity is whole, and no key was made twice.
async fn check_identity(house: &House, vault: &Vault, when: &str) {
    initialize(vault).await.unwrap();
    // Two more than the node's: the one that is retired, and the spare one.
    assert_eq!(all_keys(vault).len(), 5 + 2, "{when}");
    assert_eq!(announced_keys(vault).await.len(), 3, "{when}");
    assert_eq!(serial(vault).await, 1, "{when}");
    let after = Scene::of(vault).await;
    assert_eq!(Scene::after_crash(house).await, after, "{when}");
}

#[tokio::test]
async fn an_identity_is_finished_after_a_failure_of_any_call() {
    let stage = Stage::empty().await;
    let (expected, failure) = FAILURES[1];
    let mut houses = 0;
    // Every third is enough: single units are failed at each call above.
    for number in (1..).step_by(3) {
        // Each from the beginning: a failure at one call hides what follows.
        let house = stage.house.copy();
        let store = Arc::new(FlakyStore::new(house.store().await.unwrap()));
        let vault = open_over(&house, Arc::<FlakyStore>::clone(&store)).await;
        store.hook().fail_call(number, failure);
        let outcome = initialize(&vault).await;
        let has_struck = store.hook().has_struck();
        store.hook().disarm();
        let when = format!("call {number}");
        if has_struck {
            assert_eq!(code(outcome), expected, "{when}");
            let after = Scene::of(&vault).await;
            assert_eq!(Scene::after_crash(&house).await, after, "{when}");
        }
        check_identity(&house, &vault, &when).await;
        houses += 1;
        if !has_struck {
            assert!(houses > 20, "{houses} calls only");
            break;
        }
    }
}

#[tokio::test]
async fn an_identity_whose_making_was_not_answered_is_finished_without_making_a_key_twice() {
    let stage = Stage::empty().await;
    for number in 0.. {
        let house = stage.house.copy();
        let store = house.store().await.unwrap();
        let store = Arc::new(HookedStore::around(store, Arc::<Blackout>::default()));
        let vault = open_over(&house, Arc::<HookedStore<Blackout>>::clone(&store)).await;
        *store.hook().0.lock() = Light::OffAfterCommits(number);
        let outcome = initialize(&vault).await;
        *store.hook().0.lock() = Light::On;
        check_identity(&house, &vault, &format!("commit {number}")).await;
        match outcome {
            Ok(()) => return assert!(number > 7, "{number} units only"),
            unheard => assert_eq!(code(unheard), "STORE_OUTCOME_UNKNOWN"),
        }
    }
}

#[tokio::test]
async fn an_identity_given_up_anywhere_is_finished_without_making_a_key_twice() {
    let stage = Stage::empty().await;
    let mut houses = 0;
    for waits in (0..).step_by(3) {
        let house = stage.house.copy();
        let vault = open_waiting(&house).await;
        let outcome = until_it_waits(waits, initialize(&vault)).await;
        check_identity(&house, &vault, &format!("{waits} waits")).await;
        houses += 1;
        if let Some(outcome) = outcome {
            outcome.unwrap();
            assert!(houses > 40, "{houses} moments only");
            break;
        }
    }
}
