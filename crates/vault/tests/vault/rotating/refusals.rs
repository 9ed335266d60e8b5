//! Rotations that are refused, and change nothing.

use strongroom_kms::KmsKeyId;
use strongroom_store::Sealing;
use strongroom_test_support::kms::Fault;
use strongroom_vault::RotationRequest;

use super::{Estate, in_small_steps, other_wrapper_key, rotate, to};
use crate::{
    house::{Picture, caller, check_signs, code, signing_key},
    wraps::{Regions, wraps},
};

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
