//! When the tag is written, and what that costs.

use std::time::Duration;

use strongroom_kms::KmsOperation::{ReadTag, SetTag, UnwrapKey};
use strongroom_test_support::kms::Fault;

use super::{Estate, generations, tag, tagged};
use crate::{
    backups::try_back_up,
    house::{House, KMS_NAME, signing_key},
};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn opening_reads_the_tag_once_and_closing_writes_it_only_after_commits() {
    let estate = Estate::new().await;
    let (vault, asked) = estate.asked(estate.open()).await;
    assert_eq!(asked, [ReadTag, UnwrapKey]);
    let (closed, asked) = estate.asked(vault.close()).await;
    closed.unwrap();
    assert_eq!(asked, []);

    let vault = estate.open().await;
    let (_, asked) = estate.asked(signing_key(&vault)).await;
    assert_eq!(asked, [], "a commit asks nobody");
    assert_eq!(generations(&vault).await, (2, Some(1)));
    let (closed, asked) = estate.asked(vault.close()).await;
    closed.unwrap();
    assert_eq!(asked, [ReadTag, SetTag]);
    let vault = estate.open().await;
    assert_eq!(generations(&vault).await, (2, Some(2)));
}

#[tokio::test]
async fn a_new_vault_begins_its_tag_before_there_is_anything_to_lose() {
    let house = House::new().without_anchor();
    let estate = Estate::around(house.with_settings(tagged(KMS_NAME, None)));
    let vault = estate.create().await;
    assert_eq!(generations(&vault).await, (1, Some(1)));
    let value = estate.value().await.unwrap();
    assert_eq!(value.len(), 63, "{value}");
}

#[tokio::test]
async fn a_tag_that_a_crash_left_behind_is_written_at_the_next_opening() {
    let estate = Estate::new().await;
    let vault = estate.open().await;
    signing_key(&vault).await;
    drop(vault);
    let (vault, asked) = estate.asked(estate.open()).await;
    assert_eq!(asked, [ReadTag, UnwrapKey, ReadTag, SetTag]);
    assert_eq!(generations(&vault).await, (2, Some(2)));
}

#[tokio::test(start_paused = true)]
async fn while_commits_happen_the_tag_is_written_at_the_configured_interval_and_no_oftener() {
    let estate = Estate::new().await;
    let vault = estate.open().await;
    for _ in 0..5 {
        signing_key(&vault).await;
    }
    drop(vault);
    let mut settings = tagged(KMS_NAME, Some(HOUR));
    settings.kms_watch.check_wrapper_keys_every = None;
    let estate = estate.with_settings(settings);
    // The tag is read, and cannot be written yet.
    estate.first.fail_at(3, Fault::Unavailable);
    let vault = estate.open().await;
    // The time of the runtime is not the real one: it jumps to whatever is waited for.
    tokio::time::sleep(HOUR - Duration::from_secs(1)).await;
    assert_eq!(
        generations(&vault).await,
        (6, Some(1)),
        "not before its time"
    );
    let ((), asked) = estate
        .asked(tokio::time::sleep(Duration::from_secs(2)))
        .await;
    assert_eq!(asked, [ReadTag, SetTag]);
    assert_eq!(generations(&vault).await, (6, Some(6)));
    let ((), asked) = estate.asked(tokio::time::sleep(48 * HOUR)).await;
    assert_eq!(asked, [], "nothing was committed since");
}

#[tokio::test]
async fn a_backup_brings_a_checkpoint() {
    let estate = Estate::new().await;
    let vault = estate.open().await;
    try_back_up(&estate.house, &vault).await.unwrap();
    assert_eq!(generations(&vault).await, (2, Some(2)));
}

#[tokio::test]
async fn a_tag_that_cannot_be_written_fails_no_commit_and_is_told_of_until_it_is_written() {
    let estate = Estate::new().await;
    let vault = estate.open().await;
    estate.first.fail_from(1, Fault::Denied);
    signing_key(&vault).await;
    assert!(vault.write_anchor_tag().await.is_err());
    let failure = tag(&vault).await.failure.unwrap();
    assert_eq!(failure.code, "ANCHOR_TAG_UNREADABLE");
    try_back_up(&estate.house, &vault).await.unwrap();
    assert_eq!(generations(&vault).await, (3, Some(1)));
    estate.first.heal();
    vault.write_anchor_tag().await.unwrap();
    assert_eq!(tag(&vault).await.failure, None);
    assert_eq!(generations(&vault).await, (3, Some(3)));
}

#[tokio::test]
async fn a_vault_from_before_gets_its_tag_when_it_is_configured() {
    let house = House::new();
    house.create().await.close().await.unwrap();
    let estate = Estate::around(house.with_settings(tagged(KMS_NAME, None)));
    let vault = estate.open().await;
    assert_eq!(generations(&vault).await, (1, Some(1)));
    // Marked as tagged with its next commit.
    signing_key(&vault).await;
    vault.close().await.unwrap();
    let estate = estate.with_settings(strongroom_vault::Settings::default());
    assert_eq!(estate.refusal().await, "ANCHOR_TAG_NOT_CONFIGURED");
}

#[tokio::test]
async fn a_process_whose_vault_is_older_puts_nothing_back() {
    let estate = Estate::with_file().await;
    let vault = estate.open().await;
    signing_key(&vault).await;
    // What another process, with the same store, would have written after three more commits.
    let other = estate.house.copy();
    let other = Estate::around(other);
    let ahead = other.open().await;
    for _ in 0..3 {
        signing_key(&ahead).await;
    }
    ahead.close().await.unwrap();
    let newer = estate.value().await;
    vault.write_anchor_tag().await.unwrap();
    assert_eq!(estate.value().await, newer);
    assert_eq!(generations(&vault).await, (2, Some(5)));
    vault.close().await.unwrap();
    assert_eq!(estate.value().await, newer);
    assert_eq!(estate.refusal().await, "ROLLED_BACK");
    assert_eq!(generations(&other.open().await).await, (5, Some(5)));
}
