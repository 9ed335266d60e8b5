//! Every call of the KMS and of the store fails once during a rotation.

use std::sync::Arc;

use super::{Estate, rotate};
use crate::{
    faults::{
        kms::open_with,
        store::{FAILURES, open_over},
    },
    house::code,
};
use strongroom_kms_local::LocalKms;
use strongroom_store::Sealing;
use strongroom_test_support::{
    kms::{Fault, FlakyKms},
    store::FlakyStore,
};

pub(super) const FAULTS: [(Fault, &str); 4] = [
    (Fault::AnswerLost, "KMS_TIMED_OUT"),
    (Fault::Denied, "KMS_DENIED"),
    (Fault::Throttled, "KMS_THROTTLED"),
    (Fault::Unavailable, "KMS_UNAVAILABLE"),
];

#[tokio::test]
async fn a_kms_that_fails_at_any_call_stops_a_rotation_which_is_then_finished() {
    let mut struck = 0;
    for sealing in [Sealing::DataKey, Sealing::Direct] {
        let estate = Estate::new(sealing).await;
        for (fault, expected) in FAULTS {
            for number in 1.. {
                let when = format!("{sealing}: {expected} at call {number}");
                let house = estate.house.copy();
                let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
                let vault = open_with(&house, &kms).await;
                let before = kms.calls();
                kms.fail_at(number, fault);
                let outcome = rotate(&vault).await;
                let has_struck = kms.calls() - before >= number;
                kms.heal();
                let vault = estate.check(vault, &house, &when).await;
                if !has_struck {
                    outcome.unwrap();
                    break;
                }
                struck += 1;
                let told = code(outcome);
                assert!(
                    [expected, "KEY_NOT_MOVED"].contains(&told),
                    "{when}: {told}"
                );
                rotate(&vault).await.unwrap();
                assert_eq!(vault.retired_data_keys().len(), 1, "{when}");
                estate.check(vault, &house, &when).await;
            }
        }
    }
    tell!("the KMS failed at {struck} calls");
    // Making, wrapping, trying; and one for each key that the KMS sealed itself.
    assert!(struck >= FAULTS.len() * (3 + 3 + 5), "{struck}");
}

#[tokio::test]
async fn a_store_that_fails_at_any_call_stops_a_rotation_which_is_then_finished() {
    let estate = Estate::new(Sealing::DataKey).await;
    let mut struck = 0;
    for (expected, failure) in FAILURES {
        for number in 1.. {
            let when = format!("{expected} at call {number}");
            let house = estate.house.copy();
            let store = Arc::new(FlakyStore::new(house.store().await.unwrap()));
            let vault = open_over(&house, Arc::<FlakyStore>::clone(&store) as _).await;
            store.hook().fail_call(number, failure);
            let outcome = rotate(&vault).await;
            let has_struck = store.hook().has_struck();
            store.hook().disarm();
            if !has_struck {
                outcome.unwrap();
                assert!(number > 60, "a rotation makes {number} calls only");
                break;
            }
            struck += 1;
            assert_eq!(code(outcome), expected, "{when}");
            super::check_uses(&estate, &vault).await;
            rotate(&vault).await.unwrap();
            assert_eq!(vault.retired_data_keys().len(), 1, "{when}");
            estate.check(vault, &house, &when).await;
        }
    }
    tell!("the store failed at {struck} calls");
}

#[tokio::test]
async fn a_commit_of_a_rotation_that_was_done_but_not_answered_counts() {
    let estate = Estate::new(Sealing::DataKey).await;
    for number in 1.. {
        let when = format!("answer {number} lost");
        let house = estate.house.copy();
        let store = Arc::new(FlakyStore::new(house.store().await.unwrap()));
        let vault = open_over(&house, Arc::<FlakyStore>::clone(&store) as _).await;
        store.hook().lose_commit_answer(number);
        rotate(&vault).await.unwrap();
        let has_struck = store.hook().has_struck();
        store.hook().disarm();
        assert_eq!(vault.retired_data_keys().len(), 1, "{when}");
        estate.check(vault, &house, &when).await;
        if !has_struck {
            assert!(number > 6, "a rotation has {number} commits only");
            break;
        }
    }
}
