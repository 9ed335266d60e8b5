//! What a server is told to do is remembered, and a change of it on record; a second person may be needed for it.

#[path = "configuration/approved.rs"]
mod approved;
#[path = "configuration/crashes.rs"]
mod crashes;
#[path = "configuration/glass.rs"]
mod glass;
#[path = "configuration/heeded.rs"]
mod heeded;

use std::collections::BTreeSet;

use strongroom_store::Sealing;
use strongroom_vault::{
    Approval, ApprovalSettings, AuditEntry, AuditOperation, CHANGE_OF_CONFIGURATION, Caller,
    ConfigurationGuard, ConfigurationMark, ConfigurationProposal, Settings, Vault, VaultError,
};

use crate::{
    audit::records,
    backups::{back_up, restore},
    house::{House, caller, signing_key},
    rotating::{in_small_steps, rotate},
};

fn alice() -> Caller {
    Caller::new("alice")
}

fn bob() -> Caller {
    Caller::new("bob")
}

/// What a file says with these callers in it, by which nothing needs a second person.
fn unguarded(callers: &str) -> Settings {
    with(callers, ApprovalSettings::default())
}

/// The same where its change needs one, and the destruction of keys as well.
pub(crate) fn guarded(callers: &str) -> Settings {
    with(callers, approvals())
}

fn approvals() -> ApprovalSettings {
    let operations = [CHANGE_OF_CONFIGURATION, "keys.delete"];
    ApprovalSettings {
        operations: BTreeSet::from(operations.map(str::to_owned)),
        ..ApprovalSettings::default()
    }
}

/// The same file with another section of the audit log.
fn audited(settings: Settings, audit: &str) -> Settings {
    let [access, approvals, _audit] = mark(&settings).sections().map(|(_name, hash)| hash);
    let guard = mark(&settings).guard();
    let other = ConfigurationMark::of("", "", audit, guard).sections();
    Settings {
        configuration: Some(ConfigurationMark::of_hashes(
            [access, approvals, other[2].1],
            guard,
        )),
        ..settings
    }
}

fn with(callers: &str, approvals: ApprovalSettings) -> Settings {
    let guard = ConfigurationGuard::of(&approvals);
    let section = format!("{approvals:?}");
    Settings {
        configuration: Some(ConfigurationMark::of(callers, &section, "audit", guard)),
        approvals,
        ..Settings::default()
    }
}

pub(crate) fn mark(settings: &Settings) -> ConfigurationMark {
    settings.configuration.unwrap()
}

/// Opens the vault by another file.
async fn open(house: &House, settings: &Settings) -> Vault {
    let environment = house.environment(house.store().await.unwrap());
    Vault::open(environment, settings.clone()).await.unwrap()
}

/// A closed vault with which a server began by this file.
async fn served(settings: &Settings) -> House {
    let house = House::new().with_settings(settings.clone());
    let vault = house.create().await;
    assert!(vault.note_configuration(&caller()).await.unwrap());
    vault.close().await.unwrap();
    house
}

async fn propose(
    vault: &Vault,
    caller: Caller,
    after: &Settings,
    reason: Option<&str>,
) -> Result<ConfigurationProposal, VaultError> {
    vault
        .propose_configuration(&caller, &mark(after), reason)
        .await
}

/// Has `after` proposed by alice.
async fn proposed(vault: &Vault, after: &Settings) -> Approval {
    match propose(vault, alice(), after, None).await.unwrap() {
        ConfigurationProposal::Asked(asked) => *asked,
        other => panic!("{other:?}"),
    }
}

async fn changes(vault: &Vault) -> Vec<AuditEntry> {
    let mut records = records(vault).await.unwrap();
    records.retain(|it| it.operation == AuditOperation::ChangeConfiguration);
    records
}

#[tokio::test]
async fn a_configuration_that_was_changed_is_on_record_by_section_and_one_that_was_not_is_not() {
    let of = |access, approvals, audit| Settings {
        configuration: Some(ConfigurationMark::of(
            access,
            approvals,
            audit,
            ConfigurationGuard::Record,
        )),
        ..Settings::default()
    };
    let first = of("callers", "approvals", "audit");
    let house = served(&first).await;
    let vault = house.open().await;
    let generation = vault.standing().await.generation;
    assert!(!vault.note_configuration(&caller()).await.unwrap());
    assert_eq!(vault.standing().await.generation, generation);
    vault.close().await.unwrap();
    // What stands in one section does not pass for another's.
    for changed in [of("callers", "audit", "other"), first] {
        let vault = open(&house, &changed).await;
        assert!(vault.note_configuration(&caller()).await.unwrap());
        vault.close().await.unwrap();
    }

    let vault = house.open().await;
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
    let settings = Settings {
        rotation: in_small_steps(Sealing::DataKey).rotation,
        ..guarded("a")
    };
    let house = House::new().with_settings(settings.clone());
    let vault = house.create().await;
    signing_key(&vault).await;
    vault.note_configuration(&caller()).await.unwrap();
    rotate(&vault).await.unwrap();
    assert!(!vault.note_configuration(&caller()).await.unwrap());
    let backup = back_up(&house, &vault).await;
    vault.close().await.unwrap();
    std::fs::remove_dir_all(house.vault_folder()).unwrap();
    let vault = restore(&house, &backup, true).await.unwrap().vault;
    assert!(!vault.note_configuration(&caller()).await.unwrap());
    assert_eq!(changes(&vault).await.len(), 1);
    let remembered = vault.remembered_configuration().await.unwrap();
    assert_eq!(remembered.guard(), ConfigurationGuard::Person);
}

#[tokio::test]
async fn a_file_whose_change_needs_nobody_is_left_for_one_whose_change_needs_somebody() {
    let house = served(&unguarded("a")).await;
    let vault = house.open().await;
    let free = propose(&vault, alice(), &guarded("a"), None).await;
    assert_eq!(free.unwrap(), ConfigurationProposal::Free);
    vault.close().await.unwrap();
    let vault = open(&house, &guarded("a")).await;
    vault.note_configuration(&caller()).await.unwrap();
    let told = changes(&vault).await.pop().unwrap();
    assert_eq!(told.details["guard_before"], "record");
    assert_eq!(told.details["guard_after"], "second-person");
}
