//! Every call about the tag fails once, in every way: nobody is locked out, and no older state is let in.

use std::sync::Arc;

use strongroom_kms::KmsKeyId;
use strongroom_kms_local::LocalKms;
use strongroom_store_sqlite::SqliteStore;
use strongroom_test_support::{
    kms::{Alteration, AlteredKms, Fault, FlakyKms},
    store::FlakyStore,
};
use strongroom_vault::Vault;

use super::{Estate, generations};
use crate::{
    house::{code, signing_key},
    rotating::rotate,
};

const FAULTS: [Fault; 4] = [
    Fault::AnswerLost,
    Fault::Denied,
    Fault::Throttled,
    Fault::Unavailable,
];

#[tokio::test]
async fn a_failure_of_any_call_of_a_rotation_leaves_a_vault_that_opens_and_a_past_that_does_not() {
    let estate = Estate::new().await;
    let vault = estate.open().await;
    signing_key(&vault).await;
    vault.close().await.unwrap();
    for fault in FAULTS {
        for number in 1.. {
            let when = format!("{fault:?} at call {number}");
            // A KMS of its own: what is written there is no business of the next attempt.
            let house = estate.house.copy_with_key_file().with_key_file_again();
            let house = house.without_anchor();
            let trial = Estate::around(house);
            let before = trial.house.copy();
            let vault = trial.open().await;
            let calls = trial.first.calls();
            trial.first.fail_at(number, fault);
            let outcome = rotate(&vault).await;
            let struck = trial.first.calls() - calls >= number;
            trial.first.heal();
            // The process ends here.
            drop(vault);
            let vault = trial
                .try_open()
                .await
                .unwrap_or_else(|error| panic!("{when}: {error}"));
            let (generation, remembered) = generations(&vault).await;
            assert_eq!(Some(generation), remembered, "{when}");
            if vault.wrapper_key_rotation().is_some() {
                assert!(outcome.is_err(), "{when}");
                rotate(&vault).await.unwrap();
            } else if outcome.is_err() {
                rotate(&vault).await.unwrap();
            }
            vault.close().await.unwrap();
            trial.open().await.close().await.unwrap();
            trial.house.put_back(&before);
            assert_eq!(trial.refusal().await, "ROLLED_BACK", "{when}");
            if !struck {
                assert!(number > 6, "{when}");
                break;
            }
        }
    }
}

/// A KMS in which every id is this one key as far as tags go, as versions of a key of Google's are.
#[derive(Debug)]
struct OneLabel(KmsKeyId);

impl Alteration for OneLabel {
    fn tagged_in_place_of(&self, _version: &KmsKeyId) -> KmsKeyId {
        self.0.clone()
    }
}

#[tokio::test]
async fn two_versions_of_one_key_that_share_its_tag_lock_nobody_out() {
    for number in 1.. {
        let estate = Estate::new().await;
        let kms = Arc::<LocalKms>::clone(&estate.house.kms);
        let label = AlteredKms::around(kms, OneLabel(estate.key()));
        let estate = Estate {
            first: FlakyKms::new(Arc::new(label)),
            ..estate
        };
        let vault = estate.open().await;
        signing_key(&vault).await;
        let before = estate.house.copy();
        let calls = estate.first.calls();
        estate.first.fail_from(number, Fault::Unavailable);
        let outcome = rotate(&vault).await;
        let struck = estate.first.calls() - calls >= number;
        drop(vault);
        estate.first.heal();
        let opened = estate.try_open().await;
        let vault = opened.unwrap_or_else(|error| panic!("call {number}: {error}"));
        if outcome.is_err() {
            rotate(&vault).await.unwrap();
        }
        vault.close().await.unwrap();
        estate.open().await.close().await.unwrap();
        estate.house.put_back(&before);
        assert_eq!(estate.refusal().await, "ROLLED_BACK", "call {number}");
        if !struck {
            assert!(number > 6, "{number}");
            break;
        }
    }
}

/// The answer to the commit that changes the data key is lost, and nobody can ask what became of it; meanwhile it is time for a
/// checkpoint.
#[tokio::test]
async fn a_checkpoint_does_not_undo_what_a_commit_in_doubt_prepared() {
    for lost in 1.. {
        let estate = Estate::new().await;
        let vault = estate.open().await;
        signing_key(&vault).await;
        vault.close().await.unwrap();
        let store = SqliteStore::open(&estate.house.vault_folder()).await;
        let store = Arc::new(FlakyStore::new(Arc::new(store.unwrap())));
        let environment = estate.environment(Arc::<FlakyStore>::clone(&store) as _);
        let settings = estate.house.settings.clone();
        let vault = Vault::open(environment, settings).await.unwrap();
        store.hook().lose_commit_answer(lost);
        let outcome = rotate(&vault).await;
        let struck = store.hook().has_struck();
        let _ = vault.write_anchor_tag().await;
        drop(vault);
        store.hook().disarm();
        drop(store);
        let vault = estate.try_open().await;
        vault
            .unwrap_or_else(|error| panic!("commit {lost}: {error}"))
            .close()
            .await
            .unwrap();
        if !struck {
            outcome.unwrap();
            assert!(lost > 3, "{lost}");
            break;
        }
    }
}

#[tokio::test]
async fn a_lost_answer_at_the_end_costs_nothing() {
    let estate = Estate::new().await;
    for number in 1..=2 {
        let vault = estate.open().await;
        signing_key(&vault).await;
        estate.first.fail_at(number, Fault::AnswerLost);
        vault.close().await.unwrap();
        estate.first.heal();
        let vault = estate.open().await;
        let (generation, remembered) = generations(&vault).await;
        assert_eq!(Some(generation), remembered);
        vault.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_kms_that_does_not_have_the_key_any_more_does_not_open() {
    let estate = Estate::new().await;
    let other = Estate::around(crate::house::House::numbered(99).without_anchor());
    other.create().await.close().await.unwrap();
    let foreign = FlakyKms::new(Arc::<LocalKms>::clone(&other.house.kms));
    let estate = Estate {
        first: foreign,
        ..estate
    };
    assert_eq!(code(estate.try_open().await), "ANCHOR_TAG_UNREADABLE");
}
