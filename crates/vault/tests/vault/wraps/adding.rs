//! A wrap more.

use strongroom_kms::{KmsKeyId, KmsProvider as _, WrapperKeyRequest};
use strongroom_test_support::kms::Fault;
use strongroom_vault::{AuditOperation, Settings, Vault};

use super::{Regions, SECOND, kms_of_wraps, named, wraps};
use crate::house::{KMS_NAME, Picture, caller, check_signs, code, signing_key};

async fn operations(vault: &Vault) -> Vec<AuditOperation> {
    let mut operations = Vec::new();
    let walked = vault
        .walk_audit(|entry| operations.push(entry.operation))
        .await;
    walked.unwrap();
    operations
}

#[tokio::test]
async fn a_second_wrap_opens_the_vault_without_the_first() {
    let regions = Regions::with_one_wrap(Settings::default()).await;
    let vault = regions.open().await;
    let key = signing_key(&vault).await;
    let added = vault.add_wrap(&caller(), SECOND, None).await.unwrap();
    assert_eq!(added, regions.second_key());
    assert_eq!(kms_of_wraps(&vault), [KMS_NAME, SECOND]);
    let picture = Picture::of(&vault).await;
    vault.close().await.unwrap();

    let vault = regions
        .open_with(vec![named(SECOND, &regions.second)])
        .await;
    check_signs(&vault, &key).await;
    assert_eq!(vault.opening().kms, SECOND);
    assert_eq!(vault.opening().wrapper_key_id, added.as_str());
    vault.close().await.unwrap();

    let vault = regions.open().await;
    assert_eq!(Picture::of(&vault).await, picture);
    assert_eq!(vault.opening().kms, KMS_NAME);
}

#[tokio::test]
async fn an_existing_wrapper_key_is_taken_by_its_name() {
    let regions = Regions::with_one_wrap(Settings::default()).await;
    let wrapper = regions.second_keys.key_wrapper().unwrap();
    let request = WrapperKeyRequest::default();
    let there = wrapper.generate_wrapper_key(&request).await.unwrap();
    let vault = regions.open().await;
    let added = vault.add_wrap(&caller(), SECOND, Some(there.clone())).await;
    assert_eq!(added.unwrap(), there);
    assert_eq!(regions.second_key(), there, "no second key");
}

#[tokio::test]
async fn a_new_wrapper_key_can_be_traced_to_the_vault() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let tag = (
        "strongroom-vault".to_owned(),
        crate::house::VAULT_ID.to_string(),
    );
    assert!(regions.second_keys.list_keys()[0].tags.contains(&tag));
}

#[tokio::test]
async fn what_leaves_is_recorded_before_it_leaves_and_the_wrap_when_it_is_there() {
    let regions = Regions::with_one_wrap(Settings::default()).await;
    let vault = regions.open().await;
    // The key is generated, and wrapping fails.
    regions.second.fail_at(2, Fault::Denied);
    let refused = vault.add_wrap(&caller(), SECOND, None).await;
    assert_eq!(code(refused), "KMS_DENIED");
    let released = AuditOperation::ReleaseDataKeys;
    assert_eq!(
        operations(&vault).await,
        [AuditOperation::CreateVault, released]
    );
    assert_eq!(kms_of_wraps(&vault), [KMS_NAME]);

    let left = regions.second_key();
    vault.add_wrap(&caller(), SECOND, Some(left)).await.unwrap();
    let added = AuditOperation::AddWrap;
    assert_eq!(
        operations(&vault).await,
        [AuditOperation::CreateVault, released, released, added]
    );
    vault
        .remove_wrap(&caller(), KMS_NAME, regions.first_key().as_str())
        .await
        .unwrap();
    assert_eq!(operations(&vault).await[4..], [AuditOperation::RemoveWrap]);
}

