//! Versions of wrapper keys.

use strongroom_crypto::{SigningKeySpec, clock::Clock};
use strongroom_kms::{ExternalKeyRequest, ExternalKeys, KeyWrapper};

use crate::house::{House, code, new_wrapper_key, now, unwraps, wrap};

#[test]
fn versions_count_up_and_survive_a_reopening() {
    let house = House::new();
    let kms = house.unprotected();
    let wrapper_key = new_wrapper_key(&kms);
    let mut wraps = vec![wrap(&kms, &wrapper_key).unwrap()];
    for version in 2..6 {
        assert_eq!(
            kms.rotate_wrapper_key_version(&wrapper_key).unwrap(),
            version
        );
        wraps.push(wrap(&kms, &wrapper_key).unwrap());
    }
    let reopened = house.open(None).unwrap();
    for wrapped in &wraps {
        unwraps(&reopened, wrapped).unwrap();
    }
    // The version stands in the ciphertext, after the format.
    let numbers: Vec<u8> = wraps.iter().map(|wrapped| wrapped.ciphertext[4]).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}

#[test]
fn a_wrapper_key_tells_when_it_was_rotated_last() {
    let house = House::new();
    let kms = house.unprotected();
    let wrapper_key = new_wrapper_key(&kms);
    assert_eq!(now(kms.rotated_at(&wrapper_key)).unwrap(), None);
    for _ in 0..2 {
        house.clock.advance_days(1);
        kms.rotate_wrapper_key_version(&wrapper_key).unwrap();
        assert_eq!(
            now(kms.rotated_at(&wrapper_key)).unwrap(),
            Some(house.clock.now())
        );
    }
    let unknown = "local:nothing".parse().unwrap();
    assert_eq!(code(now(kms.rotated_at(&unknown))), "KMS_KEY_NOT_FOUND");
}

#[test]
fn a_key_that_may_not_be_used_is_not_rotated() {
    let house = House::new();
    let kms = house.unprotected();
    let (disabled, doomed) = (new_wrapper_key(&kms), new_wrapper_key(&kms));
    kms.disable_key(&disabled).unwrap();
    kms.schedule_deletion(&doomed, 7).unwrap();
    assert_eq!(
        code(kms.rotate_wrapper_key_version(&disabled)),
        "KMS_KEY_DISABLED"
    );
    assert_eq!(
        code(kms.rotate_wrapper_key_version(&doomed)),
        "KMS_KEY_PENDING_DELETION"
    );
    let unknown = "local:nothing".parse().unwrap();
    assert_eq!(
        code(kms.rotate_wrapper_key_version(&unknown)),
        "KMS_KEY_NOT_FOUND"
    );
}

#[test]
fn a_signing_key_has_no_versions() {
    let house = House::new();
    let kms = house.unprotected();
    let request = ExternalKeyRequest::default();
    let id = now(kms.generate_signing_key(SigningKeySpec::EcP256, &request)).unwrap();
    let before = now(kms.public_key(&id)).unwrap();
    assert_eq!(
        code(kms.rotate_wrapper_key_version(&id)),
        "KMS_WRONG_PURPOSE"
    );
    assert_eq!(now(kms.public_key(&id)).unwrap(), before);
}
