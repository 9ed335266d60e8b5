//! Every call of the KMS and of the store fails once while keys move.

use std::sync::Arc;

use strongroom_kms::KmsProvider;
use strongroom_kms_local::LocalKms;
use strongroom_test_support::{
    kms::{Fault, FlakyKms},
    store::FlakyStore,
};
use strongroom_vault::{NamedKms, Vault};

use super::{Act, Estate};
use crate::{
    faults::store::{FAILURES, open_over},
    house::{House, KMS_NAME},
    rotating::tell,
};

const FAULTS: [Fault; 4] = [
    Fault::AnswerLost,
    Fault::Denied,
    Fault::Throttled,
    Fault::Unavailable,
];

pub(super) async fn open_with(house: &House, kms: &FlakyKms) -> Vault {
    let mut environment = house.environment(house.store().await.unwrap());
    environment.kms = vec![NamedKms {
        name: KMS_NAME.to_owned(),
        provider: Arc::new(kms.clone()),
    }];
    Vault::open(environment, house.settings.clone())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_kms_that_fails_at_any_call_leaves_every_key_in_one_place_or_the_other() {
    let mut struck = 0;
    for act in [Act::Bring, Act::BringReadable, Act::TakeBack, Act::Drop] {
        let estate = Estate::for_act(act).await;
        for fault in FAULTS {
            for number in 1.. {
                let when = format!("{act:?}: {fault:?} at call {number}");
                let house = estate.copy();
                let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
                let vault = open_with(&house, &kms).await;
                let before = kms.calls();
                kms.fail_at(number, fault);
                let outcome = act.run(&vault).await;
                let has_struck = kms.calls() - before >= number;
                kms.heal();
                estate.check(&vault, &when).await;
                if !has_struck {
                    outcome.unwrap();
                    break;
                }
                struck += 1;
                assert!(outcome.is_err(), "{when}");
                act.run(&vault).await.unwrap();
                estate.check_done(vault, &house, &when).await;
            }
        }
    }
    tell!("the KMS failed at {struck} calls while keys moved");
    // Three keys: taken in and proved; given up after another proof; taken back without a call.
    assert!(struck >= FAULTS.len() * (6 + 6 + 3), "{struck}");
}

#[tokio::test]
async fn a_store_that_fails_at_any_call_leaves_every_key_in_one_place_or_the_other() {
    let mut struck = 0;
    for act in Act::ALL {
        let estate = Estate::for_act(act).await;
        // Of seven ways to fail, each call sees another one.
        for (number, (expected, failure)) in (1..).zip(FAILURES.into_iter().cycle()) {
            let when = format!("{act:?}: {expected} at call {number}");
            let house = estate.copy();
            let store = Arc::new(FlakyStore::new(house.store().await.unwrap()));
            let vault = open_over(&house, Arc::<FlakyStore>::clone(&store)).await;
            store.hook().fail_call(number, failure);
            let outcome = act.run(&vault).await;
            let has_struck = store.hook().has_struck();
            store.hook().disarm();
            drop(vault);
            drop(store);
            let vault = house.open().await;
            estate.check(&vault, &when).await;
            if !has_struck {
                outcome.unwrap();
                break;
            }
            struck += 1;
            act.run(&vault).await.unwrap();
            estate.check_done(vault, &house, &when).await;
        }
    }
    tell!("the store failed at {struck} calls while keys moved");
    assert!(struck > 6 * 10, "{struck}");
}

#[tokio::test]
async fn a_commit_that_was_done_but_not_answered_counts() {
    for act in Act::ALL {
        let estate = Estate::for_act(act).await;
        for number in 1.. {
            let when = format!("{act:?}: commit {number}");
            let house = estate.copy();
            let store = Arc::new(FlakyStore::new(house.store().await.unwrap()));
            let kms: Arc<dyn KmsProvider> = Arc::<LocalKms>::clone(&house.kms);
            let mut environment = house.environment(Arc::<FlakyStore>::clone(&store));
            environment.kms[0].provider = kms;
            let vault = Vault::open(environment, house.settings.clone());
            let vault = vault.await.unwrap();
            store.hook().lose_commit_answer(number);
            let _done_or_not = act.run(&vault).await;
            let has_struck = store.hook().has_struck();
            drop(vault);
            drop(store);
            let vault = house.open().await;
            estate.check(&vault, &when).await;
            act.run(&vault).await.unwrap();
            estate.check_done(vault, &house, &when).await;
            if !has_struck {
                break;
            }
        }
    }
}
