//! Custody `external`: the KMS makes, holds and uses the private key.

#[path = "external/due.rs"]
mod due;
#[path = "external/exchanged.rs"]
mod exchanged;
#[path = "external/interrupted.rs"]
mod interrupted;
#[path = "external/registered.rs"]
mod registered;

use strongroom_crypto::{EncryptionKeySpec, Fingerprint, SigningKeySpec};
use strongroom_kms::{KeyState, KmsKeyId, KmsOperation};
use strongroom_store::{Custody, KeyState as RowState, Sealing};
use strongroom_vault::{ExportForm, NewEncryptionKey, NewSigningKey, Vault};

use crate::house::{
    House, KMS_NAME, Picture, caller, check_signs, code, encryption_key, name, new_protocol_key,
    protocol, settings, sign, signing_key,
};

/// A house whose new keys are held by its KMS.
fn external_house() -> House {
    House::new().with_settings(settings(Custody::External, Sealing::DataKey))
}

/// An RSA key that the KMS holds.
async fn rsa_key(vault: &Vault) -> Fingerprint {
    let new = NewEncryptionKey {
        spec: EncryptionKeySpec::Rsa2048,
        name: name("encryption"),
    };
    let key = vault.generate_encryption_key(&caller(), new).await;
    key.unwrap().fingerprint()
}

/// The key of the KMS that a key of the vault is.
fn key_in_kms(vault: &Vault, key: &Fingerprint) -> KmsKeyId {
    let entry = vault.key(key).unwrap();
    let held = entry.private.as_ref().unwrap().external.clone().unwrap();
    assert_eq!(held.kms, KMS_NAME);
    KmsKeyId::try_new(held.key_id.as_str()).unwrap()
}

/// The state of a key in the embedded KMS.
fn state_in_kms(house: &House, key: &KmsKeyId) -> Option<KeyState> {
    let mut keys = house.kms.list_keys().into_iter();
    keys.find(|listed| listed.id == *key).map(|key| key.state)
}

#[tokio::test]
async fn a_key_that_the_kms_holds_signs_and_decrypts_and_is_there_again_after_a_restart() {
    let house = external_house();
    let vault = house.create().await;
    let mut signing = Vec::new();
    for spec in SigningKeySpec::ALL {
        let new = NewSigningKey {
            spec,
            usages: protocol(),
            name: name(spec.name()),
        };
        let key = vault.generate_signing_key(&caller(), new).await.unwrap();
        assert_eq!(key.private.as_ref().unwrap().custody, Custody::External);
        signing.push(key.fingerprint());
    }
    let encryption = rsa_key(&vault).await;
    let encrypted = vault.encrypt(&encryption, b"for you").unwrap();
    vault.close().await.unwrap();

    let vault = house.open().await;
    for key in &signing {
        check_signs(&vault, key).await;
    }
    let plaintext = vault.decrypt(&encrypted).await.unwrap();
    assert_eq!(plaintext.expose(), b"for you");
    assert_eq!(vault.opened_keys(), 0, "nothing to be opened here");
    assert_eq!(vault.kms_journal(), []);
    let inspection = vault.inspect(|_, _| {}).await.unwrap();
    assert_eq!((inspection.opened, inspection.external), (6, 6));
}

#[tokio::test]
async fn a_use_costs_one_call_and_verifying_and_encrypting_none() {
    let house = external_house();
    let vault = house.create().await;
    let (signing, encryption) = (signing_key(&vault).await, rsa_key(&vault).await);
    let before = house.metered.calls();
    for _ in 0..3 {
        check_signs(&vault, &signing).await;
    }
    let encrypted = vault.encrypt(&encryption, b"for you").unwrap();
    vault.decrypt(&encrypted).await.unwrap();
    let after = house.metered.calls();
    let sent = |operation| after.of(operation) - before.of(operation);
    assert_eq!(sent(KmsOperation::Sign), 3);
    assert_eq!(sent(KmsOperation::Decrypt), 1);
    assert_eq!(after.total() - before.total(), 4);
}

#[tokio::test]
async fn a_retired_key_decrypts_history_and_the_kms_is_not_asked_to_sign() {
    let house = external_house();
    let vault = house.create().await;
    let (signing, encryption) = (signing_key(&vault).await, rsa_key(&vault).await);
    let encrypted = vault.encrypt(&encryption, b"history").unwrap();
    for key in [&signing, &encryption] {
        let retired = vault.retire_key(&caller(), key).await.unwrap();
        assert_eq!(retired.private.as_ref().unwrap().state, RowState::Retired);
    }
    let before = house.metered.calls().total();
    assert_eq!(code(sign(&vault, &signing).await), "KEY_RETIRED");
    assert_eq!(house.metered.calls().total(), before);
    let plaintext = vault.decrypt(&encrypted).await.unwrap();
    assert_eq!(plaintext.expose(), b"history");
}

