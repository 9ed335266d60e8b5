//! Backups from before a rotation of the wrapper key.

use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, mpsc},
    time::Duration,
};

use strongroom_backup::BackupStore;
use strongroom_crypto::Fingerprint;
use strongroom_errors::Coded;
use strongroom_kms::KmsKeyId;
use strongroom_vault::{Vault, VaultError};
use tokio::sync::oneshot;

use super::{back_up, file_of, new_backup, read, restore, verify};
use crate::{
    house::{House, KMS_NAME, caller, check_signs, code, signing_key},
    rotating::rotate,
};

#[tokio::test]
async fn a_backup_from_before_a_rotation_is_restored_as_long_as_its_wrapper_key_is_there() {
    let house = House::new();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let old: KmsKeyId = vault.opening().wrapper_key_id.parse().unwrap();
    let backup = back_up(&house, &vault).await;
    rotate(&vault).await.unwrap();
    vault.close().await.unwrap();
    assert!(verify(&house, &backup).await.unwrap().is_sound());

    fs::remove_dir_all(house.vault_folder()).unwrap();
    let refused = restore(&house, &backup, false).await.unwrap_err();
    assert_eq!(
        refused.code().name(),
        "BACKUP_OLDER_THAN_ANCHOR",
        "{refused:?}"
    );
    let restored = restore(&house, &backup, true).await.unwrap();
    restored.vault.release(&caller()).await.unwrap();
    check_signs(&restored.vault, &key).await;
    restored.vault.close().await.unwrap();

    house.kms.disable_key(&old).unwrap();
    let refused = verify(&house, &backup).await.unwrap_err();
    let VaultError::NoWrapOpens { attempts } = refused else {
        panic!("{refused:?}");
    };
    let tried: Vec<_> = attempts
        .iter()
        .map(|attempt| (attempt.kms.as_str(), attempt.wrapper_key_id.as_str()))
        .collect();
    assert_eq!(tried, [(KMS_NAME, old.as_str())]);
    assert_eq!(attempts[0].code, "KMS_KEY_DISABLED");
}

