//! The sealed keys beside keys in a KMS: they follow every other key wherever it goes.

use std::{collections::BTreeSet, fs};

use strongroom_store::{Custody, Sealing};
use strongroom_vault::{ExportForm, Place};

use super::{Act, Estate, HISTORY, IN_KMS, custody, key_in_kms};
use crate::{
    backups::{back_up, restore, verify},
    house::{House, caller, check_signs, code, settings, signing_key},
    rotating::rotate,
};

#[tokio::test]
async fn a_copy_is_under_the_data_key_that_a_rotation_leaves() {
    let estate = Estate::for_act(Act::TakeBack).await;
    let vault = estate.house.open().await;
    assert_eq!(vault.copied_keys().len(), 3);
    rotate(&vault).await.unwrap();
    vault.close().await.unwrap();
    let vault = estate.house.open().await;
    let pruned = vault.prune_data_keys(&caller(), &BTreeSet::new()).await;
    assert_eq!(pruned.unwrap().len(), 1);
    estate.check(&vault, "rotated").await;
    Act::TakeBack.run(&vault).await.unwrap();
    estate
        .check_done(vault, &estate.house, "rotated, taken back")
        .await;
}

#[tokio::test]
async fn a_copy_is_in_a_backup_and_comes_back_with_it() {
    let estate = Estate::for_act(Act::Drop).await;
    let vault = estate.house.open().await;
    let backup = back_up(&estate.house, &vault).await;
    let report = verify(&estate.house, &backup).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    Act::Drop.run(&vault).await.unwrap();
    assert_eq!(vault.copied_keys(), []);
    vault.close().await.unwrap();
    fs::remove_dir_all(estate.house.vault_folder()).unwrap();
    let vault = restore(&estate.house, &backup, true).await.unwrap().vault;
    assert_eq!(vault.copied_keys().len(), 3);
    vault.release(&caller()).await.unwrap();
    Act::TakeBack.run(&vault).await.unwrap();
    assert_eq!(custody(&vault, &estate.signing), Custody::Envelope);
    check_signs(&vault, &estate.signing).await;
    let decrypted = vault.decrypt(&estate.history).await.unwrap();
    assert_eq!(decrypted.expose(), HISTORY);
}

#[tokio::test]
async fn a_copy_is_no_key_to_export_and_a_deleted_key_leaves_none() {
    let estate = Estate::for_act(Act::Drop).await;
    let vault = estate.house.open().await;
    let key = estate.signing;
    let refused = vault
        .export_key(&caller(), &key, &ExportForm::Pkcs8Der)
        .await;
    assert_eq!(code(refused), "HELD_BY_KMS");
    vault.delete_key(&caller(), &key).await.unwrap();
    assert!(!vault.copied_keys().contains(&key));
    assert_eq!(
        code(vault.drop_copy(&caller(), &key).await),
        "KEY_NOT_FOUND"
    );
}

#[tokio::test]
async fn a_key_that_the_kms_sealed_itself_is_copied_under_the_data_key_and_sealed_by_the_kms_again()
{
    let house = House::new().with_settings(settings(Custody::Envelope, Sealing::Direct));
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let sealing = || vault.key(&key).unwrap().private.as_ref().unwrap().sealing;
    assert_eq!(sealing(), Sealing::Direct);
    vault.migrate_key(&caller(), &key, &IN_KMS).await.unwrap();
    assert_eq!(sealing(), Sealing::DataKey);
    check_signs(&vault, &key).await;
    // The rotation of such a vault takes it along.
    rotate(&vault).await.unwrap();
    check_signs(&vault, &key).await;
    vault
        .migrate_key(&caller(), &key, &Place::Envelope)
        .await
        .unwrap();
    assert_eq!(sealing(), Sealing::Direct);
    check_signs(&vault, &key).await;
    vault.migrate_key(&caller(), &key, &IN_KMS).await.unwrap();
    vault.drop_copy(&caller(), &key).await.unwrap();
    assert_eq!(sealing(), Sealing::None);
    check_signs(&vault, &key).await;
}

#[tokio::test]
async fn a_copy_is_held_against_the_row_that_was_authenticated() {
    let estate = Estate::for_act(Act::TakeBack).await;
    let vault = estate.house.open().await;
    let held = key_in_kms(&vault, &estate.signing);
    // The operator of the database takes the copy away, or another one's in its place.
    for change in [
        "UPDATE private_keys SET sealing = 0, stored_key = NULL WHERE fingerprint = ?1",
        "UPDATE private_keys SET stored_key = \
         (SELECT stored_key FROM private_keys WHERE fingerprint <> ?1) WHERE fingerprint = ?1",
    ] {
        let house = estate.copy();
        house
            .database()
            .execute(change, [estate.signing.as_bytes()])
            .unwrap();
        assert_eq!(house.refusal().await, "ROW_NOT_AUTHENTIC", "{change}");
    }
    assert_eq!(key_in_kms(&vault, &estate.signing), held);
}
