//! A wrap less.

use strongroom_test_support::kms::Fault;
use strongroom_vault::{Settings, VaultError};

use super::{Regions, SECOND, kms_of_wraps, named};
use crate::house::{KMS_NAME, Picture, caller, check_signs, code, signing_key};

#[tokio::test]
async fn a_wrap_that_is_removed_opens_nothing_any_more() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let vault = regions.open().await;
    let key = signing_key(&vault).await;
    let second = regions.second_key();
    vault
        .remove_wrap(&caller(), SECOND, second.as_str())
        .await
        .unwrap();
    assert_eq!(kms_of_wraps(&vault), [KMS_NAME]);
    vault.close().await.unwrap();
    check_signs(&regions.open().await, &key).await;
    regions.first.fail_from(1, Fault::Unavailable);
    let before = regions.second.calls();
    assert_eq!(code(regions.try_open().await), "NO_WRAP_OPENS");
    assert_eq!(regions.second.calls(), before);
}

#[tokio::test]
async fn the_wrap_that_opened_the_vault_is_removed_if_another_one_opens_it() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let vault = regions.open().await;
    let first = regions.first_key();
    regions.second.fail_at(1, Fault::Unavailable);
    let refused = vault.remove_wrap(&caller(), KMS_NAME, first.as_str()).await;
    let Err(VaultError::NoOtherWrapOpens { attempts }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (attempts[0].kms.as_str(), attempts[0].code),
        (SECOND, "KMS_UNAVAILABLE")
    );
    assert_eq!(kms_of_wraps(&vault), [KMS_NAME, SECOND]);
    vault
        .remove_wrap(&caller(), KMS_NAME, first.as_str())
        .await
        .unwrap();
    check_signs(&vault, &signing_key(&vault).await).await;
    vault.close().await.unwrap();
    assert_eq!(regions.open().await.opening().kms, SECOND);
}

#[tokio::test]
async fn the_last_wrap_stays_and_one_that_is_not_there_is_told() {
    let regions = Regions::with_one_wrap(Settings::default()).await;
    let vault = regions.open().await;
    let first = regions.first_key();
    let before = Picture::of(&vault).await;
    for (kms, key, expected) in [
        (KMS_NAME, first.as_str(), "LAST_WRAP"),
        (SECOND, first.as_str(), "WRAP_NOT_FOUND"),
        (KMS_NAME, "another", "WRAP_NOT_FOUND"),
    ] {
        let refused = vault.remove_wrap(&caller(), kms, key).await;
        assert_eq!(code(refused), expected);
    }
    assert_eq!(Picture::of(&vault).await, before);
}

#[tokio::test]
async fn a_wrap_of_a_kms_that_is_gone_for_good_is_removed() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let vault = regions
        .open_with(vec![named(SECOND, &regions.second)])
        .await;
    assert!(!vault.wraps()[1].configured);
    let first = regions.first_key();
    vault
        .remove_wrap(&caller(), KMS_NAME, first.as_str())
        .await
        .unwrap();
    vault.close().await.unwrap();
    assert_eq!(kms_of_wraps(&regions.open().await), [SECOND]);
}

#[tokio::test]
async fn a_removed_wrap_can_be_added_again() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let vault = regions.open().await;
    let second = regions.second_key();
    vault
        .remove_wrap(&caller(), SECOND, second.as_str())
        .await
        .unwrap();
    vault
        .add_wrap(&caller(), SECOND, Some(second))
        .await
        .unwrap();
    vault.close().await.unwrap();
    assert_eq!(kms_of_wraps(&regions.open().await), [KMS_NAME, SECOND]);
}

#[tokio::test]
async fn a_row_that_was_changed_under_the_open_vault_is_not_removed() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let vault = regions.open().await;
    let edit = "UPDATE wraps SET created_at = created_at + 1 WHERE kms = 'second'";
    assert_eq!(regions.house.database().execute(edit, ()).unwrap(), 1);
    let second = regions.second_key();
    let refused = vault.remove_wrap(&caller(), SECOND, second.as_str()).await;
    assert_eq!(code(refused), "CHANGED_UNDERNEATH");
}
