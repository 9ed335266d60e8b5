//! Every call of the store fails once, in every way.

use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_store::{Damage, Sealing, Store, StoreError};
use strongroom_test_support::store::{FlakyStore, HookedStore, StoreCall, StoreHook};
use strongroom_vault::Vault;

use super::Trial;
use crate::{
    acts::{Act, Stage},
    house::{House, Picture, VAULT_ID, caller, check_signs, code, sign, signing_key},
};

/// A failure, and the code by which it is told.
pub(crate) type Failure = (&'static str, fn() -> StoreError);

/// Every way in which a call can fail that is not about what it was asked.
pub(crate) const FAILURES: [Failure; 7] = [
    ("STORE_FULL", || StoreError::Full {
        source: "on purpose".into(),
    }),
    ("STORE_IO", || StoreError::Io {
        operation: "do that",
        source: "on purpose".into(),
    }),
    ("STORE_BUSY", || StoreError::Busy { source: None }),
    ("STORE_OUTCOME_UNKNOWN", || StoreError::OutcomeUnknown {
        source: "on purpose".into(),
    }),
    ("STORE_TRANSACTION_CLOSED", || StoreError::TransactionClosed),
    ("STORE_CLOSED", || StoreError::Closed),
    ("STORE_CORRUPTED", || {
        StoreError::corrupted(Damage::Unreadable)
    }),
];

pub(crate) async fn open_over(house: &House, store: Arc<dyn Store>) -> Vault {
    let environment = house.environment(store);
    Vault::open(environment, house.settings.clone())
        .await
        .unwrap()
}

async fn trial(stage: &Stage) -> (Trial<'_>, Arc<FlakyStore>) {
    let house = stage.house.copy();
    let store = Arc::new(FlakyStore::new(house.store().await.unwrap()));
    let vault = open_over(&house, Arc::<FlakyStore>::clone(&store)).await;
    (Trial::new(stage, house, vault).await, store)
}

/// Fails every call of `act` once, and sees that the calls are those that it makes.
async fn sweep(stage: &Stage, act: Act, (expected, failure): Failure) {
    let (mut trial, mut store) = trial(stage).await;
    for number in 1.. {
        let when = format!("{expected} at call {number}");
        store.hook().fail_call(number, failure);
        let outcome = trial.run(act).await;
        let has_struck = store.hook().has_struck();
        store.hook().disarm();
        let done = trial.was_done(act, &when).await;
        if !has_struck {
            outcome.unwrap();
            assert!(done, "{act:?}");
            assert!(number > 5, "{act:?} makes {number} calls only");
            trial.goes_on(&when).await;
            return;
        }
        assert_eq!(code(outcome), expected, "{act:?}, {when}");
        if done {
            // What fails after the commit: only scrubbing, and doing it again scrubs.
            assert_eq!(act, Act::Seal, "{when}");
            trial.run(act).await.unwrap();
            trial.goes_on(&when).await;
            (trial, store) = self::trial(stage).await;
        }
    }
}

#[tokio::test]
async fn a_full_disk_at_any_call_leaves_the_old_state_and_a_vault_that_goes_on() {
    let stage = Stage::new(Sealing::DataKey).await;
    for act in Act::ALL {
        sweep(&stage, act, FAILURES[0]).await;
    }
}

#[tokio::test]
async fn any_failure_at_any_call_leaves_the_old_state_and_a_vault_that_goes_on() {
    let stage = Stage::new(Sealing::DataKey).await;
    for failure in &FAILURES[1..] {
        // Acts differ in a call or two; these make all of them.
        for act in [Act::Generate, Act::ImportHalf, Act::Seal, Act::Delete] {
            sweep(&stage, act, *failure).await;
        }
    }
}

#[tokio::test]
async fn an_act_whose_commit_was_done_but_not_answered_counts_as_done() {
    let stage = Stage::new(Sealing::DataKey).await;
    for act in Act::ALL {
        let (trial, store) = trial(&stage).await;
        store.hook().lose_commit_answer(1);
        trial.run(act).await.unwrap();
        assert!(store.hook().has_struck());
        assert!(trial.was_done(act, "lost answer").await, "{act:?}");
        trial.goes_on("lost answer").await;
    }
}

/// A store that goes dark with a commit: done, but nobody hears of it, nor of anything afterwards.
#[derive(Debug, Default)]
pub(crate) struct Blackout(pub(crate) Mutex<Light>);

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Light {
    #[default]
    On,
    /// After so many commits that are answered, and one that is not.
    OffAfterCommits(usize),
    Off,
}

impl StoreHook for Blackout {
    fn before(&self, _call: StoreCall) -> Result<(), StoreError> {
        match *self.0.lock() {
            Light::Off => Err(FAILURES[1].1()),
            Light::On | Light::OffAfterCommits(_) => Ok(()),
        }
    }

    fn after(&self, call: StoreCall) -> Result<(), StoreError> {
        let mut light = self.0.lock();
        match *light {
            Light::OffAfterCommits(0) if call == StoreCall::Commit => {
                *light = Light::Off;
                Err(FAILURES[3].1())
            }
            Light::OffAfterCommits(left) if call == StoreCall::Commit => {
                *light = Light::OffAfterCommits(left - 1);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_commit_of_which_nobody_heard_is_found_by_the_next_act() {
    let stage = Stage::new(Sealing::DataKey).await;
    for act in Act::ALL {
        let house = stage.house.copy();
        let store = house.store().await.unwrap();
        let store = Arc::new(HookedStore::around(store, Arc::<Blackout>::default()));
        let vault = open_over(&house, Arc::<HookedStore<Blackout>>::clone(&store)).await;
        check_signs(&vault, &stage.keys.witness).await;
        let trial = Trial::new(&stage, house, vault).await;

        *store.hook().0.lock() = Light::OffAfterCommits(0);
        assert_eq!(code(trial.run(act).await), "STORE_OUTCOME_UNKNOWN");
        let refused = trial.run(Act::Generate).await;
        assert_eq!(code(refused), "STORE_IO", "{act:?}");
        // What is warm goes on meanwhile.
        check_signs(&trial.vault, &stage.keys.witness).await;

        *store.hook().0.lock() = Light::On;
        // Even asking for what is so already settles it.
        trial
            .vault
            .retire_key(&caller(), &stage.keys.retired)
            .await
            .unwrap();
        assert!(trial.was_done(act, "blackout").await, "{act:?}");
        trial.goes_on("blackout").await;
    }
}

#[tokio::test]
async fn a_key_that_may_have_been_taken_away_is_not_used_until_somebody_can_tell() {
    let stage = Stage::new(Sealing::DataKey).await;
    let keys = &stage.keys;
    for (act, key, refusal) in [
        (Act::Retire, keys.to_retire, "KEY_RETIRED"),
        (Act::Delete, keys.to_delete, "KEY_NOT_FOUND"),
    ] {
        let house = stage.house.copy();
        let store = house.store().await.unwrap();
        let store = Arc::new(HookedStore::around(store, Arc::<Blackout>::default()));
        let vault = open_over(&house, Arc::<HookedStore<Blackout>>::clone(&store)).await;
        for warm in [&key, &keys.witness] {
            check_signs(&vault, warm).await;
        }
        *store.hook().0.lock() = Light::OffAfterCommits(0);
        act.run(&vault, keys).await.unwrap_err();
        assert_eq!(code(sign(&vault, &key).await), "IN_DOUBT", "{act:?}");
        check_signs(&vault, &keys.witness).await;
        *store.hook().0.lock() = Light::On;
        assert_eq!(code(sign(&vault, &key).await), refusal, "{act:?}");
        check_signs(&vault, &keys.witness).await;
    }
}

#[tokio::test]
async fn a_key_whose_retirement_nobody_heard_of_is_no_false_alarm() {
    let stage = Stage::new(Sealing::DataKey).await;
    for act in [Act::Retire, Act::Seal, Act::Delete] {
        let house = stage.house.copy();
        let store = house.store().await.unwrap();
        let store = Arc::new(HookedStore::around(store, Arc::<Blackout>::default()));
        let vault = open_over(&house, Arc::<HookedStore<Blackout>>::clone(&store)).await;
        *store.hook().0.lock() = Light::OffAfterCommits(0);
        act.run(&vault, &stage.keys).await.unwrap_err();
        *store.hook().0.lock() = Light::On;
        match act {
            Act::Retire => assert_eq!(
                code(sign(&vault, &stage.keys.to_retire).await),
                "KEY_RETIRED"
            ),
            Act::Seal => check_signs(&vault, &stage.keys.to_seal).await,
            _ => assert_eq!(
                code(sign(&vault, &stage.keys.to_delete).await),
                "KEY_NOT_FOUND"
            ),
        }
    }
}

#[tokio::test]
async fn creating_a_vault_survives_a_failure_of_any_call() {
    for (expected, failure) in FAILURES {
        for number in 1.. {
            let house = House::new();
            let store = Arc::new(FlakyStore::new(house.new_store().await));
            store.hook().fail_call(number, failure);
            let outcome = house.try_create(Arc::<FlakyStore>::clone(&store)).await;
            let has_struck = store.hook().has_struck();
            store.hook().disarm();
            let vault = if has_struck {
                assert_eq!(code(outcome), expected, "call {number}");
                house.try_create(store).await.unwrap()
            } else {
                assert!(number > 7, "creation makes {number} calls only");
                outcome.unwrap()
            };
            check_signs(&vault, &signing_key(&vault).await).await;
            let picture = Picture::of(&vault).await;
            vault.close().await.unwrap();
            assert_eq!(Picture::of(&house.open().await).await, picture);
            if !has_struck {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_vault_whose_creation_was_done_but_not_answered_is_made() {
    let house = House::new();
    let store = Arc::new(FlakyStore::new(house.new_store().await));
    store.hook().lose_commit_answer(1);
    let vault = house.try_create(store).await.unwrap();
    assert_eq!(vault.id(), VAULT_ID);
    check_signs(&vault, &signing_key(&vault).await).await;
    vault.close().await.unwrap();
    house.open().await;
}

#[tokio::test]
async fn opening_a_vault_survives_a_failure_of_any_call() {
    let stage = Stage::new(Sealing::DataKey).await;
    for (expected, failure) in FAILURES {
        let store = Arc::new(FlakyStore::new(stage.house.store().await.unwrap()));
        for number in 1.. {
            store.hook().fail_call(number, failure);
            let environment = stage.house.environment(Arc::<FlakyStore>::clone(&store));
            let outcome = Vault::open(environment, stage.settings()).await;
            if !store.hook().has_struck() {
                assert!(number > 6, "opening makes {number} calls only");
                store.hook().disarm();
                outcome.unwrap().close().await.unwrap();
                break;
            }
            assert_eq!(code(outcome), expected, "call {number}");
        }
    }
}

#[tokio::test]
async fn signing_with_a_cold_key_survives_a_failure_of_any_call() {
    let stage = Stage::new(Sealing::DataKey).await;
    for (expected, failure) in FAILURES {
        let store = Arc::new(FlakyStore::new(stage.house.store().await.unwrap()));
        let vault = open_over(&stage.house, Arc::<FlakyStore>::clone(&store)).await;
        for number in 1.. {
            store.hook().fail_call(number, failure);
            let outcome = sign(&vault, &stage.keys.witness).await;
            if !store.hook().has_struck() {
                outcome.unwrap();
                assert_eq!(number, 3, "begin to read, and the row");
                break;
            }
            assert_eq!(code(outcome), expected, "call {number}");
        }
        store.hook().disarm();
        vault.close().await.unwrap();
    }
}
