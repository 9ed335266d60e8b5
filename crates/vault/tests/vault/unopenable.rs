//! What happens when the KMS cannot or may not open the vault.

use std::sync::Arc;

use strongroom_kms::{KeyWrapper, KmsKeyId, KmsProvider, WrapperKeyRequest};
use strongroom_store::{Custody, Sealing};
use strongroom_test_support::kms::{Fault, FlakyKms};
use strongroom_vault::{NamedWrapper, Settings, Vault, VaultError};

use crate::house::{
    House, KMS_NAME, Picture, check_signs, code, encryption_key, settings, sign, signing_key,
};

fn wrapper_key(house: &House) -> KmsKeyId {
    house.kms.list_keys()[0].id.clone()
}

/// The vault of `house`, opened with these KMSs.
async fn open_with(house: &House, wrappers: Vec<NamedWrapper>) -> Result<Vault, VaultError> {
    let mut environment = house.environment(house.store().await?);
    environment.wrappers = wrappers;
    Vault::open(environment, Settings::default()).await
}

fn named(name: &str, provider: &dyn KmsProvider) -> NamedWrapper {
    NamedWrapper {
        name: name.to_owned(),
        wrapper: provider.key_wrapper().unwrap(),
    }
}

/// KMS and code of each attempt.
fn attempts(outcome: Result<Vault, VaultError>) -> Vec<(String, &'static str)> {
    let error = outcome.unwrap_err();
    let VaultError::NoWrapOpens { attempts } = error else {
        panic!("{error:?}");
    };
    attempts
        .into_iter()
        .map(|attempt| (attempt.kms, attempt.code))
        .collect()
}

#[tokio::test]
async fn another_key_file_does_not_open_the_vault() {
    let house = House::new();
    drop(house.create().await);
    let stranger = House::numbered(2);
    let outcome = open_with(&house, vec![named(KMS_NAME, &*stranger.kms)]).await;
    assert_eq!(
        attempts(outcome),
        [(KMS_NAME.to_owned(), "KMS_KEY_NOT_FOUND")]
    );
    assert_eq!(
        code(open_with(&house, Vec::new()).await),
        "NO_WRAP_OPENS",
        "no KMS at all"
    );
    house.open().await;
}

#[tokio::test]
async fn a_kms_under_another_name_is_not_asked() {
    let house = House::new();
    drop(house.create().await);
    let flaky = FlakyKms::new(Arc::<strongroom_kms_local::LocalKms>::clone(&house.kms));
    let outcome = open_with(&house, vec![named("cloud", &flaky)]).await;
    assert_eq!(attempts(outcome), []);
    assert_eq!(flaky.calls(), 0);
}

#[tokio::test]
async fn a_disabled_or_dying_wrapper_key_does_not_open_the_vault_until_it_is_back() {
    let house = House::new();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    vault.close().await.unwrap();
    let wrapper = wrapper_key(&house);

    house.kms.disable_key(&wrapper).unwrap();
    assert_eq!(
        attempts(house.try_open().await),
        [(KMS_NAME.to_owned(), "KMS_KEY_DISABLED")]
    );
    house.kms.schedule_deletion(&wrapper, 7).unwrap();
    assert_eq!(
        attempts(house.try_open().await),
        [(KMS_NAME.to_owned(), "KMS_KEY_PENDING_DELETION")]
    );
    house.kms.cancel_deletion(&wrapper).unwrap();
    house.kms.enable_key(&wrapper).unwrap();
    check_signs(&house.open().await, &key).await;
}

#[tokio::test]
async fn a_kms_that_is_down_or_denies_is_named_in_the_refusal() {
    let house = House::new();
    drop(house.create().await);
    let flaky = FlakyKms::new(Arc::<strongroom_kms_local::LocalKms>::clone(&house.kms));
    for (fault, expected) in [
        (Fault::Unavailable, "KMS_UNAVAILABLE"),
        (Fault::Denied, "KMS_DENIED"),
        (Fault::Throttled, "KMS_THROTTLED"),
        (Fault::AnswerLost, "KMS_TIMED_OUT"),
    ] {
        flaky.fail_at(1, fault);
        let outcome = open_with(&house, vec![named(KMS_NAME, &flaky)]).await;
        assert_eq!(attempts(outcome), [(KMS_NAME.to_owned(), expected)]);
    }
    let opened = open_with(&house, vec![named(KMS_NAME, &flaky)]).await;
    opened.unwrap();
}

