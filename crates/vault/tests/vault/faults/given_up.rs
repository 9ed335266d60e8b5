//! Whoever asked stops waiting: a client that disconnects drops the work wherever it is.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

use strongroom_store::Sealing;
use strongroom_test_support::store::CountingStore;
use strongroom_vault::Vault;

use super::Trial;
use crate::{
    acts::{Act, Stage},
    house::{House, caller, check_signs, code, sign},
};

/// Runs `future` until it has waited `waits` times; none if it would wait on.
pub(crate) async fn until_it_waits<T>(waits: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = waits;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// The vault over a store that makes its callers wait before and after each call, however quick it is.
pub(crate) async fn open_waiting(house: &House) -> Vault {
    let store = CountingStore::new(house.store().await.unwrap());
    let environment = house.environment(Arc::new(store));
    Vault::open(environment, house.settings.clone())
        .await
        .unwrap()
}

#[tokio::test]
async fn an_act_given_up_anywhere_is_done_or_not_and_the_vault_goes_on() {
    for sealing in [Sealing::DataKey, Sealing::Direct] {
        let stage = Stage::new(sealing).await;
        for act in Act::ALL {
            for waits in 0.. {
                let house = stage.house.copy();
                let vault = open_waiting(&house).await;
                let trial = Trial::new(&stage, house, vault).await;
                let outcome = until_it_waits(waits, trial.run(act)).await;
                // Whatever is under way in the store ends before the next unit begins, and that one finds out.
                trial
                    .vault
                    .retire_key(&caller(), &stage.keys.retired)
                    .await
                    .unwrap();
                let done = trial.was_done(act, &format!("{waits} waits")).await;
                trial.goes_on("given up").await;
                if let Some(outcome) = outcome {
                    outcome.unwrap();
                    assert!(done, "{act:?}");
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_signature_given_up_anywhere_leaves_the_key_usable() {
    let stage = Stage::new(Sealing::DataKey).await;
    for waits in 0.. {
        let house = stage.house.copy();
        let vault = open_waiting(&house).await;
        let outcome = until_it_waits(waits, sign(&vault, &stage.keys.witness)).await;
        check_signs(&vault, &stage.keys.witness).await;
        assert_eq!(vault.opened_keys(), 1);
        if outcome.is_some() {
            break;
        }
    }
}

#[tokio::test]
async fn a_key_signs_exactly_as_long_as_the_act_that_was_given_up_has_not_taken_it_away() {
    let stage = Stage::new(Sealing::DataKey).await;
    for (act, key, refusal) in [
        (Act::Retire, stage.keys.to_retire, "KEY_RETIRED"),
        (Act::Delete, stage.keys.to_delete, "KEY_NOT_FOUND"),
    ] {
        for waits in 0.. {
            let house = stage.house.copy();
            let vault = open_waiting(&house).await;
            // Warm: nothing but the vault itself can keep it from signing.
            check_signs(&vault, &key).await;
            let trial = Trial::new(&stage, house, vault).await;
            let outcome = until_it_waits(waits, trial.run(act)).await;
            let signed = sign(&trial.vault, &key).await;
            let signs = match signed {
                Ok(()) => true,
                refused => {
                    assert_eq!(code(refused), refusal, "{act:?}, {waits} waits");
                    false
                }
            };
            let done = trial.was_done(act, &format!("{waits} waits")).await;
            assert_eq!(signs, !done, "{act:?}, {waits} waits");
            if outcome.is_some() {
                assert!(done);
                break;
            }
        }
    }
}