#[tokio::test]
async fn what_is_known_of_backups_survives_rotations_and_keeps_their_data_keys() {
    let house = House::new();
    let vault = house.create().await;
    signing_key(&vault).await;
    back_up(&house, &vault).await;
    let needed = vault.data_keys_of_backups();
    rotate(&vault).await.unwrap();
    rotate(&vault).await.unwrap();
    vault.close().await.unwrap();

    let vault = house.open().await;
    assert_eq!(vault.backups().len(), 1);
    assert_eq!(vault.data_keys_of_backups(), needed);
    assert_eq!(vault.retired_data_keys().len(), 2);
    let refused = vault.prune_data_keys(&caller(), &needed).await.unwrap_err();
    assert_eq!(refused.code().name(), "DATA_KEY_NEEDED");
    assert_eq!(vault.retired_data_keys().len(), 2, "all or none");
    let none = BTreeSet::new();
    assert_eq!(
        vault.prune_data_keys(&caller(), &none).await.unwrap().len(),
        2
    );
    vault.close().await.unwrap();
    house.open().await;
    // The anchor has forgotten the data key with the vault: such a backup may have been made up.
    let backup = read(&house);
    fs::remove_dir_all(house.vault_folder()).unwrap();
    let refused = restore(&house, &backup, true).await.unwrap_err();
    assert!(
        matches!(refused, VaultError::AnchorOfOtherVault),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_forgotten_backup_keeps_no_data_key_and_verifying_it_makes_it_known_again() {
    let house = House::new();
    let vault = house.create().await;
    signing_key(&vault).await;
    let backup = back_up(&house, &vault).await;
    let id = vault.backups()[0].id;
    rotate(&vault).await.unwrap();
    let needed = vault.data_keys_of_backups();
    let kept = vault.prune_data_keys(&caller(), &needed).await.unwrap_err();
    assert_eq!(kept.code().name(), "DATA_KEY_NEEDED", "{kept:?}");

    let forgotten = vault.forget_backup(&caller(), id).await.unwrap();
    assert_eq!(forgotten.id, id);
    assert!(vault.backups().is_empty());
    let twice = vault.forget_backup(&caller(), id).await.unwrap_err();
    assert_eq!(twice.code().name(), "STORE_BACKUP_MISSING", "{twice:?}");
    vault.close().await.unwrap();
    let vault = house.open().await;
    assert!(vault.backups().is_empty());

    let report = verify(&house, &backup).await.unwrap();
    let noted = vault.note_verified(&caller(), &report, [0; 32]).await;
    assert!(noted.unwrap().is_some_and(|known| known.id == id));
    vault.forget_backup(&caller(), id).await.unwrap();
    let needed = vault.data_keys_of_backups();
    let pruned = vault.prune_data_keys(&caller(), &needed).await.unwrap();
    assert_eq!(pruned.len(), 1);
}

/// A vault that lost its database after a rotation, and its backups from before and after that.
async fn between_rotations() -> (House, [BackupStore; 2], Fingerprint) {
    let house = House::new();
    let vault = house.create().await;
    let older = back_up(&house, &vault).await;
    fs::remove_file(file_of(&house)).unwrap();
    rotate(&vault).await.unwrap();
    let key = signing_key(&vault).await;
    let newer = back_up(&house, &vault).await;
    signing_key(&vault).await;
    vault.close().await.unwrap();
    (house, [older, newer], key)
}

async fn restore_again(
    house: &House,
    backup: &BackupStore,
    accept_older: bool,
) -> Result<Vault, VaultError> {
    fs::remove_dir_all(house.vault_folder()).unwrap();
    let restored = restore(house, backup, accept_older).await;
    restored.map(|restored| restored.vault)
}

#[tokio::test]
async fn a_better_backup_from_after_a_rotation_is_restored_over_an_older_one() {
    let (house, [older, newer], key) = between_rotations().await;
    for _there_and_back in 0..3 {
        let vault = restore_again(&house, &older, true).await.unwrap();
        vault.release(&caller()).await.unwrap();
        vault.close().await.unwrap();
        // What is given up is still known after other commits, openings and a rotation.
        let vault = house.open().await;
        signing_key(&vault).await;
        rotate(&vault).await.unwrap();
        vault.close().await.unwrap();
        let refused = restore_again(&house, &newer, false).await;
        assert_eq!(code(refused), "BACKUP_OLDER_THAN_ANCHOR");
        let vault = restore_again(&house, &newer, true).await.unwrap();
        vault.release(&caller()).await.unwrap();
        check_signs(&vault, &key).await;
        vault.close().await.unwrap();
        house.open().await.close().await.unwrap();
    }
    // Three states were given up that had a data key of their own, beside the one of the oldest backup.
    let anchor = house.anchor.load().unwrap().unwrap();
    assert_eq!(anchor.given_up_data_keys.len(), 3);
    assert_eq!(anchor.former_data_keys.len(), 1);
    assert_eq!(anchor.restoring, None);
}

#[tokio::test]
async fn so_many_data_keys_are_remembered_of_states_that_were_given_up() {
    let (house, [older, newer], _key) = between_rotations().await;
    for _ in 0..20 {
        let vault = restore_again(&house, &older, true).await.unwrap();
        rotate(&vault).await.unwrap();
        vault.close().await.unwrap();
    }
    let anchor = house.anchor.load().unwrap().unwrap();
    assert_eq!(anchor.given_up_data_keys.len(), 16);
    let refused = restore_again(&house, &newer, true).await;
    assert_eq!(code(refused), "ANCHOR_OF_OTHER_VAULT");
}

#[tokio::test]
async fn whoever_prunes_goes_back_to_nothing_that_was_given_up() {
    let (house, [older, newer], _key) = between_rotations().await;
    let vault = restore_again(&house, &older, true).await.unwrap();
    rotate(&vault).await.unwrap();
    let pruned = vault.prune_data_keys(&caller(), &BTreeSet::new()).await;
    assert_eq!(pruned.unwrap().len(), 1);
    vault.close().await.unwrap();
    for backup in [&older, &newer] {
        let refused = restore_again(&house, backup, true).await;
        assert_eq!(code(refused), "ANCHOR_OF_OTHER_VAULT");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_that_is_being_made_keeps_the_data_key_that_it_needs() {
    let house = House::new();
    let vault = Arc::new(house.create().await);
    signing_key(&vault).await;
    let (reached, is_reached) = oneshot::channel();
    let (go_on, told_to_go_on) = mpsc::channel();
    let making = {
        let (vault, file) = (Arc::clone(&vault), file_of(&house));
        let mut reached = Some(reached);
        tokio::spawn(async move {
            let new = new_backup(&file);
            let progress = move |_rows| {
                if let Some(reached) = reached.take() {
                    reached.send(()).unwrap();
                    told_to_go_on.recv().unwrap();
                }
            };
            vault.create_backup(&caller(), new, progress).await.unwrap()
        })
    };
    is_reached.await.unwrap();
    rotate(&vault).await.unwrap();
    let retired = vault.retired_data_keys();
    let mut pruning = {
        let vault = Arc::clone(&vault);
        tokio::spawn(async move { vault.prune_unneeded_data_keys(&caller()).await })
    };
    let waited = tokio::time::timeout(Duration::from_millis(200), &mut pruning).await;
    assert!(waited.is_err(), "nobody waited for the backup: {waited:?}");
    go_on.send(()).unwrap();
    let made = making.await.unwrap();
    assert_eq!(Vec::from_iter(made.backup.needs), retired);
    let refused = pruning.await.unwrap().unwrap_err();
    assert_eq!(refused.code().name(), "DATA_KEY_NEEDED", "{refused:?}");

    vault
        .forget_backup(&caller(), made.backup.id)
        .await
        .unwrap();
    let pruned = vault.prune_unneeded_data_keys(&caller()).await.unwrap();
    assert_eq!(pruned, retired);
}
