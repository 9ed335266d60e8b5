//! The key file: reopening, and everything that may be wrong with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec};
use strongroom_kms::{ExternalKeyRequest, ExternalKeys, KeyState, KeyWrapper, WrapperKeyRequest};
use strongroom_kms_local::{KeyKind, LocalKms, ProtectionKind};

use crate::house::{CHEAP, House, code, new_wrapper_key, now, passphrase, unwraps, wrap};

/// Where the numbers of the Argon2 cost begin: after magic, format, KMS id and kind of protection.
const COST: usize = 16 + 1 + 16 + 1;

#[test]
fn a_reopened_key_file_holds_everything_it_held() {
    let house = House::new();
    let kms = house.with_passphrase();
    let request = WrapperKeyRequest {
        label: Some("wrapper of the vault".parse().unwrap()),
        tags: vec![("intent".to_owned(), "42".to_owned())],
        multi_region: false,
    };
    let wrapper_key = now(kms.generate_wrapper_key(&request)).unwrap();
    let wrapped = wrap(&kms, &wrapper_key).unwrap();
    kms.rotate_wrapper_key_version(&wrapper_key).unwrap();
    let disabled = new_wrapper_key(&kms);
    kms.disable_key(&disabled).unwrap();
    let doomed = new_wrapper_key(&kms);
    kms.schedule_deletion(&doomed, 30).unwrap();
    for spec in SigningKeySpec::ALL {
        now(kms.generate_signing_key(spec, &ExternalKeyRequest::default())).unwrap();
    }
    for spec in EncryptionKeySpec::ALL {
        now(kms.generate_encryption_key(spec, &ExternalKeyRequest::default())).unwrap();
    }

    let reopened = house.open(Some("correct")).unwrap();
    assert_eq!(reopened.list_keys(), kms.list_keys());
    assert_eq!(reopened.describe(), kms.describe());
    unwraps(&reopened, &wrapped).unwrap();
    assert_eq!(
        now(reopened.wrapper_key_state(&disabled)).unwrap(),
        KeyState::Disabled
    );
    assert_eq!(
        now(reopened.wrapper_key_state(&doomed)).unwrap(),
        KeyState::PendingDeletion
    );
    let listed = reopened
        .list_keys()
        .into_iter()
        .find(|key| key.id == wrapper_key)
        .unwrap();
    assert_eq!(listed.label, request.label);
    assert_eq!(listed.tags, request.tags);
    assert_eq!((listed.kind, listed.version), (KeyKind::Wrapper, 2));
}

#[test]
fn external_keys_stay_the_same_over_a_reopening() {
    let house = House::new();
    let kms = house.unprotected();
    for spec in SigningKeySpec::ALL {
        let id = now(kms.generate_signing_key(spec, &ExternalKeyRequest::default())).unwrap();
        let before = now(kms.public_key(&id)).unwrap();
        let reopened = house.open(None).unwrap();
        assert_eq!(now(reopened.public_key(&id)).unwrap(), before, "{spec}");
        assert!(now(reopened.sign(&id, spec, b"message")).is_ok(), "{spec}");
    }
    for spec in EncryptionKeySpec::ALL {
        let id = now(kms.generate_encryption_key(spec, &ExternalKeyRequest::default())).unwrap();
        let before = now(kms.public_key(&id)).unwrap();
        assert_eq!(
            now(house.open(None).unwrap().public_key(&id)).unwrap(),
            before,
            "{spec}"
        );
    }
}

