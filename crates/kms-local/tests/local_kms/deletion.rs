//! Scheduled deletion.

use strongroom_crypto::SigningKeySpec;
use strongroom_crypto::clock::Clock;
use strongroom_kms::{ExternalKeyRequest, ExternalKeys, KeyState, KeyWrapper};

use crate::house::{DAY_MICROS, House, code, new_wrapper_key, now, unwraps, wrap};

#[test]
fn a_deletion_is_scheduled_seven_to_thirty_days_ahead() {
    let house = House::new();
    let kms = house.unprotected();
    for days in [0, 1, 6, 31, u32::MAX] {
        let answer = kms.schedule_deletion(&new_wrapper_key(&kms), days);
        assert_eq!(
            code(answer),
            "KMS_LOCAL_DELETION_WINDOW_INVALID",
            "{days} days"
        );
    }
    for days in [7, 30] {
        let at = kms.schedule_deletion(&new_wrapper_key(&kms), days).unwrap();
        assert_eq!(
            at.as_micros() - house.clock.now().as_micros(),
            i64::from(days) * DAY_MICROS
        );
    }
}

#[test]
fn a_rescued_key_is_disabled_until_somebody_enables_it() {
    let house = House::new();
    let kms = house.unprotected();
    let wrapper_key = new_wrapper_key(&kms);
    let wrapped = wrap(&kms, &wrapper_key).unwrap();
    kms.schedule_deletion(&wrapper_key, 7).unwrap();
    assert_eq!(
        code(kms.enable_key(&wrapper_key)),
        "KMS_KEY_PENDING_DELETION"
    );
    kms.cancel_deletion(&wrapper_key).unwrap();
    assert_eq!(code(unwraps(&kms, &wrapped)), "KMS_KEY_DISABLED");
    kms.enable_key(&wrapper_key).unwrap();
    unwraps(&kms, &wrapped).unwrap();
    assert_eq!(
        code(kms.cancel_deletion(&wrapper_key)),
        "KMS_LOCAL_NOT_PENDING_DELETION"
    );
}

#[test]
fn scheduling_twice_keeps_the_first_time() {
    let house = House::new();
    let kms = house.unprotected();
    let wrapper_key = new_wrapper_key(&kms);
    let at = kms.schedule_deletion(&wrapper_key, 7).unwrap();
    house.clock.advance_days(3);
    assert_eq!(kms.schedule_deletion(&wrapper_key, 30).unwrap(), at);
}

#[test]
fn a_key_is_gone_for_good_when_its_time_has_come() {
    let house = House::new();
    let kms = house.unprotected();
    let (doomed, other) = (new_wrapper_key(&kms), new_wrapper_key(&kms));
    let wrapped = wrap(&kms, &doomed).unwrap();
    kms.schedule_deletion(&doomed, 7).unwrap();
    house.clock.advance_days(6);
    assert_eq!(
        now(kms.wrapper_key_state(&doomed)).unwrap(),
        KeyState::PendingDeletion
    );
    house.clock.advance_days(1);
    assert_eq!(
        code(now(kms.wrapper_key_state(&doomed))),
        "KMS_KEY_NOT_FOUND"
    );
    assert_eq!(code(unwraps(&kms, &wrapped)), "KMS_KEY_NOT_FOUND");
    assert_eq!(code(kms.cancel_deletion(&doomed)), "KMS_KEY_NOT_FOUND");
    let ids: Vec<_> = kms.list_keys().into_iter().map(|key| key.id).collect();
    assert_eq!(ids, [other]);
    assert_eq!(kms.describe().keys, 1);
}

#[test]
fn a_wrong_clock_alone_destroys_nothing_but_the_next_change_takes_the_key_out() {
    let house = House::new();
    let kms = house.unprotected();
    let doomed = new_wrapper_key(&kms);
    kms.schedule_deletion(&doomed, 7).unwrap();
    let before = house.bytes();
    house.clock.advance_days(400);
    assert_eq!(
        code(now(house.open(None).unwrap().wrapper_key_state(&doomed))),
        "KMS_KEY_NOT_FOUND"
    );
    assert_eq!(house.bytes(), before, "opening writes nothing");
    house.clock.advance_days(-400);
    let reopened = house.open(None).unwrap();
    assert_eq!(
        now(reopened.wrapper_key_state(&doomed)).unwrap(),
        KeyState::PendingDeletion
    );

    house.clock.advance_days(8);
    reopened.purge_deleted_keys().unwrap();
    assert!(house.bytes().len() < before.len());
    house.clock.advance_days(-8);
    assert_eq!(
        code(now(reopened.wrapper_key_state(&doomed))),
        "KMS_KEY_NOT_FOUND"
    );
    assert_eq!(
        code(now(house.open(None).unwrap().wrapper_key_state(&doomed))),
        "KMS_KEY_NOT_FOUND"
    );
}

#[test]
fn deleting_an_external_key_leaves_a_week_to_think_again() {
    let house = House::new();
    let kms = house.unprotected();
    let request = ExternalKeyRequest::default();
    let id = now(kms.generate_signing_key(SigningKeySpec::EcCurve25519, &request)).unwrap();
    now(kms.delete_key(&id)).unwrap();
    assert_eq!(code(now(kms.public_key(&id))), "KMS_KEY_PENDING_DELETION");
    kms.cancel_deletion(&id).unwrap();
    kms.enable_key(&id).unwrap();
    now(kms.delete_key(&id)).unwrap();
    house.clock.advance_days(7);
    assert_eq!(code(now(kms.delete_key(&id))), "KMS_KEY_NOT_FOUND");
}
