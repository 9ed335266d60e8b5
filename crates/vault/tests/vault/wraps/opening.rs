//! Which wrap opens the vault, and what is said when it is not the first one.

use strongroom_test_support::kms::Fault;
use strongroom_vault::{Settings, VaultError};

use super::{Regions, SECOND, named};
use crate::house::{KMS_NAME, caller, check_signs, signing_key};

#[tokio::test]
async fn the_first_configured_kms_that_works_opens_the_vault_and_the_others_are_not_asked() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let before = regions.second.calls();
    let vault = regions.open().await;
    assert_eq!(vault.opening().kms, KMS_NAME);
    assert!(vault.opening().failed.is_empty());
    assert_eq!(regions.second.calls(), before);
    vault.close().await.unwrap();
    // The order is that of the configuration, not of the wraps.
    let turned = vec![
        named(SECOND, &regions.second),
        named(KMS_NAME, &regions.first),
    ];
    assert_eq!(regions.open_with(turned).await.opening().kms, SECOND);
}

#[tokio::test]
async fn the_second_takes_over_whatever_the_first_says_and_the_opening_tells() {
    for (fault, expected) in [
        (Fault::Unavailable, "KMS_UNAVAILABLE"),
        (Fault::Denied, "KMS_DENIED"),
        (Fault::Throttled, "KMS_THROTTLED"),
        (Fault::AnswerLost, "KMS_TIMED_OUT"),
    ] {
        let regions = Regions::with_two_wraps(Settings::default()).await;
        regions.first.fail_from(1, fault);
        let vault = regions.open().await;
        let opening = vault.opening();
        assert_eq!(opening.kms, SECOND);
        assert_eq!(opening.wrapper_key_id, regions.second_key().as_str());
        let [failed] = &opening.failed[..] else {
            panic!("{opening:?}");
        };
        assert_eq!((failed.kms.as_str(), failed.code), (KMS_NAME, expected));
        assert_eq!(failed.wrapper_key_id, regions.first_key().as_str());
        let shown = vault.wraps();
        assert_eq!(
            shown
                .iter()
                .map(|wrap| wrap.opened_the_vault)
                .collect::<Vec<_>>(),
            [false, true]
        );
        check_signs(&vault, &signing_key(&vault).await).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_kms_that_never_answers_is_not_waited_for_as_long_as_there_is_another_one() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    regions.first.fail_from(1, Fault::Stalled);
    let vault = regions.open().await;
    assert_eq!(vault.opening().kms, SECOND);
    assert_eq!(vault.opening().failed[0].code, "KMS_TIMED_OUT");
}

#[tokio::test]
async fn a_wrapper_key_that_was_disabled_is_passed_over() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    regions.house.kms.disable_key(&regions.first_key()).unwrap();
    let vault = regions.open().await;
    assert_eq!(vault.opening().failed[0].code, "KMS_KEY_DISABLED");
}

#[tokio::test]
async fn when_none_opens_each_is_named_with_its_reason() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    regions.first.fail_from(1, Fault::Unavailable);
    regions.second.fail_from(1, Fault::Denied);
    let VaultError::NoWrapOpens { attempts } = regions.try_open().await.unwrap_err() else {
        panic!("another error");
    };
    let told: Vec<_> = attempts
        .iter()
        .map(|it| (it.kms.as_str(), it.code))
        .collect();
    assert_eq!(
        told,
        [(KMS_NAME, "KMS_UNAVAILABLE"), (SECOND, "KMS_DENIED")]
    );
}

#[tokio::test]
async fn a_configured_wrapper_key_must_be_one_of_those_of_its_kms() {
    let regions = Regions::with_one_wrap(Settings::default()).await;
    let vault = regions.open().await;
    let old = regions.first_key();
    let new = vault.add_wrap(&caller(), KMS_NAME, None).await.unwrap();
    for key in [&old, &new] {
        vault.expect_wrapper_key(KMS_NAME, key.as_str()).unwrap();
    }
    // There is no wrap yet that it could contradict.
    vault.expect_wrapper_key(SECOND, "whatever").unwrap();
    let refused = vault.expect_wrapper_key(KMS_NAME, "another").unwrap_err();
    let VaultError::WrapperKeyContradiction { stored, .. } = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(stored, format!("{old}, {new}"));
    // Also of a KMS that did not open the vault.
    vault.add_wrap(&caller(), SECOND, None).await.unwrap();
    vault.expect_wrapper_key(SECOND, "whatever").unwrap_err();
}