#[test]
fn a_new_key_file_is_its_owners_alone() {
    let house = House::new();
    house.with_passphrase();
    assert_eq!(
        fs::metadata(house.path()).unwrap().permissions().mode() & 0o7777,
        0o600
    );
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let house = House::new();
    house.with_passphrase();
    for mode in [0o604, 0o640, 0o644, 0o660, 0o666] {
        fs::set_permissions(house.path(), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(
            code(house.open(Some("correct"))),
            "FILE_NOT_PRIVATE",
            "{mode:o}"
        );
        assert_eq!(
            code(LocalKms::protection_of(house.files.clone(), house.path())),
            "FILE_NOT_PRIVATE",
            "{mode:o}"
        );
    }
    fs::set_permissions(house.path(), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(house.open(Some("correct")).is_ok());
}

#[test]
fn creating_does_not_overwrite_a_key_file() {
    let house = House::new();
    let wrapper_key = new_wrapper_key(&house.with_passphrase());
    let before = house.bytes();
    assert_eq!(
        code(house.create(&passphrase("other"))),
        "KMS_LOCAL_KEY_FILE_EXISTS"
    );
    assert_eq!(house.bytes(), before);
    assert!(
        now(house
            .open(Some("correct"))
            .unwrap()
            .wrapper_key_state(&wrapper_key))
        .is_ok()
    );
}

#[test]
fn a_missing_key_file_is_said_to_be_missing() {
    let house = House::new();
    assert_eq!(
        code(house.open(Some("correct"))),
        "KMS_LOCAL_KEY_FILE_MISSING"
    );
    assert!(!house.path().exists());
}

#[test]
fn how_a_file_is_protected_is_told_without_opening_it() {
    let (sealed, open) = (House::new(), House::new());
    sealed.with_passphrase();
    open.unprotected();
    let protection =
        |house: &House| LocalKms::protection_of(house.files.clone(), house.path()).unwrap();
    assert_eq!(protection(&sealed), ProtectionKind::Passphrase(CHEAP));
    assert_eq!(protection(&open), ProtectionKind::UnprotectedKeyFile);
}

#[test]
fn a_file_of_another_kind_is_damaged_and_not_a_wrong_passphrase() {
    let house = House::new();
    for bytes in [&b""[..], b"x", b"-----BEGIN PRIVATE KEY-----\n", &[0; 200]] {
        house
            .files
            .write_durably(&house.path(), bytes, strongroom_files::Access::OwnerOnly)
            .unwrap();
        assert_eq!(
            code(house.open(Some("correct"))),
            "KMS_LOCAL_KEY_FILE_DAMAGED"
        );
        assert_eq!(code(house.open(None)), "KMS_LOCAL_KEY_FILE_DAMAGED");
    }
}

#[test]
fn a_key_file_cut_anywhere_is_refused_as_damaged_and_left_as_it_is() {
    for (house, passphrase) in [protected_house(), unprotected_house()] {
        let whole = house.bytes();
        for length in 0..whole.len() {
            house.overwrite(&whole[..length]);
            assert_eq!(
                code(house.open(passphrase)),
                "KMS_LOCAL_KEY_FILE_DAMAGED",
                "{length} bytes"
            );
            assert_eq!(house.bytes(), &whole[..length]);
        }
        let mut longer = whole.clone();
        longer.push(0);
        house.overwrite(&longer);
        assert_eq!(
            code(house.open(passphrase)),
            "KMS_LOCAL_KEY_FILE_DAMAGED",
            "a byte more"
        );
        house.overwrite(&whole);
        assert!(house.open(passphrase).is_ok());
    }
}

#[test]
fn any_single_changed_byte_is_noticed() {
    for (house, passphrase) in [protected_house(), unprotected_house()] {
        let whole = house.bytes();
        for position in 0..whole.len() {
            let mut changed = whole.clone();
            changed[position] ^= 0x01;
            house.overwrite(&changed);
            let code = code(house.open(passphrase));
            // A changed kind of protection asks for another passphrase, or none.
            let allowed = [
                "KMS_LOCAL_KEY_FILE_DAMAGED",
                "KMS_LOCAL_WRONG_PASSPHRASE",
                "KMS_LOCAL_KEY_FILE_NEWER",
                "KMS_LOCAL_NOT_PROTECTED",
                "KMS_LOCAL_PASSPHRASE_REQUIRED",
            ];
            assert!(allowed.contains(&code), "byte {position}: {code}");
            assert_eq!(house.bytes(), changed);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_byte_is_changed_to_the_file_does_not_open(position in any::<prop::sample::Index>(), flip in 1_u8..) {
        let (house, passphrase) = unprotected_house();
        let mut bytes = house.bytes();
        let position = position.index(bytes.len());
        bytes[position] ^= flip;
        house.overwrite(&bytes);
        prop_assert!(house.open(passphrase).is_err(), "byte {}", position);
    }
}

#[test]
fn the_body_of_one_file_does_not_open_behind_the_header_of_another() {
    let (one, other) = (House::new(), House::new());
    new_wrapper_key(&one.with_passphrase());
    new_wrapper_key(&other.with_passphrase());
    let header = COST + 12 + 16;
    let mixed = [&one.bytes()[..header], &other.bytes()[header..]].concat();
    one.overwrite(&mixed);
    assert_eq!(
        code(one.open(Some("correct"))),
        "KMS_LOCAL_WRONG_PASSPHRASE"
    );
}

#[test]
fn a_header_that_asks_for_all_memory_is_refused_at_once() {
    let house = House::new();
    house.with_passphrase();
    let sound = house.bytes();
    for (what, cost) in [
        ("4 TiB of memory", [0xffff_ffff_u32, 1, 1]),
        ("2 GiB of memory", [2 * 1024 * 1024, 1, 1]),
        ("years of passes", [64 * 1024, 0xffff_ffff, 1]),
        ("a thousand lanes", [64 * 1024, 1, 1000]),
        ("no memory", [0, 1, 1]),
        ("no passes", [64, 0, 1]),
        ("no lanes", [64, 1, 0]),
    ] {
        let mut bytes = sound.clone();
        let forged: Vec<u8> = cost
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .collect();
        bytes[COST..COST + 12].copy_from_slice(&forged);
        house.overwrite(&bytes);
        assert_eq!(
            code(house.open(Some("correct"))),
            "KMS_LOCAL_KEY_FILE_DAMAGED",
            "{what}"
        );
    }
}

#[test]
fn a_file_of_a_later_version_is_not_called_damaged() {
    let house = House::new();
    house.with_passphrase();
    let mut bytes = house.bytes();
    bytes[16] = 2;
    house.overwrite(&bytes);
    assert_eq!(
        code(house.open(Some("correct"))),
        "KMS_LOCAL_KEY_FILE_NEWER"
    );
}

/// Written by the first version. It must open forever.
const FROZEN: &[u8] = include_bytes!("frozen/v1.key");
const FROZEN_WRAP: &[u8] = include_bytes!("frozen/v1.wrap");

#[test]
fn the_key_file_of_the_first_version_opens() {
    let house = House::new();
    house
        .files
        .write_durably(&house.path(), FROZEN, strongroom_files::Access::OwnerOnly)
        .unwrap();
    let kms = house.open(Some("correct")).unwrap();
    let keys = kms.list_keys();
    assert_eq!(keys.len(), 3);
    let wrapper_key = keys
        .iter()
        .find(|key| key.kind == KeyKind::Wrapper)
        .unwrap();
    assert_eq!(wrapper_key.version, 2);
    let wrapped = strongroom_kms::WrappedKey {
        wrapper_key_id: wrapper_key.id.clone(),
        ciphertext: FROZEN_WRAP.to_vec(),
    };
    unwraps(&kms, &wrapped).unwrap();
}

fn protected_house() -> (House, Option<&'static str>) {
    let house = House::new();
    new_wrapper_key(&house.with_passphrase());
    (house, Some("correct"))
}

fn unprotected_house() -> (House, Option<&'static str>) {
    let house = House::new();
    new_wrapper_key(&house.unprotected());
    (house, None)
}
