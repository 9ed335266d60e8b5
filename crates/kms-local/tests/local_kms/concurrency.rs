//! Several users of one key file: handles of this process and, as far as the file can tell, other processes.

use std::collections::BTreeSet;

use strongroom_files::FolderLock;
use strongroom_kms::{KeyState, KeyWrapper, WrapperKeyRequest};

use crate::house::{CHEAP, House, code, new_wrapper_key, now, secret, unwraps, wrap};

#[test]
fn threads_that_make_keys_at_the_same_time_lose_none() {
    let house = House::new();
    let kms = house.unprotected();
    let ids: BTreeSet<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..5).map(|_| new_wrapper_key(&kms)).collect::<Vec<_>>()))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(ids.len(), 20);
    let reopened: BTreeSet<_> = house
        .open(None)
        .unwrap()
        .list_keys()
        .into_iter()
        .map(|key| key.id)
        .collect();
    assert_eq!(reopened, ids);
}

#[test]
fn keys_that_another_process_made_are_not_overwritten() {
    let house = House::new();
    let ours = house.with_passphrase();
    let theirs = house.open(Some("correct")).unwrap();
    let by_them = new_wrapper_key(&theirs);
    let by_us = new_wrapper_key(&ours);
    // Our change picked theirs up; theirs will pick up ours with its next one.
    unwraps(&ours, &wrap(&theirs, &by_them).unwrap()).unwrap();
    theirs.disable_key(&by_us).unwrap();
    assert_eq!(
        now(theirs.wrapper_key_state(&by_us)).unwrap(),
        KeyState::Disabled
    );
    assert_eq!(house.open(Some("correct")).unwrap().list_keys().len(), 2);
}

#[test]
fn a_file_that_another_process_protected_anew_is_not_written_under_the_old_protection() {
    let house = House::new();
    let ours = house.with_passphrase();
    let wrapper_key = new_wrapper_key(&ours);
    house
        .open(Some("correct"))
        .unwrap()
        .change_protection(secret("new"), CHEAP)
        .unwrap();
    let after = house.bytes();
    assert_eq!(
        code(ours.disable_key(&wrapper_key)),
        "KMS_LOCAL_KEY_FILE_CHANGED"
    );
    assert_eq!(
        code(ours.danger_remove_passphrase()),
        "KMS_LOCAL_KEY_FILE_CHANGED"
    );
    assert_eq!(house.bytes(), after);
    assert_eq!(
        now(ours.wrapper_key_state(&wrapper_key)).unwrap(),
        KeyState::Enabled
    );
}

#[test]
fn a_file_that_was_damaged_behind_our_back_is_not_overwritten() {
    let house = House::new();
    let kms = house.unprotected();
    let wrapper_key = new_wrapper_key(&kms);
    let mut bytes = house.bytes();
    *bytes.last_mut().unwrap() ^= 1;
    house.overwrite(&bytes);
    assert_eq!(
        code(kms.disable_key(&wrapper_key)),
        "KMS_LOCAL_KEY_FILE_DAMAGED"
    );
    assert_eq!(house.bytes(), bytes);
}

#[test]
fn while_another_process_writes_a_change_is_refused_and_may_be_tried_again() {
    let house = House::new();
    let kms = house.unprotected();
    let lock_folder = house.path().with_extension("key.lock");
    {
        let _other = FolderLock::acquire(&lock_folder).unwrap();
        let error = now(kms.generate_wrapper_key(&WrapperKeyRequest::default())).unwrap_err();
        assert!(error.is_retryable(), "{error:?}");
        assert_eq!(code::<()>(Err(error)), "FILE_LOCKED");
    }
    new_wrapper_key(&kms);
}

#[test]
fn a_vault_that_locks_the_folder_of_the_key_file_does_not_stand_in_its_own_way() {
    let house = House::new();
    let _vault = FolderLock::acquire(house.path().parent().unwrap()).unwrap();
    new_wrapper_key(&house.unprotected());
}
