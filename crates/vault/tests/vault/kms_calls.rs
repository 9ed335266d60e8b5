//! Opening a vault costs one call to the KMS, whatever is in it.

use strongroom_kms::KmsOperation;
use strongroom_store::{Custody, Sealing};

use crate::house::{
    House, Picture, all_keys, caller, check_signs, encryption_key, new_protocol_key, settings,
    signing_key,
};

#[tokio::test]
async fn one_kms_call_opens_a_vault_with_any_number_of_keys() {
    for keys in [0, 1, 300] {
        let house = House::new();
        let vault = house.create().await;
        let new = vec![new_protocol_key(); keys];
        vault.generate_signing_keys(&caller(), new).await.unwrap();
        vault.close().await.unwrap();

        let before = house.metered.calls();
        let vault = house.open().await;
        assert_eq!(vault.key_count(), keys);
        for key in all_keys(&vault) {
            check_signs(&vault, &key.fingerprint()).await;
        }
        let after = house.metered.calls();
        assert_eq!(after.total() - before.total(), 1, "{keys} keys");
        let unwrap = KmsOperation::UnwrapKey;
        assert_eq!(after.of(unwrap) - before.of(unwrap), 1);
    }
}

#[tokio::test]
async fn making_a_vault_costs_two_calls_and_keys_in_it_none() {
    let house = House::new();
    let vault = house.create().await;
    assert_eq!(
        house.metered.calls().by_name().collect::<Vec<_>>(),
        [("generate_wrapper_key", 1), ("wrap_key", 1)]
    );
    let key = signing_key(&vault).await;
    encryption_key(&vault).await;
    check_signs(&vault, &key).await;
    assert_eq!(house.metered.calls().total(), 2);
}

#[tokio::test]
async fn a_directly_sealed_key_costs_one_call_when_it_is_made_and_one_when_it_is_opened() {
    let house = House::new().with_settings(settings(Custody::Envelope, Sealing::Direct));
    let vault = house.create().await;
    let made = house.metered.calls().total();
    let key = signing_key(&vault).await;
    assert_eq!(house.metered.calls().total(), made + 1);
    for _ in 0..5 {
        check_signs(&vault, &key).await;
    }
    assert_eq!(house.metered.calls().total(), made + 2);
    vault.close().await.unwrap();
    let vault = house.open().await;
    assert_eq!(house.metered.calls().total(), made + 3, "opening the vault");
    check_signs(&vault, &key).await;
    assert_eq!(house.metered.calls().total(), made + 4, "opening the key");
}

#[tokio::test]
async fn a_vault_with_more_keys_than_a_page_opens_completely() {
    let house = House::new();
    let vault = house.create().await;
    let new = vec![new_protocol_key(); 2100];
    vault.generate_signing_keys(&caller(), new).await.unwrap();
    let picture: Vec<_> = all_keys(&vault)
        .iter()
        .map(|key| key.fingerprint())
        .collect();
    vault.close().await.unwrap();
    let vault = house.open().await;
    assert_eq!(vault.key_count(), 2100);
    assert!(
        all_keys(&vault)
            .iter()
            .map(|key| key.fingerprint())
            .eq(picture)
    );
}

#[tokio::test]
async fn a_wrapper_key_that_was_rotated_inside_the_kms_still_opens_the_vault() {
    let house = House::new().with_settings(settings(Custody::Envelope, Sealing::Direct));
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let picture = Picture::of(&vault).await;
    vault.close().await.unwrap();
    let wrapper_key = house.kms.list_keys()[0].id.clone();
    house.kms.rotate_wrapper_key_version(&wrapper_key).unwrap();
    let vault = house.open().await;
    check_signs(&vault, &key).await;
    assert_eq!(Picture::of(&vault).await, picture);
    check_signs(&vault, &signing_key(&vault).await).await;
}
