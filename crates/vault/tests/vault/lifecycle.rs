//! Keys of every spec and usage, through the life of a vault.

use std::sync::Arc;

use strongroom_crypto::{EncryptionKeySpec, Fingerprint, KeyUsage, KeyUsages, SigningKeySpec};
use strongroom_store::{Custody, Sealing};
use strongroom_vault::{KeyEntry, NewEncryptionKey, NewSigningKey, Settings, Vault};

use crate::house::{House, Picture, all_keys, caller, code, name, settings, signing_key};

/// Every set of usages that a key can have.
fn usage_sets() -> Vec<KeyUsages> {
    use KeyUsage::{Namespace, Protocol, SequencerAuthentication};
    [
        vec![Namespace],
        vec![SequencerAuthentication],
        vec![Protocol],
        vec![Namespace, SequencerAuthentication],
        vec![Namespace, Protocol],
        vec![SequencerAuthentication, Protocol],
        vec![Namespace, SequencerAuthentication, Protocol],
    ]
    .into_iter()
    .map(|usages| KeyUsages::try_new(usages).unwrap())
    .collect()
}

async fn generate_every_kind(vault: &Vault) -> Vec<Arc<KeyEntry>> {
    let mut keys = Vec::new();
    for spec in SigningKeySpec::ALL {
        for usages in usage_sets() {
            let new = NewSigningKey {
                spec,
                usages,
                name: name(&format!("{spec} for {usages}")),
            };
            keys.push(vault.generate_signing_key(&caller(), new).await.unwrap());
        }
    }
    for spec in EncryptionKeySpec::ALL {
        let new = NewEncryptionKey {
            spec,
            name: name(spec.name()),
        };
        keys.push(vault.generate_encryption_key(&caller(), new).await.unwrap());
    }
    keys
}

/// Signs and verifies what the key's usages allow and nothing else; encrypts and decrypts.
async fn exercise(vault: &Vault, key: &KeyEntry) {
    let fingerprint = key.fingerprint();
    let Some(usages) = key.usages() else {
        return exercise_encryption(vault, &fingerprint).await;
    };
    for usage in KeyUsage::ALL {
        let allowed = KeyUsages::only(usage);
        let signed = vault.sign(&fingerprint, b"message", allowed).await;
        if !usages.contains(usage) {
            assert_eq!(code(signed), "KEY_USAGE_REFUSED", "{usage} with {usages}");
            continue;
        }
        let signature = signed.unwrap();
        assert_eq!(signature.signed_by, fingerprint);
        vault.verify(b"message", &signature, allowed).unwrap();
        let refused = vault.verify(b"another message", &signature, allowed);
        assert_eq!(code(refused), "SIGNATURE_INVALID");
    }
}

async fn exercise_encryption(vault: &Vault, fingerprint: &Fingerprint) {
    let encrypted = vault.encrypt(fingerprint, b"message").unwrap();
    let decrypted = vault.decrypt(&encrypted).await.unwrap();
    // EXPOSE: compared with what was encrypted.
    assert_eq!(decrypted.expose(), b"message");
    let mut changed = encrypted;
    *changed.ciphertext.last_mut().unwrap() ^= 1;
    assert_eq!(code(vault.decrypt(&changed).await), "DECRYPT_FAILED");
}

async fn check_life(settings: Settings) {
    let house = House::new().with_settings(settings);
    let vault = house.create().await;
    let generated = generate_every_kind(&vault).await;
    let picture = Picture::of(&vault).await;
    assert_eq!(
        picture.keys.len(),
        SigningKeySpec::ALL.len() * usage_sets().len() + EncryptionKeySpec::ALL.len()
    );
    for key in &generated {
        exercise(&vault, key).await;
    }
    // What keys of a namespace sign is on record; nothing else has changed.
    let mut left = Picture::of(&vault).await;
    assert!(left.keys == picture.keys);
    vault.close().await.unwrap();

    for _ in 0..2 {
        let vault = house.open().await;
        assert!(Picture::of(&vault).await == left);
        for key in all_keys(&vault) {
            exercise(&vault, &key).await;
        }
        left = Picture::of(&vault).await;
        vault.close().await.unwrap();
    }
}

