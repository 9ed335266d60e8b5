//! States, versions and deletions, as other processes and crashes leave them.

use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use strongroom_crypto::SigningKeySpec;
use strongroom_kms::{ExternalKeyRequest, ExternalKeys, KeyState, KeyWrapper, KmsKeyId};

use crate::house::{
    DAY_MICROS, House, SECOND_MICROS, code, new_wrapper_key, now, only, unwraps, version_id, wrap,
};

fn record(key: &KmsKeyId) -> [Attribute; 2] {
    let label = Attribute::Label(key.as_str().as_bytes().to_vec());
    [Attribute::Class(ObjectClass::DATA), label]
}

/// Two KMSs over one token see each other through the token only, as two processes do.
#[test]
fn what_another_process_disables_is_noticed_when_the_window_is_over() {
    let house = House::new();
    let (kms, other) = (house.open(), house.open());
    let key = new_wrapper_key(&kms);
    wrap(&kms, &key).unwrap();
    now(other.disable_key(&key)).unwrap();
    assert_eq!(code(wrap(&other, &key)), "KMS_KEY_DISABLED");
    house.clock.advance_micros(5 * SECOND_MICROS - 1);
    wrap(&kms, &key).unwrap();
    house.clock.advance_micros(1);
    assert_eq!(code(wrap(&kms, &key)), "KMS_KEY_DISABLED");
}

#[test]
fn asking_for_a_state_always_reads_it() {
    let house = House::new();
    let (kms, other) = (house.open(), house.open());
    let key = new_wrapper_key(&kms);
    now(other.disable_key(&key)).unwrap();
    assert_eq!(
        now(kms.wrapper_key_state(&key)).unwrap(),
        KeyState::Disabled
    );
    // And what was read counts for use as well.
    assert_eq!(code(wrap(&kms, &key)), "KMS_KEY_DISABLED");
}

#[test]
fn without_a_window_every_use_reads_the_state() {
    let house = House::new();
    let (kms, other) = (house.open_attentive(), house.open());
    let key = new_wrapper_key(&kms);
    wrap(&kms, &key).unwrap();
    now(other.disable_key(&key)).unwrap();
    assert_eq!(code(wrap(&kms, &key)), "KMS_KEY_DISABLED");
}

#[test]
fn what_another_process_deletes_is_gone_at_once() {
    let house = House::new();
    let (kms, other) = (house.open(), house.open());
    let spec = SigningKeySpec::EcP256;
    let key = now(kms.generate_signing_key(spec, &ExternalKeyRequest::default())).unwrap();
    now(kms.sign(&key, spec, b"m")).unwrap();
    now(other.delete_key(&key)).unwrap();
    assert_eq!(code(now(kms.sign(&key, spec, b"m"))), "KMS_KEY_NOT_FOUND");
    assert_eq!(
        house.session().find_objects(&[]).unwrap(),
        [],
        "nothing is left"
    );
}

