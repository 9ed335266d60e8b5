//! Taking a state for the right one, and restoring a backup.

use std::{fs, sync::Arc};

use strongroom_backup::BackupStore;
use strongroom_kms::KmsKeyId;
use strongroom_store::{Store, StoreError};
use strongroom_test_support::{kms::Fault, store::FlakyStore};
use strongroom_vault::{Restore, Restored, Settings, Vault, VaultError};

use super::{Estate, generations, tag, tag_name, tagged};
use crate::{
    audit::records,
    backups::back_up,
    house::{KMS_NAME, caller, code, signing_key},
    rotating::rotate,
};

#[tokio::test]
async fn an_accepted_state_leaves_the_generations_behind_that_it_gives_up() {
    let estate = Estate::with_file().await;
    let before = estate.house.copy();
    let vault = estate.open().await;
    for _ in 0..3 {
        signing_key(&vault).await;
    }
    vault.close().await.unwrap();
    let given_up = estate.house.copy();
    estate.house.put_back(&before);
    assert_eq!(estate.refusal().await, "ROLLED_BACK");
    let vault = estate.accept().await;
    assert_eq!(generations(&vault).await, (5, Some(5)));
    let audit = records(&vault).await.unwrap();
    let details = &audit.last().unwrap().details;
    assert_eq!(details["generation"], "1");
    assert_eq!(details["tagged_generation"], "4");
    vault.close().await.unwrap();
    estate.open().await.close().await.unwrap();
    // What was given up does not come back as something newer.
    estate.house.put_back(&given_up);
    estate.house.take_anchor_of(&given_up);
    assert_eq!(estate.refusal().await, "ROLLED_BACK");
}

#[tokio::test]
async fn a_lost_tag_is_written_anew_by_accepting() {
    let estate = Estate::new().await;
    estate.put_value("").await;
    assert_eq!(estate.refusal().await, "ANCHOR_TAG_DAMAGED");
    estate.accept().await.close().await.unwrap();
    assert_eq!(generations(&estate.open().await).await, (2, Some(2)));
}

#[tokio::test]
async fn accepting_does_not_overrule_which_data_key_it_is() {
    let estate = Estate::new().await;
    let good = estate.value().await.unwrap();
    estate.put_value(&format!("{}0000", &good[..59])).await;
    let refused = estate.try_accept().await;
    assert_eq!(code(refused), "ANCHOR_TAG_OF_OTHER_DATA_KEY");
}

#[tokio::test]
async fn without_its_kms_a_tag_is_given_up_by_accepting_without_it() {
    let estate = Estate::with_file().await;
    let estate = estate.with_settings(Settings::default());
    assert_eq!(estate.refusal().await, "ANCHOR_TAG_NOT_CONFIGURED");
    estate.accept().await.close().await.unwrap();
    let vault = estate.open().await;
    assert_eq!(vault.anchor_tag().await, None);
    signing_key(&vault).await;
    vault.close().await.unwrap();
    // And taken up again: the tag is only older.
    let estate = estate.with_settings(tagged(KMS_NAME, None));
    assert_eq!(generations(&estate.open().await).await, (3, Some(3)));
}

#[tokio::test]
async fn a_state_is_accepted_while_the_tag_cannot_be_read_and_the_tag_says_so_later() {
    let estate = Estate::new().await;
    estate.first.fail_at(1, Fault::Unavailable);
    let vault = estate.accept().await;
    assert_eq!(generations(&vault).await, (2, Some(2)));
    vault.close().await.unwrap();
    let before = estate.house.copy();
    let vault = estate.open().await;
    for _ in 0..3 {
        signing_key(&vault).await;
    }
    vault.close().await.unwrap();
    // Whoever could not read the tag does not know what to go beyond: nothing is put back, and the second time it is known.
    estate.house.put_back(&before);
    estate.first.fail_at(1, Fault::Unavailable);
    assert_eq!(code(estate.try_accept().await), "ANCHOR_TAG_NEWER");
    assert_eq!(estate.refusal().await, "ROLLED_BACK");
    let vault = estate.accept().await;
    assert_eq!(generations(&vault).await, (6, Some(6)));
}

async fn restore(
    estate: &Estate,
    backup: &BackupStore,
    accept_older: bool,
) -> Result<Restored, VaultError> {
    let _ = fs::remove_dir_all(estate.house.vault_folder());
    let store = estate.house.new_store().await;
    restore_into(store, estate, backup, accept_older).await
}

