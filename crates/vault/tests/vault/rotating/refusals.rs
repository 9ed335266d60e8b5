//! Rotations that are refused, and change nothing.

use std::sync::Arc;

use strongroom_kms::{KmsKeyId, KmsProvider as _};
use strongroom_store::Sealing;
use strongroom_test_support::kms::{Alteration, AlteredKms, Fault};
use strongroom_vault::{NamedWrapper, RotationRequest, Settings, VaultError};

use super::{Estate, in_small_steps, other_wrapper_key, rotate, to};
use crate::{
    house::{KMS_NAME, Picture, caller, check_signs, code, signing_key},
    wraps::{Regions, SECOND, named, wraps},
};

/// A KMS whose wrapper keys open nothing here: what opens is in a safe.
#[derive(Debug)]
struct InASafe;

impl Alteration for InASafe {
    fn unwraps(&self) -> bool {
        false
    }
}

/// The second KMS, by this name, as one in a safe.
fn in_a_safe(regions: &Regions, name: &str) -> NamedWrapper {
    let kms = AlteredKms::around(Arc::new(regions.second.clone()), InASafe);
    NamedWrapper {
        name: name.to_owned(),
        wrapper: kms.key_wrapper().unwrap(),
    }
}

fn to_kms(kms: &str, from: &KmsKeyId) -> RotationRequest {
    RotationRequest {
        kms: Some(kms.to_owned()),
        from: Some(from.as_str().to_owned()),
        ..RotationRequest::default()
    }
}

/// The next start would find nothing that opens it.
#[tokio::test]
async fn the_last_wrap_that_opens_here_does_not_go_for_one_that_is_in_a_safe() {
    let regions = Regions::with_one_wrap(Settings::default()).await;
    let wrappers = vec![named(KMS_NAME, &regions.first), in_a_safe(&regions, SECOND)];
    let vault = regions.open_with(wrappers).await;
    let before = (wraps(&vault), Picture::of(&vault).await);
    let request = to_kms(SECOND, &regions.first_key());
    assert!(vault.rotates_elsewhere(&request));
    assert!(!vault.rotates_elsewhere(&RotationRequest::default()));
    assert!(!vault.rotates_elsewhere(&to_kms(KMS_NAME, &regions.first_key())));
    let rotated = vault.rotate_wrapper_key(&caller(), &request, &|_| {}).await;
    assert_eq!(code(rotated), "NO_OTHER_WRAP_OPENS");
    let rewrapped = vault.rewrap_data_key(&caller(), &request).await;
    assert_eq!(code(rewrapped), "NO_OTHER_WRAP_OPENS");
    assert_eq!((wraps(&vault), Picture::of(&vault).await), before);
    assert_eq!(regions.second.calls(), 0, "nothing was given away");
}

#[tokio::test]
async fn a_wrap_goes_for_one_in_a_safe_only_if_another_one_opens_now() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let wrappers = vec![
        named(KMS_NAME, &regions.first),
        named(SECOND, &regions.second),
        in_a_safe(&regions, "safe"),
    ];
    let vault = regions.open_with(wrappers).await;
    let request = to_kms("safe", &regions.first_key());
    regions.second.fail_at(1, Fault::Unavailable);
    let refused = vault.rewrap_data_key(&caller(), &request).await;
    let Err(VaultError::NoOtherWrapOpens { attempts }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(attempts[0].kms, SECOND);
    regions.second.heal();
    vault.rewrap_data_key(&caller(), &request).await.unwrap();
    vault.close().await.unwrap();
    assert_eq!(regions.open().await.opening().kms, SECOND);
}

#[tokio::test]
async fn the_same_an_unknown_a_disabled_and_a_dying_wrapper_key_are_refused() {
    let estate = Estate::new(Sealing::DataKey).await;
    let house = &estate.house;
    let vault = house.open().await;
    let before = (wraps(&vault), Picture::of(&vault).await);
    let same = KmsKeyId::try_new(before.0[0].1.as_str()).unwrap();
    let disabled = other_wrapper_key(house).await;
    house.kms.disable_key(&disabled).unwrap();
    let dying = other_wrapper_key(house).await;
    house.kms.schedule_deletion(&dying, 7).unwrap();
    let unknown = KmsKeyId::try_new("nobody-made-this").unwrap();
    for (id, expected) in [
        (same, "WRAPPER_KEY_ALREADY_IN_USE_ERROR"),
        (unknown, "WRAPPER_KEY_NOT_EXIST_ERROR"),
        (disabled, "WRAPPER_KEY_DISABLED_OR_DELETED_ERROR"),
        (dying, "WRAPPER_KEY_DISABLED_OR_DELETED_ERROR"),
    ] {
        let refused = vault.rotate_wrapper_key(&caller(), &to(&id), &|_| {}).await;
        assert_eq!(code(refused), expected);
        let refused = vault.rewrap_data_key(&caller(), &to(&id)).await;
        assert_eq!(code(refused), expected);
    }
    assert_eq!((wraps(&vault), Picture::of(&vault).await), before);
    assert_eq!(vault.wrapper_key_rotation(), None);
    estate.check(vault, house, "refused").await;
}

#[tokio::test]
async fn nothing_is_resumed_when_nothing_is_under_way() {
    let estate = Estate::new(Sealing::DataKey).await;
    let vault = estate.house.open().await;
    let refused = vault.resume_wrapper_key_rotation(&caller(), &|_| {}).await;
    assert_eq!(code(refused), "NO_WRAPPER_KEY_ROTATION");
}

#[tokio::test]
async fn no_row_moves_while_another_wrap_cannot_be_renewed() {
    let regions = Regions::with_two_wraps(in_small_steps(Sealing::DataKey)).await;
    let vault = regions.open().await;
    let key = signing_key(&vault).await;
    let which = vault
        .rotate_wrapper_key(&caller(), &RotationRequest::default(), &|_| {})
        .await;
    assert_eq!(code(which), "WHICH_WRAP");
    for call in 1..=2 {
        regions.second.fail_at(call, Fault::Unavailable);
        assert_eq!(code(rotate(&vault).await), "WRAP_NOT_RENEWED");
        regions.second.heal();
        assert_eq!(vault.wrapper_key_rotation(), None);
        check_signs(&vault, &key).await;
    }
    // Each attempt made a wrapper key; the KMS of these tests is not searched, so both are there.
    rotate(&vault).await.unwrap();
    check_signs(&vault, &key).await;
}