#[tokio::test]
async fn a_wrapper_key_that_wraps_and_does_not_unwrap_makes_no_wrap() {
    let regions = Regions::with_one_wrap(Settings::default()).await;
    let vault = regions.open().await;
    regions.second.fail_at(3, Fault::Denied);
    let refused = vault.add_wrap(&caller(), SECOND, None).await;
    assert_eq!(code(refused), "KMS_DENIED");
    assert_eq!(kms_of_wraps(&vault), [KMS_NAME]);
}

#[tokio::test]
async fn what_cannot_become_a_wrap_is_refused_before_anything_leaves() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let vault = regions.open().await;
    let before = Picture::of(&vault).await;
    let (first, second) = (regions.first_key(), regions.second_key());
    let unknown = KmsKeyId::try_new("there-is-no-such-key").unwrap();
    regions.second_keys.disable_key(&second).unwrap();
    let wrapper = regions.second_keys.key_wrapper().unwrap();
    let request = WrapperKeyRequest::default();
    let disabled = wrapper.generate_wrapper_key(&request).await.unwrap();
    regions.second_keys.disable_key(&disabled).unwrap();
    regions.second_keys.enable_key(&second).unwrap();
    for (kms, key, expected) in [
        ("elsewhere", None, "KMS_NOT_CONFIGURED"),
        (KMS_NAME, Some(first), "WRAP_EXISTS"),
        (SECOND, Some(second), "WRAP_EXISTS"),
        (SECOND, Some(unknown), "KMS_KEY_NOT_FOUND"),
        (SECOND, Some(disabled), "KMS_KEY_DISABLED"),
    ] {
        let refused = vault.add_wrap(&caller(), kms, key).await;
        assert_eq!(code(refused), expected);
        assert_eq!(Picture::of(&vault).await, before, "{expected}");
    }
}

#[tokio::test]
async fn one_kms_holds_several_wraps_up_to_as_many_as_are_tried() {
    let regions = Regions::with_one_wrap(Settings::default()).await;
    let vault = regions.open().await;
    for _ in 1..16 {
        vault.add_wrap(&caller(), KMS_NAME, None).await.unwrap();
    }
    let refused = vault.add_wrap(&caller(), KMS_NAME, None).await;
    assert_eq!(code(refused), "TOO_MANY_WRAPS");
    assert_eq!(wraps(&vault).len(), 16);
    vault.add_wrap(&caller(), SECOND, None).await.unwrap();
    vault.close().await.unwrap();
    assert_eq!(wraps(&regions.open().await).len(), 17);
}

#[tokio::test]
async fn one_of_two_that_add_the_same_wrap_at_once_is_told_that_it_is_there() {
    let regions = Regions::with_one_wrap(Settings::default()).await;
    let wrapper = regions.second_keys.key_wrapper().unwrap();
    let request = WrapperKeyRequest::default();
    let key = wrapper.generate_wrapper_key(&request).await.unwrap();
    let vault = regions.open().await;
    let caller = caller();
    let add = || vault.add_wrap(&caller, SECOND, Some(key.clone()));
    let (one, other) = tokio::join!(add(), add());
    let refused = if one.is_ok() { other } else { one };
    assert_eq!(code(refused), "WRAP_EXISTS");
    assert_eq!(kms_of_wraps(&vault), [KMS_NAME, SECOND]);
    vault.close().await.unwrap();
    regions.open().await;
}

#[tokio::test]
async fn a_wrap_that_was_edited_dropped_or_brought_back_is_noticed() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    for edit in [
        "DELETE FROM wraps WHERE kms = 'second'",
        "UPDATE wraps SET created_at = created_at + 1 WHERE kms = 'second'",
        "UPDATE wraps SET ciphertext = zeroblob(60) WHERE kms = 'second'",
        "UPDATE wraps SET kms = 'third' WHERE kms = 'second'",
        "INSERT INTO wraps SELECT data_key_id, 'third', wrapper_key_id, ciphertext, created_at FROM wraps WHERE kms = 'second'",
    ] {
        let copy = regions.copy();
        assert_eq!(copy.house.database().execute(edit, ()).unwrap(), 1);
        assert_eq!(code(copy.try_open().await), "STATE_MISMATCH", "{edit}");
    }
}