async fn restore_into(
    store: Arc<dyn Store>,
    estate: &Estate,
    backup: &BackupStore,
    accept_older: bool,
) -> Result<Restored, VaultError> {
    let environment = estate.environment(store);
    let settings = estate.house.settings.clone();
    let how = Restore {
        vault: None,
        accept_older,
    };
    Vault::restore_backup(environment, settings, &caller(), backup, how).await
}

#[tokio::test]
async fn a_backup_that_is_older_than_the_tag_is_restored_only_when_somebody_says_so() {
    let estate = Estate::new().await;
    let vault = estate.open().await;
    let backup = back_up(&estate.house, &vault).await;
    signing_key(&vault).await;
    vault.close().await.unwrap();
    let lost = estate.house.copy();
    match restore(&estate, &backup, false).await {
        Err(VaultError::BackupOlder { remembered, found }) => {
            assert_eq!((remembered, found), (3, 1))
        }
        other => panic!("{other:?}"),
    }
    let restored = restore(&estate, &backup, true).await.unwrap();
    assert_eq!((restored.generation, restored.remembered), (1, Some(3)));
    assert_eq!(generations(&restored.vault).await, (4, Some(4)));
    restored.vault.release(&caller()).await.unwrap();
    restored.vault.close().await.unwrap();
    estate.open().await.close().await.unwrap();
    estate.house.put_back(&lost);
    assert_eq!(estate.refusal().await, "ROLLED_BACK");
}

#[tokio::test]
async fn a_backup_from_before_a_rotation_is_restored_by_its_own_wrapper_key() {
    let estate = Estate::new().await;
    let vault = estate.open().await;
    let backup = back_up(&estate.house, &vault).await;
    rotate(&vault).await.unwrap();
    vault.close().await.unwrap();
    assert_eq!(
        code(restore(&estate, &backup, false).await),
        "BACKUP_OLDER_THAN_ANCHOR"
    );
    let restored = restore(&estate, &backup, true).await.unwrap();
    let (generation, remembered) = generations(&restored.vault).await;
    assert_eq!(Some(generation), remembered);
    restored.vault.close().await.unwrap();
    estate.open().await;
}

/// Two ids of one key, such as two versions of Google's, have one tag: a restore finds the one of the vault that was there.
#[tokio::test]
async fn a_restore_that_fails_leaves_a_tag_by_which_the_vault_that_was_there_still_opens() {
    let estate = Estate::with_file().await;
    let vault = estate.open().await;
    let seat = async |vault: &Vault| -> KmsKeyId {
        tag(vault).await.wrapper_key_id.unwrap().parse().unwrap()
    };
    let left = seat(&vault).await;
    let backup = back_up(&estate.house, &vault).await;
    rotate(&vault).await.unwrap();
    let comes = seat(&vault).await;
    vault.close().await.unwrap();
    let there = estate.house.copy();
    let share = async |estate: &Estate, from: &KmsKeyId, to: &KmsKeyId| {
        let value = estate.value_on(from).await.unwrap();
        let set = estate.tags().set_tag(to, &tag_name(), &value).await;
        set.unwrap();
    };
    share(&estate, &comes, &left).await;
    let before = estate.value_on(&left).await;

    let mut failed_with_another_tag = 0;
    for number in 1.. {
        let _ = fs::remove_dir_all(estate.house.vault_folder());
        let store = Arc::new(FlakyStore::new(estate.house.new_store().await));
        store.hook().fail_call(number, || StoreError::Closed);
        let restoring = Arc::<FlakyStore>::clone(&store);
        let outcome = restore_into(restoring, &estate, &backup, true).await;
        store.hook().disarm();
        drop(store);
        if estate.house.has_vault().await {
            // One tag, also for the restored vault, if the restore came to its end.
            drop(outcome);
            share(&estate, &left, &comes).await;
            estate.open().await.close().await.unwrap();
            break;
        }
        failed_with_another_tag += usize::from(estate.value_on(&left).await != before);
        let copy = estate.house.copy_with_key_file().with_key_file_again();
        let after = Estate::around(copy);
        share(&after, &left, &comes).await;
        after.house.put_back(&there);
        let vault = after.open().await;
        let (generation, remembered) = generations(&vault).await;
        assert_eq!(Some(generation), remembered, "call {number}");
    }
    assert!(failed_with_another_tag > 0);
}
