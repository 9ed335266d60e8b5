//! Restoring a backup into an empty store.

use strongroom_crypto::Fingerprint;
use strongroom_store::{Sealing, VaultId};
use strongroom_vault::{AnchorRecord, Restore, Vault, VaultError};

use super::{Everything, back_up, restore, restore_into, table, verify};
use crate::{
    house::{
        ALLOW_PROTOCOL, House, Picture, VAULT_ID, caller, check_signs, code, encryption_key, sign,
        signing_key,
    },
    topology::{node, protocol_key, rotate_all},
};

/// Everything that is restored as it was.
const TABLES: [&str; 9] = [
    "backups",
    "data_keys",
    "identity",
    "kms_journal",
    "private_keys",
    "public_keys",
    "rotations",
    "topology",
    "wraps",
];

#[tokio::test]
async fn a_restored_vault_is_the_one_that_was_backed_up_row_by_row() {
    let everything = Everything::new().await;
    let house = &everything.house;
    let vault = house.open().await;
    // One before: what was known of backups is restored too.
    back_up(house, &vault).await;
    std::fs::remove_file(super::file_of(house)).unwrap();
    let before = house.copy();
    let backup = back_up(house, &vault).await;
    let encrypted = vault.encrypt(&everything.encryption, b"for you").unwrap();
    vault.close().await.unwrap();

    let elsewhere = house.neighbour();
    let restored = restore(&elsewhere, &backup, false).await.unwrap();
    assert_eq!(restored.remembered, None);
    let vault = restored.vault;
    for name in TABLES {
        let (found, expected) = (table(&elsewhere, name), table(&before, name));
        assert!(found == expected, "{name}: {found:#?} {expected:#?}");
    }
    assert!(table(&elsewhere, "backups").len() == 1 && table(&elsewhere, "rotations").len() == 1);
    let (audit, expected) = (table(&elsewhere, "audit"), table(&before, "audit"));
    assert_eq!(audit.len(), expected.len() + 1);
    assert!(audit.starts_with(&expected));

    assert!(vault.is_quarantined());
    assert_eq!(
        vault.decrypt(&encrypted).await.unwrap().expose(),
        b"for you"
    );
    vault.release(&caller()).await.unwrap();
    for key in [everything.clear, everything.direct, everything.external] {
        check_signs(&vault, &key).await;
    }
    assert_eq!(code(sign(&vault, &everything.retired).await), "KEY_RETIRED");
    let picture = Picture::of(&vault).await;
    vault.close().await.unwrap();
    assert_eq!(picture, Picture::of(&elsewhere.open().await).await);
}

#[tokio::test]
async fn a_vault_is_never_restored_over_another() {
    let house = House::new();
    let vault = house.create().await;
    let backup = back_up(&house, &vault).await;
    vault.close().await.unwrap();
    let store = house.store().await.unwrap();
    let refused = restore_into(store, &house, &backup, true).await;
    assert_eq!(code(refused), "VAULT_ALREADY_EXISTS");
    house.open().await;
}

#[tokio::test]
async fn another_vault_than_the_configured_one_is_not_restored() {
    let house = House::new();
    let backup = back_up(&house, &house.create().await).await;
    let elsewhere = house.neighbour();
    let how = Restore {
        vault: Some(VaultId::from_bytes([1; 16])),
        accept_older: true,
    };
    let environment = elsewhere.environment(elsewhere.new_store().await);
    let settings = elsewhere.settings.clone();
    let refused = Vault::restore_backup(environment, settings, &caller(), &backup, how).await;
    assert_eq!(code(refused), "OTHER_VAULT");
}

/// Loses the database, and nothing else.
fn lose(house: &House) {
    std::fs::remove_dir_all(house.vault_folder()).unwrap();
}

fn anchor(house: &House) -> AnchorRecord {
    house.anchor.load().unwrap().unwrap()
}

#[tokio::test]
async fn a_backup_older_than_the_anchor_is_restored_only_when_somebody_says_so() {
    let house = House::new();
    let vault = house.create().await;
    let kept = signing_key(&vault).await;
    let backup = back_up(&house, &vault).await;
    let generation = backup.header().generation;
    let lost = signing_key(&vault).await;
    vault.close().await.unwrap();
    let remembered = anchor(&house).confirmed.unwrap().generation;
    assert_eq!(remembered, generation + 2);
    lose(&house);

    let refused = restore(&house, &backup, false).await.unwrap_err();
    let expected = (remembered, generation);
    assert!(
        matches!(refused, VaultError::BackupOlder { remembered, found } if (remembered, found) == expected),
        "{refused:?}"
    );
    assert_eq!(anchor(&house).confirmed.unwrap().generation, remembered);

    let restored = restore(&house, &backup, true).await.unwrap();
    assert_eq!(
        (restored.generation, restored.remembered),
        (generation, Some(remembered))
    );
    let vault = restored.vault;
    let anchored = anchor(&house);
    assert_eq!(anchored.confirmed.unwrap().generation, remembered + 1);
    assert_eq!(anchored.pending, None);
    let mut last = None;
    vault.walk_audit(|entry| last = Some(entry)).await.unwrap();
    let last = last.unwrap();
    assert_eq!(last.operation.name(), "restore_backup");
    let before: AnchorRecord = serde_json::from_str(&last.details["anchor_before"]).unwrap();
    assert_eq!(before.confirmed.unwrap().generation, remembered);
    assert_eq!(last.details["generation"], generation.to_string());

    vault.release(&caller()).await.unwrap();
    check_signs(&vault, &kept).await;
    assert_eq!(code(sign(&vault, &lost).await), "KEY_NOT_FOUND");
    vault.close().await.unwrap();
    house.open().await;
}

