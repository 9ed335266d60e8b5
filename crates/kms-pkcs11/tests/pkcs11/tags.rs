//! Keys are found again by their tags, whatever happened when they were made.

use cryptoki::object::{Attribute, ObjectClass};
use strongroom_crypto::SigningKeySpec;
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, KeyState, KeyWrapper, KmsKeyId, WrapperKeyRequest,
};
use strongroom_kms_pkcs11::{KeyKind, Pkcs11Kms, TokenKey};

use crate::house::{DAY_MICROS, House, code, id_bytes, now, only, version_id, wrap};

fn tags() -> Vec<(String, String)> {
    vec![("strongroom-intent".to_owned(), "17".to_owned())]
}

fn signing_key(kms: &Pkcs11Kms) -> KmsKeyId {
    let request = ExternalKeyRequest {
        label: Some("node".parse().unwrap()),
        tags: tags(),
    };
    now(kms.generate_signing_key(SigningKeySpec::EcP256, &request)).unwrap()
}

fn wrapper_key(kms: &Pkcs11Kms) -> KmsKeyId {
    let request = WrapperKeyRequest {
        tags: tags(),
        ..WrapperKeyRequest::default()
    };
    now(kms.generate_wrapper_key(&request)).unwrap()
}

fn listed(kms: &Pkcs11Kms, id: &KmsKeyId) -> Option<TokenKey> {
    let keys = now(kms.list_keys()).unwrap();
    keys.into_iter().find(|key| key.id == *id)
}

#[test]
fn the_list_shows_what_was_asked_for_also_to_another_process() {
    let house = House::new();
    let kms = house.open();
    let (wrapper, signing) = (wrapper_key(&kms), signing_key(&kms));
    now(kms.disable_key(&wrapper)).unwrap();
    let other = house.open();
    assert_eq!(now(other.list_keys()).unwrap().len(), 2);
    let key = listed(&other, &signing).unwrap();
    assert_eq!(key.kind, KeyKind::Signing(SigningKeySpec::EcP256));
    assert_eq!(key.label.unwrap().as_str(), "node");
    assert_eq!(
        (key.tags, key.state, key.version),
        (tags(), KeyState::Enabled, 1)
    );
    let key = listed(&other, &wrapper).unwrap();
    assert_eq!((key.kind, key.label), (KeyKind::Wrapper, None));
    assert_eq!((key.tags, key.state), (tags(), KeyState::Disabled));
}

#[test]
fn the_objects_carry_the_label_for_people_with_other_tools() {
    let house = House::new();
    let signing = signing_key(&house.open());
    let session = house.session();
    for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
        let template = [Attribute::Class(class), Attribute::Label(b"node".to_vec())];
        let object = only(&session, &template);
        assert_eq!(
            object,
            only(
                &session,
                &[Attribute::Class(class), Attribute::Id(id_bytes(&signing))]
            )
        );
    }
}

/// The record is there, the key is not: that is how an interrupted creation looks.
#[test]
fn an_interrupted_creation_is_found_by_its_tags_and_taken_away_after_a_day() {
    let house = House::new();
    let kms = house.open();
    let (whole, broken) = (wrapper_key(&kms), wrapper_key(&kms));
    let session = house.session();
    let object = only(&session, &[Attribute::Id(version_id(&broken, 1))]);
    session.destroy_object(object).unwrap();
    let key = listed(&kms, &broken).unwrap();
    assert_eq!((key.tags, key.state), (tags(), KeyState::PendingCreation));
    assert_eq!(
        code(now(kms.wrapper_key_state(&broken))),
        "KMS_KEY_NOT_FOUND"
    );
    assert_eq!(code(wrap(&kms, &broken)), "KMS_KEY_NOT_FOUND");
    // Another process may just be making it.
    house.clock.advance_micros(DAY_MICROS - 1);
    assert_eq!(now(kms.purge_deleted_keys()).unwrap(), []);
    house.clock.advance_micros(1);
    assert_eq!(
        now(kms.purge_deleted_keys()).unwrap(),
        std::slice::from_ref(&broken)
    );
    assert_eq!(listed(&kms, &broken), None);
    wrap(&kms, &whole).unwrap();
}

#[test]
fn what_is_left_of_an_external_key_can_be_deleted_at_once() {
    let house = House::new();
    let kms = house.open();
    let key = signing_key(&kms);
    let session = house.session();
    let id = Attribute::Id(id_bytes(&key));
    let private = only(&session, &[Attribute::Class(ObjectClass::PRIVATE_KEY), id]);
    session.destroy_object(private).unwrap();
    assert_eq!(code(now(kms.key_state(&key))), "KMS_KEY_NOT_FOUND");
    now(kms.delete_key(&key)).unwrap();
    assert_eq!(
        session.find_objects(&[]).unwrap(),
        [],
        "neither record nor public key"
    );
    assert_eq!(code(now(kms.delete_key(&key))), "KMS_KEY_NOT_FOUND");
}
