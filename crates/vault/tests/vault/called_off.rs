//! Long work that somebody calls off stops where what it did is durable.

use strongroom_crypto::Fingerprint;
use strongroom_store::{Custody, Sealing};
use strongroom_vault::{Place, Recall, ServerAct, Vault};

use crate::{
    audit::records,
    backups::{file_of, new_backup, try_back_up},
    house::{House, caller, check_signs, code, settings, signing_key},
};

const IN_KMS: Place = Place::External { kms: None };

async fn with_keys() -> (House, Vault, Vec<Fingerprint>) {
    let house = House::new().with_settings(settings(Custody::Envelope, Sealing::DataKey));
    let vault = house.create().await;
    let mut keys = Vec::new();
    for _ in 0..4 {
        keys.push(signing_key(&vault).await);
    }
    (house, vault, keys)
}

fn in_kms(vault: &Vault, keys: &[Fingerprint]) -> usize {
    let held = |key: &&Fingerprint| {
        let entry = vault.key(key).unwrap();
        entry.private.as_ref().unwrap().custody == Custody::External
    };
    keys.iter().filter(held).count()
}

#[tokio::test]
async fn a_migration_stops_between_two_keys_and_the_same_call_goes_on() {
    let (_house, vault, keys) = with_keys().await;
    let (recall, caller) = (Recall::default(), caller());
    let mut told = 0;
    let hears = |_key: &Fingerprint, _moved| {
        told += 1;
        if told == 2 {
            recall.call_off();
        }
    };
    let migrating = vault.migrate_keys(&caller, &keys, &IN_KMS, hears);
    assert_eq!(code(recall.governs(migrating).await), "CALLED_OFF");
    assert_eq!((told, in_kms(&vault, &keys)), (2, 2));
    for key in &keys {
        check_signs(&vault, key).await;
    }
    let again = vault.migrate_keys(&caller, &keys, &IN_KMS, |_key, _moved| {});
    again.await.unwrap();
    assert_eq!(in_kms(&vault, &keys), 4);

    let recall = Recall::default();
    let mut dropped = 0;
    let hears = |_key: &Fingerprint| {
        dropped += 1;
        recall.call_off();
    };
    let dropping = vault.drop_copies(&caller, &keys, hears);
    assert_eq!(code(recall.governs(dropping).await), "CALLED_OFF");
    assert_eq!((dropped, vault.copied_keys().len()), (1, 3));
    let left = vault.copied_keys();
    vault.drop_copies(&caller, &left, |_key| {}).await.unwrap();
    assert_eq!(vault.copied_keys(), []);
    for key in &keys {
        check_signs(&vault, key).await;
    }
}

#[tokio::test]
async fn a_backup_that_is_called_off_leaves_no_file_and_is_not_remembered() {
    let (house, vault, _keys) = with_keys().await;
    let (recall, caller) = (Recall::default(), caller());
    let file = file_of(&house);
    let new = new_backup(&file);
    let making = vault.create_backup(&caller, new, |_rows| recall.call_off());
    assert_eq!(code(recall.governs(making).await), "CALLED_OFF");
    assert!(!file.exists());
    assert_eq!(vault.backups(), []);
    try_back_up(&house, &vault).await.unwrap();
}

#[tokio::test]
async fn an_export_of_the_audit_log_stops_between_two_parts() {
    let (_house, vault, _keys) = with_keys().await;
    let recall = Recall::default();
    let mut export = vault.export_audit(&caller()).await.unwrap();
    let first = recall.governs(export.next()).await;
    assert!(first.unwrap().is_some());
    recall.call_off();
    assert_eq!(code(recall.governs(export.next()).await), "CALLED_OFF");
    recall.called_off().await;
}

#[tokio::test]
async fn what_nobody_can_call_off_goes_on() {
    let (_house, vault, keys) = with_keys().await;
    let other = Recall::default();
    other.call_off();
    let caller = caller();
    let migrating = vault.migrate_keys(&caller, &keys, &IN_KMS, |_key, _moved| {});
    migrating.await.unwrap();
    assert_eq!(in_kms(&vault, &keys), 4);
}

#[tokio::test]
async fn what_a_server_does_or_refuses_is_on_record_and_verifies() {
    let (house, vault, keys) = with_keys().await;
    let acts = [
        ServerAct::CancelOperation {
            id: "17".to_owned(),
            operation: "wrapper-keys.rotate".to_owned(),
            begun_by: "alice".to_owned(),
        },
        ServerAct::SetLogLevel {
            level: "debug".to_owned(),
        },
        ServerAct::Refuse {
            operation: "keys.delete".to_owned(),
            key: Some(keys[0]),
            code: "PERMISSION_DENIED".to_owned(),
            passed_over: 3,
        },
    ];
    for act in acts {
        vault.record(&caller(), act).await.unwrap();
    }
    vault.close().await.unwrap();
    let vault = house.open().await;
    let records = records(&vault).await.unwrap();
    let [cancelled, level, refused] = &records[records.len() - 3..] else {
        panic!("{records:?}");
    };
    assert_eq!(cancelled.operation.name(), "cancel_operation");
    assert_eq!(cancelled.details["begun_by"], "alice");
    assert_eq!(level.details["level"], "debug");
    assert_eq!(level.outcome.name(), "done");
    assert_eq!(refused.outcome.name(), "refused");
    assert_eq!(refused.key, Some(keys[0].to_string()));
    assert_eq!(refused.details["passed_over"], "3");
}
