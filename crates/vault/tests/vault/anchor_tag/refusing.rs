//! Older and mixed copies are refused, whatever became of the file; and the window that remains.

use strongroom_errors::Coded;
use strongroom_test_support::kms::Fault;
use strongroom_vault::{Settings, Vault, VaultError};

use super::{Estate, generations, tagged};
use crate::{
    house::{House, KMS_NAME, code, signing_key},
    wraps::SECOND,
};

/// An estate, and its house as it was before a checkpoint two commits later.
async fn past(estate: Estate) -> (Estate, House) {
    let before = estate.house.copy();
    let vault = estate.open().await;
    signing_key(&vault).await;
    signing_key(&vault).await;
    vault.close().await.unwrap();
    (estate, before)
}

#[tokio::test]
async fn a_database_from_before_the_last_checkpoint_is_refused_though_the_file_went_back_too() {
    let (estate, before) = past(Estate::with_file().await).await;
    estate.house.put_back(&before);
    estate.house.take_anchor_of(&before);
    match estate.try_open().await {
        Err(error @ VaultError::RolledBack { remembered, found }) => {
            assert_eq!((remembered, found), (3, 1));
            assert!(error.code().advice().contains("strongroom anchor accept"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_database_from_before_the_last_checkpoint_is_refused_without_any_file() {
    let (estate, before) = past(Estate::new().await).await;
    estate.house.put_back(&before);
    assert_eq!(estate.refusal().await, "ROLLED_BACK");
}

#[tokio::test]
async fn what_was_committed_since_the_last_checkpoint_is_the_window() {
    let estate = Estate::new().await;
    let vault = estate.open().await;
    signing_key(&vault).await;
    vault.write_anchor_tag().await.unwrap();
    let at_checkpoint = estate.house.copy();
    signing_key(&vault).await;
    let within = estate.house.copy();
    signing_key(&vault).await;
    drop(vault);
    for (house, generation) in [(&at_checkpoint, 2), (&within, 3)] {
        estate.house.put_back(house);
        let vault = estate.open().await;
        assert_eq!(generations(&vault).await.0, generation, "unnoticed");
        drop(vault);
    }
    // The last opening wrote the tag, and so closed the window behind it.
    estate.house.put_back(&at_checkpoint);
    assert_eq!(estate.refusal().await, "ROLLED_BACK");
}

#[tokio::test]
async fn another_history_of_the_same_length_is_refused() {
    let estate = Estate::new().await;
    let fork = Estate::around(estate.house.copy());
    let vault = fork.open().await;
    signing_key(&vault).await;
    drop(vault);
    let vault = estate.open().await;
    signing_key(&vault).await;
    vault.close().await.unwrap();
    match fork.try_open().await {
        Err(VaultError::RolledBack { remembered, found }) => {
            assert_eq!((remembered, found), (2, 2))
        }
        other => panic!("{other:?}"),
    }
    estate.open().await;
}

#[tokio::test]
async fn a_state_record_from_one_day_and_rows_from_another_are_refused() {
    let (estate, before) = past(Estate::new().await).await;
    let database = estate.house.database();
    let path = before.vault_folder().join("vault.db");
    database
        .execute("ATTACH ?1 AS before", [path.to_str().unwrap()])
        .unwrap();
    database
        .execute_batch("DELETE FROM private_keys; DELETE FROM public_keys")
        .unwrap();
    drop(database);
    assert_eq!(estate.refusal().await, "STATE_MISMATCH");
}

#[tokio::test]
async fn a_tag_that_is_gone_damaged_or_of_another_data_key_is_refused() {
    let estate = Estate::new().await;
    let good = estate.value().await.unwrap();
    for damaged in ["", "2-abc", &good[..40]] {
        estate.put_value(damaged).await;
        assert_eq!(estate.refusal().await, "ANCHOR_TAG_DAMAGED", "{damaged}");
    }
    // The data keys are the last characters.
    let other = format!("{}0000", &good[..59]);
    estate.put_value(&other).await;
    assert_eq!(estate.refusal().await, "ANCHOR_TAG_OF_OTHER_DATA_KEY");
    estate.put_value(&good).await;
    estate.open().await;

    // The key file of a day on which there was no tag.
    let house = House::new();
    let vault = house.create().await;
    let bare = house.copy_with_key_file();
    vault.close().await.unwrap();
    let estate = Estate::around(house.with_settings(tagged(KMS_NAME, None)));
    let vault = estate.open().await;
    signing_key(&vault).await;
    vault.close().await.unwrap();
    bare.put_back(&estate.house);
    bare.take_anchor_of(&estate.house);
    let settings = tagged(KMS_NAME, None);
    let bare = Estate::around(bare.with_key_file_again().with_settings(settings));
    assert_eq!(bare.refusal().await, "ANCHOR_TAG_MISSING");
}

#[tokio::test]
async fn whoever_can_only_block_the_question_does_not_switch_the_check_off() {
    let estate = Estate::with_file().await;
    for fault in [
        Fault::AnswerLost,
        Fault::Denied,
        Fault::Throttled,
        Fault::Unavailable,
    ] {
        // The first call reads the tag; the one that unwraps would pass.
        estate.first.fail_at(1, fault);
        assert_eq!(estate.refusal().await, "ANCHOR_TAG_UNREADABLE", "{fault:?}");
    }
    estate.open().await;
}

#[tokio::test]
async fn taking_the_tag_out_of_the_configuration_is_refused() {
    let estate = Estate::new().await.with_settings(Settings::default());
    assert_eq!(estate.refusal().await, "ANCHOR_TAG_NOT_CONFIGURED");
    let estate = estate.with_settings(tagged(SECOND, None));
    assert_eq!(estate.refusal().await, "ANCHOR_TAG_WITHOUT_WRAP");
    let estate = estate.with_settings(tagged("nowhere", None));
    assert_eq!(estate.refusal().await, "ANCHOR_TAG_UNSUPPORTED");
}

#[tokio::test]
async fn a_vault_is_not_made_anew_where_its_tag_remembers_it() {
    let estate = Estate::new().await;
    std::fs::remove_dir_all(estate.house.vault_folder()).unwrap();
    match estate.try_create().await {
        Err(VaultError::RolledBack { remembered, found }) => {
            assert_eq!((remembered, found), (1, 0))
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_vault_is_not_made_without_the_tag_that_is_its_anchor() {
    let house = House::new().without_anchor();
    let estate = Estate::around(house.with_settings(tagged(KMS_NAME, None)));
    // Wrapper key, wrap, question, tag.
    estate.first.fail_at(4, Fault::Denied);
    assert_eq!(code(estate.try_create().await), "ANCHOR_TAG_UNWRITABLE");
    // There is none: it can be made.
    estate.create().await;
}

#[tokio::test]
async fn a_creation_that_was_interrupted_after_its_tag_is_repeated() {
    let house = House::new().without_anchor();
    let estate = Estate::around(house.with_settings(tagged(KMS_NAME, None)));
    // The tag is written, and nobody hears of it.
    estate.first.fail_at(4, Fault::AnswerLost);
    assert_eq!(code(estate.try_create().await), "ANCHOR_TAG_UNWRITABLE");
    assert!(estate.value().await.is_some());
    let vault = estate.create().await;
    assert_eq!(generations(&vault).await, (1, Some(1)));
    vault.close().await.unwrap();
    estate.open().await;
}

#[tokio::test]
async fn the_stored_tag_can_be_read_without_opening_the_vault() {
    let (estate, before) = past(Estate::new().await).await;
    estate.house.put_back(&before);
    let environment = estate.environment(estate.house.store().await.unwrap());
    let read = Vault::read_anchor_tag(&environment, &estate.house.settings).await;
    let stored = read.unwrap().unwrap();
    assert_eq!(stored.kms, KMS_NAME);
    assert_eq!(
        stored.wrapper_key_id.as_deref(),
        Some(estate.key().as_str())
    );
    assert_eq!(stored.generation, Some(3));
    let none = Vault::read_anchor_tag(&environment, &Settings::default()).await;
    assert_eq!(none.unwrap(), None);
}
