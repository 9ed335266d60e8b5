//! Keys that left the vault and wait until a KMS that destroys at once is told to.

use std::{sync::Arc, time::Duration};

use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_kms::{KeyState, KmsKeyId};
use strongroom_test_support::kms::{Fault, FlakyKms};
use strongroom_vault::{
    AuditOperation, CustodyDefaults, NamedKms, Place, Progress, Registration, Settings, Vault,
};

use super::{external_house, key_in_kms, state_in_kms};
use crate::{
    backups::{back_up, restore},
    house::{House, KMS_NAME, caller, check_signs, code, protocol, signing_key},
};

const DAY: Duration = Duration::from_secs(86_400);
/// By default.
const DELAY: Duration = Duration::from_secs(7 * 86_400);

/// A vault with a key in a KMS that destroys at once.
async fn hasty_house() -> (House, Vault, Fingerprint, KmsKeyId) {
    let house = external_house();
    house.make_hasty();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let id = key_in_kms(&vault, &key);
    (house, vault, key, id)
}

fn due_of(vault: &Vault) -> Option<Timestamp> {
    match &vault.kms_journal()[..] {
        [entry] => entry.progress().due(),
        entries => panic!("one entry: {entries:?}"),
    }
}

fn registration(key: &KmsKeyId) -> Registration {
    Registration {
        kms: None,
        key: key.clone(),
        usages: Some(protocol()),
        name: None,
    }
}

async fn operations(vault: &Vault) -> Vec<AuditOperation> {
    let mut operations = Vec::new();
    let walk = vault.walk_audit(|entry| operations.push(entry.operation));
    walk.await.unwrap();
    operations
}

#[tokio::test]
async fn a_key_that_left_is_destroyed_when_it_is_due_and_not_before() {
    let (house, vault, key, id) = hasty_house().await;
    vault.delete_key(&caller(), &key).await.unwrap();
    assert_eq!(code(vault.key(&key)), "KEY_NOT_FOUND");
    let due = due_of(&vault).unwrap();
    let delay = due.as_micros() - vault.current_time().as_micros();
    assert_eq!(delay, i64::try_from(DELAY.as_micros()).unwrap());
    assert!(vault.find_orphans().await.unwrap().found.is_empty());

    house.clock.advance(DELAY - DAY);
    assert!(!vault.has_due());
    assert_eq!(vault.destroy_due(&caller()).await.unwrap(), 0);
    assert_eq!(state_in_kms(&house, &id), Some(KeyState::Enabled));
    // It waits through restarts, and nobody need remember it.
    vault.close().await.unwrap();
    let vault = house.open().await;
    assert_eq!(due_of(&vault), Some(due));
    house.clock.advance(DAY);
    assert!(vault.has_due());
    assert_eq!(vault.destroy_due(&caller()).await.unwrap(), 1);
    assert_eq!(state_in_kms(&house, &id), Some(KeyState::PendingDeletion));
    assert_eq!(vault.kms_journal(), []);
    assert_eq!(
        operations(&vault).await.last(),
        Some(&AuditOperation::DeleteKmsKey)
    );
}

#[tokio::test]
async fn where_the_operator_does_not_want_to_wait_it_is_destroyed_at_once() {
    let house = external_house();
    let settings = Settings {
        custody: CustodyDefaults {
            destroy_after: Duration::ZERO,
            ..house.settings.custody.clone()
        },
        ..house.settings.clone()
    };
    let house = house.with_settings(settings);
    house.make_hasty();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let id = key_in_kms(&vault, &key);
    vault.delete_key(&caller(), &key).await.unwrap();
    assert_eq!(state_in_kms(&house, &id), Some(KeyState::PendingDeletion));
    assert_eq!(vault.kms_journal(), []);
}

#[tokio::test]
async fn one_that_waits_is_destroyed_at_once_only_when_somebody_says_so() {
    let (house, vault, key, id) = hasty_house().await;
    vault.delete_key(&caller(), &key).await.unwrap();
    let due = due_of(&vault);
    house.clock.advance(DAY);
    vault.delete_orphan(&caller(), KMS_NAME, &id).await.unwrap();
    assert_eq!(due_of(&vault), due, "its time stays");
    assert_eq!(state_in_kms(&house, &id), Some(KeyState::Enabled));
    vault
        .danger_delete_orphan_now(&caller(), KMS_NAME, &id)
        .await
        .unwrap();
    assert_eq!(state_in_kms(&house, &id), Some(KeyState::PendingDeletion));
    assert_eq!(vault.kms_journal(), []);
}

#[tokio::test]
async fn a_key_that_is_kept_stays_and_can_be_registered_again() {
    let (house, vault, key, id) = hasty_house().await;
    vault.delete_key(&caller(), &key).await.unwrap();
    vault.keep_key(&caller(), KMS_NAME, &id).await.unwrap();
    assert_eq!(
        operations(&vault).await.last(),
        Some(&AuditOperation::KeepKmsKey)
    );
    let again = vault.keep_key(&caller(), KMS_NAME, &id).await;
    assert_eq!(code(again), "NO_JOURNAL_ENTRY");
    house.clock.advance(DELAY + DAY);
    assert_eq!(vault.destroy_due(&caller()).await.unwrap(), 0);
    assert_eq!(state_in_kms(&house, &id), Some(KeyState::Enabled));
    vault
        .register_key(&caller(), registration(&id))
        .await
        .unwrap();
    check_signs(&vault, &key).await;
}

