//! What a server is told to do is remembered, and a change of it on record.

use strongroom_store::Sealing;
use strongroom_vault::{AuditEntry, AuditOperation, ConfigurationMark, Vault};

use crate::{
    audit::records,
    backups::{back_up, restore},
    house::{House, caller, signing_key},
    rotating::{in_small_steps, rotate},
};

async fn changes(vault: &Vault) -> Vec<AuditEntry> {
    let mut records = records(vault).await.unwrap();
    records.retain(|it| it.operation == AuditOperation::ChangeConfiguration);
    records
}

#[tokio::test]
async fn a_configuration_that_was_changed_is_on_record_by_section_and_one_that_was_not_is_not() {
    let house = House::new();
    let vault = house.create().await;
    let first = ConfigurationMark::of("callers", "approvals", "audit");
    assert!(vault.note_configuration(&caller(), &first).await.unwrap());
    assert!(!vault.note_configuration(&caller(), &first).await.unwrap());
    vault.close().await.unwrap();
    let vault = house.open().await;
    let generation = vault.standing().await.generation;
    assert!(!vault.note_configuration(&caller(), &first).await.unwrap());
    assert_eq!(vault.standing().await.generation, generation);
    // What stands in one section does not pass for another's.
    let second = ConfigurationMark::of("callers", "audit", "other");
    assert!(vault.note_configuration(&caller(), &second).await.unwrap());
    assert!(vault.note_configuration(&caller(), &first).await.unwrap());

    let [began, there, back] = &changes(&vault).await[..] else {
        panic!("three changes");
    };
    assert_eq!(began.details["sections"], "access, approvals, audit");
    assert!(!began.details.contains_key("access_before"));
    assert_eq!(there.details["sections"], "approvals, audit");
    assert_eq!(there.details["audit_before"], began.details["audit_after"]);
    assert!(!there.details.contains_key("access_after"));
    assert_eq!(back.details["audit_before"], there.details["audit_after"]);
    assert_eq!(back.details["audit_after"], began.details["audit_after"]);
    assert_ne!(
        there.details["approvals_after"],
        began.details["audit_after"]
    );
}

/// Whoever could have it forgotten could change it unseen.
#[tokio::test]
async fn it_is_remembered_across_a_rotation_a_backup_and_a_restoring() {
    let house = House::new().with_settings(in_small_steps(Sealing::DataKey));
    let vault = house.create().await;
    signing_key(&vault).await;
    let mark = ConfigurationMark::of("a", "b", "c");
    vault.note_configuration(&caller(), &mark).await.unwrap();
    rotate(&vault).await.unwrap();
    assert!(!vault.note_configuration(&caller(), &mark).await.unwrap());
    let backup = back_up(&house, &vault).await;
    vault.close().await.unwrap();
    std::fs::remove_dir_all(house.vault_folder()).unwrap();
    let vault = restore(&house, &backup, true).await.unwrap().vault;
    assert!(!vault.note_configuration(&caller(), &mark).await.unwrap());
    assert_eq!(changes(&vault).await.len(), 1);
}