#[tokio::test]
async fn keys_sealed_under_the_data_key_work_again_after_each_reopening() {
    check_life(settings(Custody::Envelope, Sealing::DataKey)).await;
}

#[tokio::test]
async fn keys_sealed_by_the_kms_itself_work_again_after_each_reopening() {
    check_life(settings(Custody::Envelope, Sealing::Direct)).await;
}

#[tokio::test]
async fn clear_keys_work_again_after_each_reopening() {
    check_life(settings(Custody::Clear, Sealing::DataKey)).await;
}

#[tokio::test]
async fn sealed_keys_are_neither_in_the_database_nor_in_the_anchor() {
    for sealing in [Sealing::DataKey, Sealing::Direct] {
        let house = House::new().with_settings(settings(Custody::Envelope, sealing));
        let vault = house.create().await;
        let keys: Vec<_> = generate_every_kind(&vault)
            .await
            .iter()
            .map(|key| key.fingerprint())
            .collect();
        let mut written = house.database_bytes();
        written.extend(std::fs::read(house.anchor_path()).unwrap());
        let found = vault.find_private_keys(&keys, &written).await.unwrap();
        assert!(found.is_empty(), "{found:?}");
    }
}

#[tokio::test]
async fn a_vault_that_was_dropped_instead_of_closed_loses_nothing() {
    let house = House::new();
    let vault = house.create().await;
    signing_key(&vault).await;
    let picture = Picture::of(&vault).await;
    drop(vault);
    assert_eq!(Picture::of(&house.open().await).await, picture);
}

#[tokio::test]
async fn a_second_vault_is_not_made_over_the_first() {
    let house = House::new();
    let vault = house.create().await;
    signing_key(&vault).await;
    let picture = Picture::of(&vault).await;
    vault.close().await.unwrap();
    let store = house.store().await.unwrap();
    assert_eq!(code(house.try_create(store).await), "VAULT_ALREADY_EXISTS");
    assert_eq!(Picture::of(&house.open().await).await, picture);
}

#[tokio::test]
async fn a_store_without_a_vault_is_not_opened() {
    let house = House::new();
    let environment = house.environment(house.new_store().await);
    let opened = Vault::open(environment, Settings::default()).await;
    assert_eq!(code(opened), "VAULT_NOT_INITIALIZED");
    assert_eq!(house.refusal().await, "STORE_NOT_A_VAULT");
}

#[tokio::test]
async fn a_second_opening_of_the_same_vault_is_refused_until_the_first_is_closed() {
    let house = House::new();
    let vault = house.create().await;
    assert_eq!(house.refusal().await, "STORE_LOCKED");
    vault.close().await.unwrap();
    house.open().await;
}

#[tokio::test]
async fn all_of_many_new_keys_are_kept_or_none() {
    let house = House::new();
    let vault = house.create().await;
    let new = vec![crate::house::new_protocol_key(); 5];
    let keys = vault.generate_signing_keys(&caller(), new).await.unwrap();
    assert_eq!((keys.len(), vault.key_count()), (5, 5));
    let none = vault.generate_signing_keys(&caller(), Vec::new()).await;
    assert!(none.unwrap().is_empty());
    for key in &keys {
        crate::house::check_signs(&vault, &key.fingerprint()).await;
    }
    drop(vault);
    assert_eq!(house.open().await.key_count(), 5);
}

#[tokio::test]
async fn a_vault_knows_its_identity_and_its_age() {
    let house = House::new();
    let vault = house.create().await;
    let (id, created_at) = (vault.id(), vault.created_at());
    assert_eq!(id, crate::house::VAULT_ID);
    house.clock.advance(std::time::Duration::from_secs(60));
    let key = signing_key(&vault).await;
    drop(vault);
    let vault = house.open().await;
    assert_eq!((vault.id(), vault.created_at()), (id, created_at));
    let age = vault.key(&key).unwrap().created_at.as_micros() - created_at.as_micros();
    assert_eq!(age, 60_000_000);
}
