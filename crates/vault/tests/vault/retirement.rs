//! A retired key serves history only.

use strongroom_store::{Custody, KeyState, Sealing};

use crate::house::{
    ALLOW_PROTOCOL, House, Picture, caller, check_signs, code, encryption_key, settings, sign,
    signing_key,
};

#[tokio::test]
async fn a_retired_key_verifies_but_does_not_sign_not_even_while_it_is_cached() {
    let house = House::new();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let old = vault.sign(&key, b"old", ALLOW_PROTOCOL).await.unwrap();
    assert_eq!(vault.opened_keys(), 1);
    let entry = vault.retire_key(&caller(), &key).await.unwrap();
    assert_eq!(entry.private.as_ref().unwrap().state, KeyState::Retired);
    assert_eq!(vault.opened_keys(), 0);
    assert_eq!(code(sign(&vault, &key).await), "KEY_RETIRED");
    vault.verify(b"old", &old, ALLOW_PROTOCOL).unwrap();
    drop(vault);

    let vault = house.open().await;
    assert_eq!(code(sign(&vault, &key).await), "KEY_RETIRED");
    vault.verify(b"old", &old, ALLOW_PROTOCOL).unwrap();
}

#[tokio::test]
async fn a_retired_key_decrypts_but_is_not_encrypted_to_not_even_while_it_is_cached() {
    let house = House::new();
    let vault = house.create().await;
    let key = encryption_key(&vault).await;
    let old = vault.encrypt(&key, b"old").unwrap();
    vault.decrypt(&old).await.unwrap();
    vault.retire_key(&caller(), &key).await.unwrap();
    assert_eq!(code(vault.encrypt(&key, b"new")), "KEY_RETIRED");
    vault.decrypt(&old).await.unwrap();
    drop(vault);

    let vault = house.open().await;
    assert_eq!(code(vault.encrypt(&key, b"new")), "KEY_RETIRED");
    vault.decrypt(&old).await.unwrap();
}

#[tokio::test]
async fn retiring_again_changes_nothing() {
    let house = House::new();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    vault.retire_key(&caller(), &key).await.unwrap();
    let picture = Picture::of(&vault).await;
    vault.retire_key(&caller(), &key).await.unwrap();
    assert_eq!(Picture::of(&vault).await, picture);
}

#[tokio::test]
async fn retiring_one_key_leaves_the_others_alone() {
    let house = House::new();
    let vault = house.create().await;
    let (key, other) = (signing_key(&vault).await, signing_key(&vault).await);
    check_signs(&vault, &other).await;
    vault.retire_key(&caller(), &key).await.unwrap();
    assert_eq!(vault.opened_keys(), 1);
    check_signs(&vault, &other).await;
}

#[tokio::test]
async fn keys_of_every_custody_can_be_retired_and_still_open() {
    for (custody, sealing) in [
        (Custody::Clear, Sealing::DataKey),
        (Custody::Envelope, Sealing::DataKey),
        (Custody::Envelope, Sealing::Direct),
    ] {
        let house = House::new().with_settings(settings(custody, sealing));
        let vault = house.create().await;
        let key = encryption_key(&vault).await;
        let old = vault.encrypt(&key, b"old").unwrap();
        vault.retire_key(&caller(), &key).await.unwrap();
        vault.close().await.unwrap();
        house.open().await.decrypt(&old).await.unwrap();
    }
}
