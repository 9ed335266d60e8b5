//! A restored vault signs nothing until somebody says that it may.

use strongroom_crypto::Fingerprint;
use strongroom_topology::{ForceFlags, StoreId};
use strongroom_vault::{Place, Rotate, Vault, VaultError};

use super::{back_up, restore, verify};
use crate::{
    house::{
        ALLOW_PROTOCOL, House, caller, check_signs, code, encryption_key, foreign_key,
        new_protocol_key, sign, signing_key,
    },
    topology::{node, participant, protocol_key},
};

/// A restored vault of a node, and a key of it.
async fn restored() -> (House, Vault, Fingerprint) {
    let house = House::new();
    let (vault, _keys) = node(&house).await;
    let key = protocol_key(&vault).await;
    let backup = back_up(&house, &vault).await;
    vault.close().await.unwrap();
    let elsewhere = house.neighbour();
    let vault = restore(&elsewhere, &backup, false).await.unwrap().vault;
    (elsewhere, vault, key)
}

fn assert_quarantined<T: std::fmt::Debug>(outcome: Result<T, VaultError>) {
    assert_eq!(code(outcome), "VAULT_IN_QUARANTINE");
}

#[tokio::test]
async fn nothing_is_signed_generated_or_rotated() {
    let (_house, vault, key) = restored().await;
    assert_quarantined(sign(&vault, &key).await);
    assert_quarantined(
        vault
            .generate_signing_key(&caller(), new_protocol_key())
            .await,
    );
    let many = vec![new_protocol_key()];
    assert_quarantined(vault.generate_signing_keys(&caller(), many).await);
    assert_quarantined(vault.begin_rotation(&caller(), Rotate::all()).await);
    let in_kms = Place::External { kms: None };
    assert_quarantined(vault.migrate_key(&caller(), &key, &in_kms).await);
    assert_quarantined(vault.drop_copy(&caller(), &key).await);
    let one = Rotate::one(key);
    assert_quarantined(vault.begin_rotation(&caller(), one).await);
    let own: Vec<_> = {
        let store = vault.topology(&StoreId::Authorized).await.unwrap();
        store
            .rows()
            .iter()
            .map(|row| row.signed.as_ref().clone())
            .collect()
    };
    assert!(!own.is_empty());
    let signed = vault
        .sign_transactions(
            &caller(),
            &StoreId::Authorized,
            own,
            &[],
            ForceFlags::default(),
        )
        .await;
    // Those that the vault has signed already come back; it adds nothing.
    if let Err(error) = signed {
        assert_quarantined::<()>(Err(error));
    }
}

#[tokio::test]
async fn history_is_verified_and_decrypted_and_keys_are_brought_in_and_taken_out() {
    let house = House::new();
    let vault = house.create().await;
    let (signing, encryption) = (signing_key(&vault).await, encryption_key(&vault).await);
    let signature = vault
        .sign(&signing, b"message", ALLOW_PROTOCOL)
        .await
        .unwrap();
    let encrypted = vault.encrypt(&encryption, b"for you").unwrap();
    let backup = back_up(&house, &vault).await;
    vault.close().await.unwrap();
    let elsewhere = house.neighbour();
    let vault = restore(&elsewhere, &backup, false).await.unwrap().vault;
    vault
        .verify(b"message", &signature, ALLOW_PROTOCOL)
        .unwrap();
    assert_eq!(
        vault.decrypt(&encrypted).await.unwrap().expose(),
        b"for you"
    );
    let imported = vault.import_key(&caller(), foreign_key(9)).await.unwrap();
    vault.retire_key(&caller(), &signing).await.unwrap();
    vault.delete_key(&caller(), &encryption).await.unwrap();
    assert_quarantined(sign(&vault, &imported.fingerprint()).await);
}

#[tokio::test]
async fn it_lasts_until_it_is_released_and_is_released_once() {
    let (house, vault, key) = restored().await;
    vault.close().await.unwrap();
    let vault = house.open().await;
    assert!(vault.is_quarantined());
    assert_quarantined(sign(&vault, &key).await);
    vault.release(&caller()).await.unwrap();
    assert!(!vault.is_quarantined());
    check_signs(&vault, &key).await;
    assert_eq!(
        code(vault.release(&caller()).await),
        "VAULT_NOT_IN_QUARANTINE"
    );
    vault.close().await.unwrap();

    let vault = house.open().await;
    assert!(!vault.is_quarantined());
    check_signs(&vault, &key).await;
    let mut operations = Vec::new();
    vault
        .walk_audit(|entry| operations.push(entry.operation.name()))
        .await
        .unwrap();
    assert!(operations.ends_with(&["restore_backup", "release_vault"]));
}

#[tokio::test]
async fn the_operator_of_the_database_cannot_end_it() {
    let (house, vault, _key) = restored().await;
    vault.close().await.unwrap();
    let quarantined = house.copy();
    let vault = house.open().await;
    vault.release(&caller()).await.unwrap();
    vault.close().await.unwrap();
    // Nor can anybody bring it back: the state of before is not the anchored one.
    house.put_back(&quarantined);
    assert_eq!(house.refusal().await, "ROLLED_BACK");
}

#[tokio::test]
async fn a_backup_of_a_vault_in_quarantine_is_verified_and_restored_into_quarantine() {
    let (house, vault, key) = restored().await;
    let backup = back_up(&house, &vault).await;
    let report = verify(&house, &backup).await.unwrap();
    assert!(report.is_sound() && report.used.signed > 0);
    let elsewhere = house.neighbour();
    let vault = restore(&elsewhere, &backup, false).await.unwrap().vault;
    assert_quarantined(sign(&vault, &key).await);
}

#[tokio::test]
async fn a_node_is_not_made_of_a_vault_in_quarantine() {
    let house = House::new();
    let backup = back_up(&house, &house.create().await).await;
    let elsewhere = house.neighbour();
    let vault = restore(&elsewhere, &backup, false).await.unwrap().vault;
    assert_quarantined(vault.initialize(&caller(), &participant()).await);
}
