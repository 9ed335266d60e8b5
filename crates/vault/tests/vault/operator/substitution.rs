//! Somebody who may encrypt with the wrapper key, but not decrypt, offers a data key of his own.

use strongroom_crypto::DataKey;
use strongroom_kms::{KeyWrapper, WrapContext};
use strongroom_test_support::SeededRandom;

use super::{Victim, literal};
use crate::house::{House, VAULT_ID, check_signs, signing_key};

/// The attacker's data key, wrapped by the victim's wrapper key for the victim's place.
async fn planted(house: &House, data_key: &DataKey) -> Vec<u8> {
    let id: Vec<u8> = house
        .database()
        .query_row("SELECT data_key_id FROM data_keys", (), |row| row.get(0))
        .unwrap();
    let context = WrapContext::for_data_key(VAULT_ID.as_bytes(), id.first_chunk().unwrap());
    let wrapper_key = house.kms.list_keys()[0].id.clone();
    let wrapped = house
        .kms
        .wrap_key(&wrapper_key, &context, data_key.expose())
        .await
        .unwrap();
    wrapped.ciphertext
}

fn attackers_key() -> DataKey {
    DataKey::generate(&SeededRandom::new(666)).unwrap()
}

#[tokio::test]
async fn a_data_key_wrapped_by_somebody_else_is_refused_by_the_commitment() {
    let victim = Victim::without_anchor().await;
    let wrap = planted(&victim.house, &attackers_key()).await;
    let sql = format!("UPDATE wraps SET ciphertext = {}", literal(&wrap));
    victim.refuses(&sql, "DATA_KEY_SUBSTITUTED").await;
}

#[tokio::test]
async fn a_secret_that_is_no_data_key_is_refused() {
    let victim = Victim::without_anchor().await;
    let id: Vec<u8> = victim
        .house
        .database()
        .query_row("SELECT data_key_id FROM data_keys", (), |row| row.get(0))
        .unwrap();
    let context = WrapContext::for_data_key(VAULT_ID.as_bytes(), id.first_chunk().unwrap());
    let wrapper_key = victim.house.kms.list_keys()[0].id.clone();
    let short = crate::house::secret(&[7; 31]);
    let wrapped = victim
        .house
        .kms
        .wrap_key(&wrapper_key, &context, &short)
        .await
        .unwrap();
    let sql = format!(
        "UPDATE wraps SET ciphertext = {}",
        literal(&wrapped.ciphertext)
    );
    victim.refuses(&sql, "DATA_KEY_SUBSTITUTED").await;
}

#[tokio::test]
async fn a_commitment_that_was_exchanged_too_is_refused_by_the_anchor_and_by_the_state_record() {
    for (victim, expected) in [
        (Victim::without_anchor().await, "STATE_NOT_AUTHENTIC"),
        (Victim::with_anchor().await, "ANCHOR_OF_OTHER_VAULT"),
    ] {
        let data_key = attackers_key();
        let wrap = planted(&victim.house, &data_key).await;
        let sql = format!(
            "UPDATE wraps SET ciphertext = {}; UPDATE data_keys SET commitment = {}",
            literal(&wrap),
            literal(&data_key.commitment())
        );
        victim.refuses(&sql, expected).await;
    }
}

/// A vault that the attacker made as a whole: the victim's id, a data key that he knows.
async fn counterfeit(victim: &Victim) -> House {
    let counterfeit = victim.house.neighbour();
    let store = counterfeit.new_store().await;
    let new = strongroom_vault::NewVault {
        id: VAULT_ID,
        wrapper_key: Some(victim.house.kms.list_keys()[0].id.clone()),
    };
    let vault = strongroom_vault::Vault::create(
        counterfeit.environment(store),
        counterfeit.settings.clone(),
        &crate::house::caller(),
        new,
    )
    .await
    .unwrap();
    signing_key(&vault).await;
    vault.close().await.unwrap();
    counterfeit
}

#[tokio::test]
async fn a_vault_exchanged_as_a_whole_is_refused_by_the_anchor() {
    let victim = Victim::with_anchor().await;
    victim.house.put_back(&counterfeit(&victim).await);
    assert_eq!(victim.house.refusal().await, "ANCHOR_OF_OTHER_VAULT");
    // The attacker hopes that the operator takes it for a restored backup.
    let house = &victim.house;
    let environment = house.environment(house.store().await.unwrap());
    let caller = crate::house::caller();
    let accepted = strongroom_vault::Vault::danger_accept_state(
        environment,
        house.settings.clone(),
        &caller,
        VAULT_ID,
    );
    assert_eq!(crate::house::code(accepted.await), "ANCHOR_OF_OTHER_VAULT");
}

#[tokio::test]
async fn without_an_anchor_a_vault_exchanged_as_a_whole_is_accepted_but_holds_none_of_the_keys() {
    let victim = Victim::without_anchor().await;
    victim.house.put_back(&counterfeit(&victim).await);
    let vault = victim.house.open().await;
    assert!(vault.key(&victim.sealed).is_err());
    check_signs(&vault, &signing_key(&vault).await).await;
}

#[tokio::test]
async fn another_vault_of_the_same_owner_is_not_the_one_that_the_configuration_names() {
    for (victim, expected) in [
        (Victim::without_anchor().await, "OTHER_VAULT"),
        (Victim::with_anchor().await, "ANCHOR_OF_OTHER_VAULT"),
    ] {
        let other = victim.house.neighbour();
        let store = other.new_store().await;
        let new = strongroom_vault::NewVault {
            id: strongroom_store::VaultId::from_bytes([0xa5; 16]),
            wrapper_key: None,
        };
        let environment = other.environment(store);
        let caller = crate::house::caller();
        let vault =
            strongroom_vault::Vault::create(environment, other.settings.clone(), &caller, new)
                .await
                .unwrap();
        vault.close().await.unwrap();
        victim.house.put_back(&other);
        // Without an anchor, whoever opens must say which vault he means.
        let refused = victim
            .house
            .try_open()
            .await
            .and_then(|vault| vault.expect_id(VAULT_ID));
        assert_eq!(crate::house::code(refused), expected);
    }
}
