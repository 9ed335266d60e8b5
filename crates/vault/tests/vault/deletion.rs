//! A deleted key is gone: from the store, from memory, and from the answers.

use std::sync::Arc;

use strongroom_store::{Custody, Sealing};
use strongroom_vault::PublicKeyImport;

use crate::house::{
    ALLOW_PROTOCOL, House, Picture, caller, check_signs, code, encryption_key, foreign_key,
    settings, sign, signing_key,
};

#[tokio::test]
async fn a_deleted_key_is_gone_at_once_and_for_good_also_while_it_is_cached() {
    let house = House::new();
    let vault = house.create().await;
    let (signing, encryption) = (signing_key(&vault).await, encryption_key(&vault).await);
    let stays = signing_key(&vault).await;
    let signature = vault.sign(&signing, b"m", ALLOW_PROTOCOL).await.unwrap();
    let encrypted = vault.encrypt(&encryption, b"m").unwrap();
    vault.decrypt(&encrypted).await.unwrap();
    assert_eq!(vault.opened_keys(), 2);
    for key in [&signing, &encryption] {
        vault.delete_key(&caller(), key).await.unwrap();
    }
    assert_eq!(vault.opened_keys(), 0);
    let vault = {
        check_gone(&vault, &signing, &signature, &encrypted).await;
        vault.close().await.unwrap();
        house.open().await
    };
    check_gone(&vault, &signing, &signature, &encrypted).await;
    check_signs(&vault, &stays).await;
    assert_eq!(vault.key_count(), 1);
}

async fn check_gone(
    vault: &strongroom_vault::Vault,
    signing: &strongroom_crypto::Fingerprint,
    signature: &strongroom_crypto::Signature,
    encrypted: &strongroom_crypto::AsymmetricEncrypted,
) {
    for outcome in [
        code(sign(vault, signing).await),
        code(vault.verify(b"m", signature, ALLOW_PROTOCOL)),
        code(vault.encrypt(&encrypted.encrypted_for, b"m")),
        code(vault.decrypt(encrypted).await),
        code(vault.delete_key(&caller(), signing).await),
    ] {
        assert_eq!(outcome, "KEY_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_public_key_alone_can_be_deleted() {
    let house = House::new();
    let vault = house.create().await;
    let before = Picture::of(&vault).await;
    let import = PublicKeyImport {
        public: foreign_key(3).public,
        name: None,
    };
    let key = vault.import_public_key(&caller(), import).await.unwrap();
    let fingerprint = key.fingerprint();
    vault.delete_key(&caller(), &fingerprint).await.unwrap();
    drop(vault);
    assert_eq!(Picture::of(&house.open().await).await.keys, before.keys);
}

#[tokio::test]
async fn a_deleted_key_can_be_imported_again() {
    let house = House::new();
    let vault = house.create().await;
    let imported = vault.import_key(&caller(), foreign_key(4)).await.unwrap();
    let key = imported.fingerprint();
    vault.delete_key(&caller(), &key).await.unwrap();
    vault.import_key(&caller(), foreign_key(4)).await.unwrap();
    check_signs(&vault, &key).await;
    drop(vault);
    check_signs(&house.open().await, &key).await;
}

#[tokio::test]
async fn a_signature_that_is_under_way_when_its_key_is_deleted_does_not_bring_the_key_back() {
    let house = House::new();
    let vault = Arc::new(house.create().await);
    for _ in 0..20 {
        let key = signing_key(&vault).await;
        let signers: Vec<_> = (0..4)
            .map(|_| {
                let vault = Arc::clone(&vault);
                tokio::spawn(async move { sign(&vault, &key).await })
            })
            .collect();
        vault.delete_key(&caller(), &key).await.unwrap();
        for signer in signers {
            if let Err(error) = signer.await.unwrap() {
                assert_eq!(code(Err::<(), _>(error)), "KEY_NOT_FOUND");
            }
        }
        assert_eq!(vault.opened_keys(), 0);
    }
}

#[tokio::test]
async fn the_bytes_of_a_deleted_clear_key_are_not_left_in_the_database() {
    let house = House::new().with_settings(settings(Custody::Clear, Sealing::DataKey));
    let vault = house.create().await;
    let import = foreign_key(5);
    // EXPOSE: looked for where it must not be.
    let bytes = import.private.stored().expose().to_vec();
    let key = vault.import_key(&caller(), import).await.unwrap();
    let stands_there = |house: &House| {
        let database = house.database_bytes();
        database.windows(bytes.len()).any(|window| window == bytes)
    };
    assert!(stands_there(&house), "custody clear is readable");
    vault
        .delete_key(&caller(), &key.fingerprint())
        .await
        .unwrap();
    assert!(!stands_there(&house), "at once");
    vault.close().await.unwrap();
    assert!(!stands_there(&house), "after closing");
}
