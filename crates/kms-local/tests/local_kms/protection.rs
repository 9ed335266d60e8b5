//! Passphrases: wrong, missing, added, changed, removed.

use strongroom_crypto::Argon2Cost;
use strongroom_kms_local::{DEFAULT_COST, Protection, ProtectionKind};

use crate::house::{CHEAP, House, code, new_wrapper_key, passphrase, secret, unwraps, wrap};

#[test]
fn a_wrong_passphrase_opens_nothing_and_changes_nothing() {
    let house = House::new();
    house.with_passphrase();
    let before = house.bytes();
    for wrong in ["Correct", "correct ", "", "correct\n"] {
        let error = house.open(Some(wrong)).unwrap_err();
        assert!(error.to_string().contains("wrong passphrase"), "{error}");
        assert!(
            error.to_string().contains("damaged"),
            "they cannot be told apart: {error}"
        );
        assert_eq!(code(house.open(Some(wrong))), "KMS_LOCAL_WRONG_PASSPHRASE");
    }
    assert_eq!(house.bytes(), before);
}

#[test]
fn a_missing_passphrase_is_asked_for() {
    let house = House::new();
    house.with_passphrase();
    assert_eq!(code(house.open(None)), "KMS_LOCAL_PASSPHRASE_REQUIRED");
}

#[test]
fn a_passphrase_for_an_unprotected_file_is_refused_since_the_file_may_have_been_exchanged() {
    let house = House::new();
    house.unprotected();
    assert_eq!(code(house.open(Some("correct"))), "KMS_LOCAL_NOT_PROTECTED");
}

#[test]
fn an_empty_passphrase_protects_nothing_and_is_refused() {
    let house = House::new();
    assert_eq!(
        code(house.create(&passphrase(""))),
        "KMS_LOCAL_EMPTY_PASSPHRASE"
    );
    assert!(!house.path().exists());
    let kms = house.with_passphrase();
    assert_eq!(
        code(kms.change_protection(secret(""), CHEAP)),
        "KMS_LOCAL_EMPTY_PASSPHRASE"
    );
    assert!(house.open(Some("correct")).is_ok());
}

#[test]
fn a_cost_that_could_not_be_opened_again_is_refused() {
    let house = House::new();
    let huge = Argon2Cost {
        memory_kib: u32::MAX,
        iterations: 1,
        lanes: 1,
    };
    let protection = Protection::Passphrase(secret("correct"), huge);
    assert_eq!(code(house.create(&protection)), "KMS_LOCAL_COST_INVALID");
    assert!(!house.path().exists());
}

#[test]
fn the_default_cost_is_what_we_promise() {
    let promised = Argon2Cost {
        memory_kib: 64 * 1024,
        iterations: 3,
        lanes: 1,
    };
    assert_eq!(DEFAULT_COST, promised);
}

#[test]
fn a_passphrase_is_added_to_an_unprotected_file() {
    let house = House::new();
    let kms = house.unprotected();
    let wrapped = wrap(&kms, &new_wrapper_key(&kms)).unwrap();
    kms.change_protection(secret("new"), CHEAP).unwrap();
    assert_eq!(kms.describe().protection, ProtectionKind::Passphrase(CHEAP));
    assert_eq!(code(house.open(None)), "KMS_LOCAL_PASSPHRASE_REQUIRED");
    unwraps(&house.open(Some("new")).unwrap(), &wrapped).unwrap();
    unwraps(&kms, &wrapped).unwrap();
}

#[test]
fn a_changed_passphrase_replaces_the_old_one_and_keeps_the_keys_and_the_id() {
    let house = House::new();
    let kms = house.with_passphrase();
    let id = kms.describe().kms_id;
    let wrapper_key = new_wrapper_key(&kms);
    let wrapped = wrap(&kms, &wrapper_key).unwrap();
    let costlier = Argon2Cost {
        memory_kib: 16,
        iterations: 2,
        lanes: 1,
    };
    kms.change_protection(secret("new"), costlier).unwrap();
    assert_eq!(
        code(house.open(Some("correct"))),
        "KMS_LOCAL_WRONG_PASSPHRASE"
    );
    let reopened = house.open(Some("new")).unwrap();
    unwraps(&reopened, &wrapped).unwrap();
    assert_eq!(reopened.describe().kms_id, id);
    assert_eq!(
        reopened.describe().protection,
        ProtectionKind::Passphrase(costlier)
    );
    // The open handle goes on writing under the new passphrase.
    let later = new_wrapper_key(&kms);
    let keys = house.open(Some("new")).unwrap().list_keys();
    assert!(keys.iter().any(|key| key.id == later));
}

#[test]
fn a_removed_passphrase_is_not_asked_for_and_the_description_says_so_loudly() {
    let house = House::new();
    let kms = house.with_passphrase();
    let wrapped = wrap(&kms, &new_wrapper_key(&kms)).unwrap();
    assert!(
        kms.describe()
            .to_string()
            .contains("protection: passphrase (Argon2id, 8 KiB")
    );
    kms.danger_remove_passphrase().unwrap();
    let reopened = house.open(None).unwrap();
    unwraps(&reopened, &wrapped).unwrap();
    let description = reopened.describe();
    assert_eq!(description.protection, ProtectionKind::UnprotectedKeyFile);
    assert!(description.to_string().contains("NONE"), "{description}");
    assert!(description.to_string().contains("1 keys"), "{description}");
}
