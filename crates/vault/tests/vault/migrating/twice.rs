//! Keys that came into the KMS more than once, and attempts that failed twice: nothing there is forgotten.

use std::{fs, sync::Arc};

use strongroom_kms::KmsKeyId;
use strongroom_kms_local::LocalKms;
use strongroom_store::Custody;
use strongroom_test_support::kms::{Fault, FlakyKms};
use strongroom_vault::{Place, Vault, VaultError};

use super::{
    Act, Estate, IN_KMS, check_kms, custody, faults::open_with, key_in_kms,
    provers::open_without_finder,
};
use crate::{
    backups::{back_up, restore},
    house::{KMS_NAME, caller, check_signs, code},
};

/// What the search finds, and can be destroyed.
async fn orphans(vault: &Vault) -> Vec<KmsKeyId> {
    let orphans = vault.find_orphans().await.unwrap();
    let found = orphans.found.into_iter();
    found.map(|orphan| orphan.key.id).collect()
}

#[tokio::test]
async fn a_key_that_was_taken_back_and_brought_again_leaves_one_to_destroy() {
    let estate = Estate::for_act(Act::Bring).await;
    let house = estate.copy();
    let vault = house.open().await;
    let key = estate.signing;
    vault.migrate_key(&caller(), &key, &IN_KMS).await.unwrap();
    let first = key_in_kms(&vault, &key);
    vault
        .migrate_key(&caller(), &key, &Place::Envelope)
        .await
        .unwrap();
    vault.migrate_key(&caller(), &key, &IN_KMS).await.unwrap();
    let second = key_in_kms(&vault, &key);
    assert_ne!(first, second);
    assert_eq!(orphans(&vault).await, std::slice::from_ref(&first));
    let refused = vault.delete_orphan(&caller(), KMS_NAME, &second).await;
    assert_eq!(code(refused), "NOT_AN_ORPHAN");
    vault
        .delete_orphan(&caller(), KMS_NAME, &first)
        .await
        .unwrap();
    assert_eq!(vault.kms_journal(), []);
    check_signs(&vault, &key).await;
    estate.check(&vault, "twice").await;
    check_kms(&vault, &house, "twice").await;
}

#[tokio::test]
async fn a_key_that_is_brought_again_after_a_restore_leaves_one_to_destroy() {
    let estate = Estate::for_act(Act::Bring).await;
    let house = estate.copy();
    let vault = house.open().await;
    let backup = back_up(&house, &vault).await;
    Act::Bring.run(&vault).await.unwrap();
    let first = key_in_kms(&vault, &estate.signing);
    vault.close().await.unwrap();
    fs::remove_dir_all(house.vault_folder()).unwrap();
    let vault = restore(&house, &backup, true).await.unwrap().vault;
    vault.release(&caller()).await.unwrap();
    Act::Bring.run(&vault).await.unwrap();
    let found = orphans(&vault).await;
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.contains(&first));
    estate.check(&vault, "restored").await;
    check_kms(&vault, &house, "restored").await;
}

#[tokio::test]
async fn an_attempt_of_which_nobody_heard_is_not_forgotten_when_the_next_one_is_refused() {
    for fault in [Fault::Denied, Fault::Throttled] {
        let estate = Estate::for_act(Act::Bring).await;
        let house = estate.copy();
        let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
        let vault = open_with(&house, &kms).await;
        let bring = || vault.migrate_key(&PERSON, &estate.signing, &IN_KMS);
        kms.fail_at(kms.calls() + 1, Fault::AnswerLost);
        assert_eq!(code(bring().await), "EXTERNAL_KEY_IN_DOUBT");
        assert_eq!(vault.kms_journal().len(), 1);
        kms.fail_at(kms.calls() + 1, fault);
        let refused: Result<_, VaultError> = bring().await;
        assert!(refused.is_err(), "{fault:?}");
        assert_eq!(vault.kms_journal().len(), 1, "{fault:?}");
        kms.heal();
        // What the first attempt brought is taken up.
        let before = house.kms.list_keys().len();
        bring().await.unwrap();
        assert_eq!(house.kms.list_keys().len(), before);
        check_kms(&vault, &house, "taken up").await;
    }
}

#[tokio::test]
async fn without_a_search_an_attempt_in_doubt_stays_in_the_journal() {
    let estate = Estate::for_act(Act::Bring).await;
    let house = estate.copy();
    let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
    let vault = open_without_finder(&house, Arc::new(kms.clone())).await;
    kms.fail_at(kms.calls() + 1, Fault::AnswerLost);
    let doubt = vault.migrate_key(&caller(), &estate.signing, &IN_KMS).await;
    assert_eq!(code(doubt), "EXTERNAL_KEY_IN_DOUBT");
    kms.heal();
    vault
        .migrate_key(&caller(), &estate.signing, &IN_KMS)
        .await
        .unwrap();
    check_signs(&vault, &estate.signing).await;
    // Nobody can tell whether there is a key of it: the operator looks.
    let [entry] = &vault.kms_journal()[..] else {
        panic!("one entry");
    };
    assert_eq!(entry.fingerprint(), Some(estate.signing));
}

#[tokio::test]
async fn a_key_that_was_brought_meanwhile_is_not_overwritten_by_its_sealed_form() {
    let estate = Estate::for_act(Act::BringReadable).await;
    let house = estate.copy();
    let vault = house.open().await;
    let key = estate.signing;
    let keys = [key];
    let (moved, sealed) = tokio::join!(
        vault.migrate_key(&PERSON, &key, &IN_KMS),
        vault.seal_clear_keys(&PERSON, &keys),
    );
    // Whoever comes second finds it changed, or moves what the first one left.
    match (&moved, &sealed) {
        (Ok(_), Ok(_)) => assert_eq!(custody(&vault, &key), Custody::External),
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => {
            assert_eq!(code::<()>(Err(changed(error))), "CHANGED_UNDERNEATH");
        }
        both => panic!("{both:?}"),
    }
    check_signs(&vault, &key).await;
    check_kms(&vault, &house, "both").await;
}

fn changed(error: &VaultError) -> VaultError {
    assert!(matches!(error, VaultError::ChangedUnderneath), "{error:?}");
    VaultError::ChangedUnderneath
}

static PERSON: std::sync::LazyLock<strongroom_vault::Caller> = std::sync::LazyLock::new(caller);