#[tokio::test]
async fn a_forbidden_usage_and_a_message_for_another_algorithm_cost_no_call() {
    let house = external_house();
    let vault = house.create().await;
    let (signing, encryption) = (signing_key(&vault).await, rsa_key(&vault).await);
    let other = house
        .neighbour()
        .with_settings(settings(Custody::Envelope, Sealing::DataKey));
    let other = other.create().await;
    let elliptic = encryption_key(&other).await;
    let mut foreign = other.encrypt(&elliptic, b"for another").unwrap();
    foreign.encrypted_for = encryption;
    let before = house.metered.calls().total();
    let usage = strongroom_crypto::KeyUsages::only(strongroom_crypto::KeyUsage::Namespace);
    let refused = vault.sign(&signing, b"message", usage).await;
    assert_eq!(code(refused), "KEY_USAGE_REFUSED");
    let refused = vault.decrypt(&foreign).await;
    assert_eq!(code(refused.map(drop)), "DECRYPT_ALGORITHM_MISMATCH");
    assert_eq!(house.metered.calls().total(), before);
}

#[tokio::test]
async fn a_broken_message_does_not_say_what_is_wrong_with_it() {
    let house = external_house();
    let vault = house.create().await;
    let encryption = rsa_key(&vault).await;
    let whole = vault.encrypt(&encryption, b"for you").unwrap();
    let mut codes = Vec::new();
    for change in 0..3 {
        let mut broken = whole.clone();
        match change {
            0 => broken.ciphertext[7] ^= 1,
            1 => broken.ciphertext.truncate(100),
            _ => broken.ciphertext = vec![0; 7000],
        }
        codes.push(code(vault.decrypt(&broken).await.map(drop)));
    }
    assert_eq!(codes, ["DECRYPT_FAILED"; 3]);
}

#[tokio::test]
async fn a_private_key_in_a_kms_cannot_be_exported() {
    let house = external_house();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let refused = vault
        .export_key(&caller(), &key, &ExportForm::Pkcs8Pem)
        .await;
    assert_eq!(code(refused.map(drop)), "HELD_BY_KMS");
}

#[tokio::test]
async fn deleting_a_key_destroys_it_in_the_kms_and_releasing_it_does_not() {
    let house = external_house();
    let vault = house.create().await;
    let (deleted, released) = (signing_key(&vault).await, rsa_key(&vault).await);
    let (deleted_id, released_id) = (key_in_kms(&vault, &deleted), key_in_kms(&vault, &released));
    vault.delete_key(&caller(), &deleted).await.unwrap();
    vault.release_key(&caller(), &released).await.unwrap();
    for key in [&deleted, &released] {
        assert_eq!(code(vault.key(key)), "KEY_NOT_FOUND");
    }
    assert_ne!(state_in_kms(&house, &deleted_id), Some(KeyState::Enabled));
    assert_eq!(state_in_kms(&house, &released_id), Some(KeyState::Enabled));
    assert_eq!(vault.kms_journal(), []);
    let sealed = house
        .neighbour()
        .with_settings(settings(Custody::Envelope, Sealing::DataKey));
    let sealed = sealed.create().await;
    let key = signing_key(&sealed).await;
    assert_eq!(
        code(sealed.release_key(&caller(), &key).await),
        "NOT_HELD_BY_KMS"
    );
}

#[tokio::test]
async fn keys_that_are_generated_together_arrive_together() {
    let house = external_house();
    let vault = house.create().await;
    let new = vec![new_protocol_key(); 3];
    let keys = vault.generate_signing_keys(&caller(), new).await.unwrap();
    assert_eq!(keys.len(), 3);
    for key in &keys {
        check_signs(&vault, &key.fingerprint()).await;
    }
    assert_eq!(vault.kms_journal(), []);
    let wrapper_and_keys = house.kms.list_keys().len();
    assert_eq!(wrapper_and_keys, 4);
}

#[tokio::test]
async fn where_no_kms_holds_keys_none_is_made() {
    let house = external_house();
    let vault = house.create().await;
    vault.close().await.unwrap();
    let mut environment = house.environment(house.store().await.unwrap());
    environment.kms.clear();
    let vault = Vault::open(environment, house.settings.clone())
        .await
        .unwrap();
    let picture = Picture::of(&vault).await;
    let refused = vault
        .generate_signing_key(&caller(), new_protocol_key())
        .await;
    assert_eq!(code(refused), "NO_EXTERNAL_KMS");
    assert_eq!(Picture::of(&vault).await, picture);
}

#[tokio::test]
async fn a_row_that_names_another_key_of_the_kms_is_not_believed() {
    let house = external_house();
    let vault = house.create().await;
    let (one, other) = (signing_key(&vault).await, signing_key(&vault).await);
    let other = key_in_kms(&vault, &other);
    vault.close().await.unwrap();
    house
        .database()
        .execute(
            "UPDATE private_keys SET kms_key_id = ?1 WHERE fingerprint = ?2",
            (other.as_str(), one.as_bytes()),
        )
        .unwrap();
    assert_eq!(house.refusal().await, "ROW_NOT_AUTHENTIC");
}

#[tokio::test]
async fn a_key_gets_the_usages_that_every_key_has() {
    let house = external_house();
    let vault = house.create().await;
    let new = NewSigningKey {
        usages: crate::house::ALLOW_PROTOCOL,
        ..new_protocol_key()
    };
    let key = vault.generate_signing_key(&caller(), new).await.unwrap();
    assert_eq!(key.usages(), Some(protocol()));
    vault.close().await.unwrap();
    check_signs(&house.open().await, &key.fingerprint()).await;
}
