//! Every call fails once while wraps come and go.

use std::sync::Arc;

use strongroom_test_support::{kms::Fault, store::FlakyStore};
use strongroom_vault::{Settings, Vault, VaultError};

use super::{Regions, SECOND, kms_of_wraps};
use crate::{
    faults::store::FAILURES,
    house::{KMS_NAME, caller, check_signs, code, signing_key},
};

#[derive(Clone, Copy, Debug)]
enum Act {
    Add,
    Remove,
}

impl Act {
    async fn stage(self) -> Regions {
        match self {
            Self::Add => {
                let regions = Regions::with_two_wraps(Settings::default()).await;
                let vault = regions.open().await;
                let second = regions.second_key();
                vault
                    .remove_wrap(&caller(), SECOND, second.as_str())
                    .await
                    .unwrap();
                vault.close().await.unwrap();
                regions
            }
            Self::Remove => Regions::with_two_wraps(Settings::default()).await,
        }
    }

    async fn run(self, regions: &Regions, vault: &Vault) -> Result<(), VaultError> {
        let second = regions.second_key();
        match self {
            Self::Add => vault
                .add_wrap(&caller(), SECOND, Some(second))
                .await
                .map(drop),
            Self::Remove => vault.remove_wrap(&caller(), SECOND, second.as_str()).await,
        }
    }

    const fn is_done(self, wraps: usize) -> bool {
        match self {
            Self::Add => wraps == 2,
            Self::Remove => wraps == 1,
        }
    }
}

/// How many wraps there are, in memory and on the disk alike; both open.
async fn count(regions: &Regions, vault: &Vault) -> usize {
    let wraps = kms_of_wraps(vault);
    assert!(vault.check_wraps().await.all_open());
    let copy = regions.copy();
    let reopened = copy.open().await;
    assert_eq!(kms_of_wraps(&reopened), wraps);
    reopened.close().await.unwrap();
    wraps.len()
}

#[tokio::test]
async fn any_failure_of_any_call_of_the_store_leaves_the_old_wraps_and_a_vault_that_goes_on() {
    for act in [Act::Add, Act::Remove] {
        let stage = act.stage().await;
        for (expected, failure) in FAILURES {
            let regions = stage.copy();
            let store = Arc::new(FlakyStore::new(regions.house.store().await.unwrap()));
            let environment = regions.environment(Arc::<FlakyStore>::clone(&store));
            let vault = Vault::open(environment, Settings::default()).await.unwrap();
            for number in 1.. {
                store.hook().fail_call(number, failure);
                let outcome = act.run(&regions, &vault).await;
                let has_struck = store.hook().has_struck();
                store.hook().disarm();
                let done = act.is_done(count(&regions, &vault).await);
                if !has_struck {
                    outcome.unwrap();
                    assert!(done && number > 6, "{act:?} makes {number} calls only");
                    break;
                }
                assert_eq!(code(outcome), expected, "{act:?}, call {number}");
                assert!(!done, "{act:?}, call {number}");
            }
            check_signs(&vault, &signing_key(&vault).await).await;
            vault.close().await.unwrap();
            regions.open().await;
        }
    }
}

#[tokio::test]
async fn a_wrap_whose_commit_was_done_but_not_answered_is_there() {
    for (act, commit) in [(Act::Add, 1), (Act::Add, 2), (Act::Remove, 1)] {
        let regions = act.stage().await;
        let store = Arc::new(FlakyStore::new(regions.house.store().await.unwrap()));
        let environment = regions.environment(Arc::<FlakyStore>::clone(&store));
        let vault = Vault::open(environment, Settings::default()).await.unwrap();
        store.hook().lose_commit_answer(commit);
        act.run(&regions, &vault).await.unwrap();
        assert!(store.hook().has_struck());
        assert!(act.is_done(count(&regions, &vault).await), "{act:?}");
    }
}

#[tokio::test]
async fn any_failure_of_any_call_of_the_kms_leaves_the_old_wraps() {
    for (fault, expected) in [
        (Fault::AnswerLost, "KMS_TIMED_OUT"),
        (Fault::Denied, "KMS_DENIED"),
        (Fault::Throttled, "KMS_THROTTLED"),
        (Fault::Unavailable, "KMS_UNAVAILABLE"),
    ] {
        let regions = Act::Add.stage().await;
        let vault = regions.open().await;
        // Its state, wrapping, and the try.
        for call in 1..=3 {
            if (call, fault) == (1, Fault::Denied) {
                continue;
            }
            regions.second.fail_at(call, fault);
            let outcome = Act::Add.run(&regions, &vault).await;
            assert_eq!(code(outcome), expected, "call {call}");
            assert_eq!(kms_of_wraps(&vault), [KMS_NAME]);
        }
        Act::Add.run(&regions, &vault).await.unwrap();
        assert_eq!(count(&regions, &vault).await, 2);
    }
}

#[tokio::test]
async fn a_node_that_may_only_wrap_and_unwrap_adds_a_wrap_all_the_same() {
    let regions = Act::Add.stage().await;
    let vault = regions.open().await;
    regions.second.fail_at(1, Fault::Denied);
    Act::Add.run(&regions, &vault).await.unwrap();
    assert_eq!(count(&regions, &vault).await, 2);
}