#[test]
fn versions_count_up_and_another_process_unwraps_at_once_what_they_wrap() {
    let house = House::new();
    let (kms, other) = (house.open(), house.open());
    let key = new_wrapper_key(&kms);
    let mut wraps = vec![wrap(&other, &key).unwrap()];
    for version in 2..5 {
        assert_eq!(now(kms.rotate_wrapper_key_version(&key)).unwrap(), version);
        wraps.push(wrap(&kms, &key).unwrap());
    }
    for wrapped in &wraps {
        unwraps(&other, wrapped).unwrap();
    }
    // The version stands in the ciphertext, after the format.
    let numbers: Vec<u8> = wraps.iter().map(|wrapped| wrapped.ciphertext[4]).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[test]
fn an_interrupted_rotation_is_finished_by_the_next_one() {
    let house = House::new();
    let kms = house.open_attentive();
    let key = new_wrapper_key(&kms);
    let session = house.session();
    let before = only(&session, &record(&key));
    let value = session
        .get_attributes(before, &[AttributeType::Value])
        .unwrap();
    let (application, label) = (Attribute::Application(b"strongroom".to_vec()), record(&key));
    now(kms.rotate_wrapper_key_version(&key)).unwrap();
    // The key is there, its record was not written.
    session
        .destroy_object(only(&session, &record(&key)))
        .unwrap();
    let [class, label] = label;
    let old = [
        class,
        application,
        label,
        value[0].clone(),
        Attribute::Token(true),
    ];
    session.create_object(&old).unwrap();
    assert_eq!(wrap(&kms, &key).unwrap().ciphertext[4], 1);
    assert_eq!(now(kms.rotate_wrapper_key_version(&key)).unwrap(), 2);
    only(&session, &[Attribute::Id(version_id(&key, 2))]);
    assert_eq!(wrap(&kms, &key).unwrap().ciphertext[4], 2);
}

#[test]
fn a_key_that_may_not_be_used_is_not_rotated() {
    let house = House::new();
    let kms = house.open();
    let (disabled, doomed) = (new_wrapper_key(&kms), new_wrapper_key(&kms));
    now(kms.disable_key(&disabled)).unwrap();
    now(kms.schedule_deletion(&doomed, 7)).unwrap();
    let rotated = |key| code(now(kms.rotate_wrapper_key_version(key)));
    assert_eq!(rotated(&disabled), "KMS_KEY_DISABLED");
    assert_eq!(rotated(&doomed), "KMS_KEY_PENDING_DELETION");
    let request = ExternalKeyRequest::default();
    let signing = now(kms.generate_signing_key(SigningKeySpec::EcP256, &request)).unwrap();
    assert_eq!(rotated(&signing), "KMS_WRONG_PURPOSE");
}

#[test]
fn a_wrapper_key_is_destroyed_when_its_time_has_come_and_not_before() {
    let house = House::new();
    let kms = house.open();
    let (doomed, kept) = (new_wrapper_key(&kms), new_wrapper_key(&kms));
    now(kms.rotate_wrapper_key_version(&doomed)).unwrap();
    let at = now(kms.schedule_deletion(&doomed, 7)).unwrap();
    house.clock.advance_micros(DAY_MICROS);
    assert_eq!(
        now(kms.schedule_deletion(&doomed, 30)).unwrap(),
        at,
        "it keeps its time"
    );
    house.clock.advance_micros(6 * DAY_MICROS - 1);
    assert_eq!(now(kms.purge_deleted_keys()).unwrap(), []);
    house.clock.advance_micros(1);
    assert_eq!(
        now(kms.purge_deleted_keys()).unwrap(),
        std::slice::from_ref(&doomed)
    );
    assert_eq!(
        code(now(kms.wrapper_key_state(&doomed))),
        "KMS_KEY_NOT_FOUND"
    );
    assert_eq!(
        house.session().find_objects(&[]).unwrap().len(),
        2,
        "key and record of the other"
    );
    wrap(&kms, &kept).unwrap();
}

#[test]
fn a_deletion_is_scheduled_for_7_to_30_days_and_only_then_cancelled() {
    let kms = House::new().open();
    let key = new_wrapper_key(&kms);
    for days in [0, 6, 31] {
        let answer = now(kms.schedule_deletion(&key, days));
        assert_eq!(code(answer), "KMS_PKCS11_DELETION_WINDOW_INVALID", "{days}");
    }
    assert_eq!(
        code(now(kms.cancel_deletion(&key))),
        "KMS_PKCS11_NOT_PENDING_DELETION"
    );
    now(kms.schedule_deletion(&key, 30)).unwrap();
    assert_eq!(code(now(kms.enable_key(&key))), "KMS_KEY_PENDING_DELETION");
    now(kms.cancel_deletion(&key)).unwrap();
    assert_eq!(
        now(kms.wrapper_key_state(&key)).unwrap(),
        KeyState::Disabled
    );
}

/// A crash between writing the new record and removing the old one leaves both.
#[test]
fn of_two_records_the_newer_counts_and_the_next_change_leaves_one() {
    let house = House::new();
    let kms = house.open_attentive();
    let key = new_wrapper_key(&kms);
    let session = house.session();
    let old = only(&session, &record(&key));
    let types = [
        AttributeType::Class,
        AttributeType::Application,
        AttributeType::Label,
        AttributeType::Value,
    ];
    let mut copy = session.get_attributes(old, &types).unwrap();
    copy.push(Attribute::Token(true));
    now(kms.disable_key(&key)).unwrap();
    session.create_object(&copy).unwrap();
    assert_eq!(code(wrap(&kms, &key)), "KMS_KEY_DISABLED");
    assert_eq!(now(kms.list_keys()).unwrap().len(), 1);
    now(kms.enable_key(&key)).unwrap();
    only(&session, &record(&key));
    wrap(&kms, &key).unwrap();
}

#[test]
fn a_damaged_record_is_named_and_does_not_hide_other_keys() {
    let house = House::new();
    let kms = house.open_attentive();
    let (sound, hurt) = (new_wrapper_key(&kms), new_wrapper_key(&kms));
    let session = house.session();
    session
        .destroy_object(only(&session, &record(&hurt)))
        .unwrap();
    let [class, label] = record(&hurt);
    let application = Attribute::Application(b"strongroom".to_vec());
    let damaged = [
        class,
        application,
        label,
        Attribute::Value(vec![1, 2]),
        Attribute::Token(true),
    ];
    session.create_object(&damaged).unwrap();
    assert_eq!(code(wrap(&kms, &hurt)), "KMS_PKCS11_RECORD_DAMAGED");
    let listed: Vec<_> = now(kms.list_keys())
        .unwrap()
        .into_iter()
        .map(|key| key.id)
        .collect();
    assert_eq!(listed, [sound]);
}