#[tokio::test]
async fn a_state_of_the_time_before_cannot_pass_for_the_restored_one() {
    let house = House::new();
    let vault = house.create().await;
    let backup = back_up(&house, &vault).await;
    vault.close().await.unwrap();
    let before = house.copy();
    lose(&house);
    restore(&house, &backup, true)
        .await
        .unwrap()
        .vault
        .close()
        .await
        .unwrap();
    house.put_back(&before);
    assert_eq!(house.refusal().await, "ROLLED_BACK");
}

#[tokio::test]
async fn the_very_last_state_is_restored_without_a_word() {
    let house = House::new();
    let vault = house.create().await;
    let backup = back_up(&house, &vault).await;
    vault.close().await.unwrap();
    // As if the backup were the last that was done: only the record of it came after.
    let elsewhere = house.neighbour();
    let first = restore(&elsewhere, &backup, false).await.unwrap().vault;
    first.close().await.unwrap();
    lose(&elsewhere);
    let refused = restore(&elsewhere, &backup, false).await;
    assert_eq!(code(refused), "BACKUP_OLDER_THAN_ANCHOR");
    restore(&elsewhere, &backup, true).await.unwrap();
}

#[tokio::test]
async fn an_anchor_of_another_vault_is_not_taken() {
    let house = House::new();
    let backup = back_up(&house, &house.create().await).await;
    let elsewhere = house.neighbour();
    let mut foreign = anchor(&house);
    foreign.vault_id = "00".repeat(16);
    elsewhere.anchor.store(&foreign).unwrap();
    let refused = restore(&elsewhere, &backup, true).await;
    assert_eq!(code(refused), "ANCHOR_OF_OTHER_VAULT");
    assert_eq!(anchor(&elsewhere), foreign);
    assert_eq!(backup.header().vault, VAULT_ID);
}

#[tokio::test]
async fn a_backup_that_nothing_opens_is_not_restored() {
    let house = House::new();
    let backup = back_up(&house, &house.create().await).await;
    let elsewhere = House::numbered(2);
    let store = elsewhere.new_store().await;
    let refused = restore_into(store.clone(), &elsewhere, &backup, true).await;
    assert_eq!(code(refused), "NO_WRAP_OPENS");
    assert!(store.read().await.unwrap().vault().await.unwrap().is_none());
    assert!(!elsewhere.anchor_path().exists());
}

#[tokio::test]
async fn keys_that_were_rotated_out_since_do_not_come_back_to_life() {
    let house = House::new();
    let (vault, _keys) = node(&house).await;
    let old = protocol_key(&vault).await;
    let backup = back_up(&house, &vault).await;
    rotate_all(&vault).await;
    assert_eq!(code(sign(&vault, &old).await), "KEY_RETIRED");
    vault.close().await.unwrap();
    lose(&house);

    let vault = restore(&house, &backup, true).await.unwrap().vault;
    assert_eq!(code(sign(&vault, &old).await), "VAULT_IN_QUARANTINE");
    vault.close().await.unwrap();
    let vault = house.open().await;
    let again = vault.sign(&old, b"message", ALLOW_PROTOCOL).await;
    assert_eq!(code(again.map(drop)), "VAULT_IN_QUARANTINE");
    vault.retire_key(&caller(), &old).await.unwrap();
    vault.release(&caller()).await.unwrap();
    assert_eq!(code(sign(&vault, &old).await), "KEY_RETIRED");
    check_signs(&vault, &signing_key(&vault).await).await;
}

#[tokio::test]
async fn a_large_vault_is_restored_page_by_page() {
    let house = House::new().with_settings(crate::house::settings(
        strongroom_store::Custody::Envelope,
        Sealing::DataKey,
    ));
    let vault = house.create().await;
    let new = (0..2500)
        .map(|_| crate::house::new_protocol_key())
        .collect();
    let keys = vault.generate_signing_keys(&caller(), new).await.unwrap();
    encryption_key(&vault).await;
    let backup = back_up(&house, &vault).await;
    let report = verify(&house, &backup).await.unwrap();
    assert!(report.is_sound());
    assert_eq!((report.used.signed, report.used.decrypted), (2500, 1));
    let elsewhere = house.neighbour();
    let restored = restore(&elsewhere, &backup, false).await.unwrap().vault;
    assert_eq!(restored.key_count(), 2501);
    restored.release(&caller()).await.unwrap();
    let last: Fingerprint = keys.last().unwrap().fingerprint();
    check_signs(&restored, &last).await;
}