#[tokio::test]
async fn the_configured_wrapper_key_must_be_the_stored_one() {
    let house = House::new();
    drop(house.create().await);
    let vault = house.open().await;
    let stored = wrapper_key(&house);
    vault.expect_wrapper_key(KMS_NAME, stored.as_str()).unwrap();
    vault.expect_wrapper_key("another-kms", "whatever").unwrap();
    let request = WrapperKeyRequest::default();
    let other = house.kms.generate_wrapper_key(&request).await.unwrap();
    assert_eq!(
        code(vault.expect_wrapper_key(KMS_NAME, other.as_str())),
        "WRAPPER_KEY_CONTRADICTION"
    );
}

#[tokio::test]
async fn keys_sealed_under_the_data_key_go_on_when_the_kms_goes_down() {
    let house = House::new();
    let vault = house.create().await;
    let (warm, cold) = (signing_key(&vault).await, signing_key(&vault).await);
    let decrypting = encryption_key(&vault).await;
    vault.close().await.unwrap();

    let flaky = FlakyKms::new(Arc::<strongroom_kms_local::LocalKms>::clone(&house.kms));
    let vault = open_with(&house, vec![named(KMS_NAME, &flaky)])
        .await
        .unwrap();
    check_signs(&vault, &warm).await;
    flaky.fail_from(1, Fault::Unavailable);
    check_signs(&vault, &warm).await;
    check_signs(&vault, &cold).await;
    let encrypted = vault.encrypt(&decrypting, b"m").unwrap();
    vault.decrypt(&encrypted).await.unwrap();
    let new = signing_key(&vault).await;
    check_signs(&vault, &new).await;
    assert_eq!(flaky.calls(), 1);
    let picture = Picture::of(&vault).await;
    assert_eq!(picture.keys.len(), 4);
}

#[tokio::test]
async fn directly_sealed_keys_that_are_open_go_on_and_others_wait_for_the_kms() {
    let house = House::new().with_settings(settings(Custody::Envelope, Sealing::Direct));
    let vault = house.create().await;
    let (warm, cold) = (signing_key(&vault).await, signing_key(&vault).await);
    vault.close().await.unwrap();

    let flaky = FlakyKms::new(Arc::<strongroom_kms_local::LocalKms>::clone(&house.kms));
    let mut environment = house.environment(house.store().await.unwrap());
    environment.wrappers = vec![named(KMS_NAME, &flaky)];
    let vault = Vault::open(environment, house.settings.clone())
        .await
        .unwrap();
    check_signs(&vault, &warm).await;
    flaky.fail_from(1, Fault::Unavailable);
    check_signs(&vault, &warm).await;
    assert_eq!(code(sign(&vault, &cold).await), "KMS_UNAVAILABLE");
    flaky.heal();
    check_signs(&vault, &cold).await;
}

#[tokio::test]
async fn a_vault_is_not_made_when_the_kms_fails_and_can_be_made_afterwards() {
    for call in 1..=2 {
        for fault in [Fault::Unavailable, Fault::Denied, Fault::AnswerLost] {
            let house = House::new();
            let flaky = FlakyKms::new(Arc::<strongroom_kms_local::LocalKms>::clone(&house.kms));
            flaky.fail_at(call, fault);
            let mut environment = house.environment(house.new_store().await);
            environment.wrappers = vec![named(KMS_NAME, &flaky)];
            let new = strongroom_vault::NewVault {
                id: crate::house::VAULT_ID,
                wrapper_key: None,
            };
            let outcome = Vault::create(
                environment,
                Settings::default(),
                &crate::house::caller(),
                new,
            )
            .await;
            assert!(code(outcome).starts_with("KMS_"));
            assert_eq!(house.refusal().await, "STORE_NOT_A_VAULT");
            let vault = house.create().await;
            check_signs(&vault, &signing_key(&vault).await).await;
            // Whatever a lost answer left in the KMS can be traced to the vault.
            for key in house.kms.list_keys() {
                let tag = ("strongroom-vault".to_owned(), vault.id().to_string());
                assert!(key.tags.contains(&tag), "{key:?}");
            }
        }
    }
}

#[tokio::test]
async fn another_wrapper_key_of_the_same_kms_does_not_open_the_vault() {
    let house = House::new();
    drop(house.create().await);
    let request = WrapperKeyRequest::default();
    let other = house.kms.generate_wrapper_key(&request).await.unwrap();
    let set = house
        .database()
        .execute("UPDATE wraps SET wrapper_key_id = ?1", [other.as_str()]);
    assert_eq!(set.unwrap(), 1);
    assert_eq!(
        attempts(house.try_open().await),
        [(KMS_NAME.to_owned(), "KMS_UNWRAP_FAILED")]
    );
}