#[tokio::test]
async fn to_register_a_key_that_waits_is_to_keep_it() {
    let (house, vault, key, id) = hasty_house().await;
    vault.delete_key(&caller(), &key).await.unwrap();
    vault
        .register_key(&caller(), registration(&id))
        .await
        .unwrap();
    assert_eq!(vault.kms_journal(), []);
    house.clock.advance(DELAY + DAY);
    assert_eq!(vault.destroy_due(&caller()).await.unwrap(), 0);
    check_signs(&vault, &key).await;
}

#[tokio::test]
async fn a_key_that_was_taken_back_is_destroyed_where_it_was_when_it_is_due() {
    let house = House::new();
    house.make_hasty();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let in_kms = Place::External { kms: None };
    vault.migrate_key(&caller(), &key, &in_kms).await.unwrap();
    let id = key_in_kms(&vault, &key);
    let here = Place::Envelope;
    vault.migrate_key(&caller(), &key, &here).await.unwrap();
    assert!(due_of(&vault).is_some());
    house.clock.advance(DELAY);
    assert_eq!(vault.destroy_due(&caller()).await.unwrap(), 1);
    assert_eq!(state_in_kms(&house, &id), Some(KeyState::PendingDeletion));
    check_signs(&vault, &key).await;
}

/// The KMS may have been asked by then, or be asked by somebody who was stopped: nobody may rely on the key any more.
#[tokio::test]
async fn what_was_decided_cannot_be_kept_and_is_done_when_the_kms_allows_it() {
    let (house, vault, key, id) = hasty_house().await;
    vault.delete_key(&caller(), &key).await.unwrap();
    vault.close().await.unwrap();
    house.clock.advance(DELAY);
    let mut environment = house.environment(house.store().await.unwrap());
    let [named] = &environment.kms[..] else {
        panic!("one KMS");
    };
    let kms = FlakyKms::new(Arc::clone(&named.provider));
    environment.kms = vec![NamedKms {
        name: KMS_NAME.to_owned(),
        provider: Arc::new(kms.clone()),
    }];
    let vault = Vault::open(environment, house.settings.clone())
        .await
        .unwrap();
    // Two looks at its public half, and then it is told to.
    let mut refused = 0;
    for number in 1.. {
        kms.fail_at(number, Fault::Denied);
        let destroyed = vault.destroy_due(&caller()).await.unwrap();
        kms.heal();
        if destroyed == 1 {
            break;
        }
        refused += 1;
        let [entry] = &vault.kms_journal()[..] else {
            panic!("one entry");
        };
        if let Progress::Discarded(_) = entry.progress() {
            let kept = vault.keep_key(&caller(), KMS_NAME, &id).await;
            assert_eq!(code(kept), "EXTERNAL_KEY_DISCARDED");
            let registered = vault.register_key(&caller(), registration(&id)).await;
            assert_eq!(code(registered), "EXTERNAL_KEY_DISCARDED");
        }
        assert_eq!(state_in_kms(&house, &id), Some(KeyState::Enabled));
    }
    assert!(refused >= 3, "{refused}");
    assert_eq!(state_in_kms(&house, &id), Some(KeyState::PendingDeletion));
    assert_eq!(vault.kms_journal(), []);
}

#[tokio::test]
async fn the_operator_of_the_database_cannot_hasten_it() {
    let (house, vault, key, _id) = hasty_house().await;
    vault.delete_key(&caller(), &key).await.unwrap();
    vault.close().await.unwrap();
    for edit in ["due_at = due_at - 1", "step = 2, due_at = NULL"] {
        let copy = house.copy();
        let edited = format!("UPDATE kms_journal SET {edit}");
        assert_eq!(copy.database().execute(&edited, ()).unwrap(), 1);
        assert_eq!(copy.refusal().await, "ROW_NOT_AUTHENTIC", "{edit}");
    }
    assert!(due_of(&house.open().await).is_some());
}

/// After the backup it may have been kept, and registered again.
#[tokio::test]
async fn a_restored_vault_destroys_nothing_before_it_is_released_and_its_time_begins_anew() {
    let (house, vault, key, id) = hasty_house().await;
    vault.delete_key(&caller(), &key).await.unwrap();
    let backup = back_up(&house, &vault).await;
    vault.close().await.unwrap();
    house.clock.advance(DELAY + DAY);
    let elsewhere = house.neighbour();
    let vault = restore(&elsewhere, &backup, false).await.unwrap().vault;
    assert!(vault.has_due());
    assert_eq!(vault.destroy_due(&caller()).await.unwrap(), 0);
    vault.release(&caller()).await.unwrap();
    assert_eq!(vault.destroy_due(&caller()).await.unwrap(), 0);
    assert_eq!(state_in_kms(&house, &id), Some(KeyState::Enabled));
    house.clock.advance(DELAY);
    assert_eq!(vault.destroy_due(&caller()).await.unwrap(), 1);
    assert_eq!(state_in_kms(&house, &id), Some(KeyState::PendingDeletion));
}
