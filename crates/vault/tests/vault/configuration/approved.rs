//! A change that another person approved is let through, once.

use std::time::Duration;

use strongroom_vault::{
    ApprovalError, Ask, AuditOperation, ConfigurationProposal, Settings, Vault, VaultError, Verdict,
};

use super::{
    alice, audited, bob, changes, guarded, mark, open, propose, proposed, served, unguarded, with,
};
use crate::{
    audit::records,
    backups::{back_up, restore},
    house::{House, caller, code},
};

async fn noted(house: &House, settings: &Settings) -> Result<bool, VaultError> {
    let vault = open(house, settings).await;
    let noted = vault.note_configuration(&caller()).await;
    vault.close().await.unwrap();
    noted
}

async fn refused(house: &House, settings: &Settings) {
    let noted = noted(house, settings).await;
    assert_eq!(code(noted), "CONFIGURATION_NOT_APPROVED");
}

/// Alice proposes it, and bob approves it.
async fn approved(vault: &Vault, after: &Settings) {
    let asked = proposed(vault, after).await;
    vault.approve(&bob(), asked.id).await.unwrap();
}

#[tokio::test]
async fn no_server_begins_with_what_nobody_approved_and_the_old_file_is_good_as_before() {
    let house = served(&guarded("a")).await;
    let generation = house.open().await.standing().await.generation;
    let asks_for_less = with("a", strongroom_vault::ApprovalSettings::default());
    let with_glass = strongroom_vault::ApprovalSettings {
        break_glass: true,
        ..super::approvals()
    };
    for other in [
        guarded("b"),
        unguarded("a"),
        asks_for_less,
        with("a", with_glass),
        Settings {
            configuration: None,
            ..guarded("a")
        },
    ] {
        refused(&house, &other).await;
    }
    assert!(!noted(&house, &guarded("a")).await.unwrap());
    let vault = house.open().await;
    assert_eq!(vault.standing().await.generation, generation);
    let other = open(&house.copy(), &guarded("b")).await;
    let told = other.note_configuration(&caller()).await.unwrap_err();
    let expected = ApprovalError::Configuration {
        differs: "access".to_owned(),
    };
    assert!(matches!(told, VaultError::Approval(told) if told == expected));
}

#[tokio::test]
async fn what_another_person_approved_is_let_through_once_and_is_on_record() {
    let house = served(&guarded("a")).await;
    let (before, after) = (guarded("a"), guarded("b"));
    let vault = house.open().await;
    let asked = proposed(&vault, &after).await;
    assert_eq!(asked.verdict, Verdict::Pending);
    assert_eq!(asked.operation, "configuration.change");
    let hex = |settings: &Settings| data_encoding::HEXLOWER.encode(&mark(settings).hash());
    assert!(asked.summary.contains("changed in access:"), "{asked:?}");
    assert!(asked.summary.contains(&hex(&before)) && asked.summary.contains(&hex(&after)));
    // Asked for again, by whomever, it is the same.
    let again = propose(&vault, bob(), &after, None).await;
    assert_eq!(
        again.unwrap(),
        ConfigurationProposal::Asked(Box::new(asked.clone()))
    );
    assert_eq!(
        code(vault.approve(&alice(), asked.id).await),
        "APPROVAL_OWN"
    );
    let early = open(&house.copy(), &after).await;
    assert_eq!(
        code(early.note_configuration(&caller()).await),
        "CONFIGURATION_NOT_APPROVED"
    );
    vault.approve(&bob(), asked.id).await.unwrap();
    vault.close().await.unwrap();
    // A server may still begin with the old one.
    assert!(!noted(&house, &before).await.unwrap());
    assert!(noted(&house, &after).await.unwrap());
    refused(&house, &before).await;
    assert!(!noted(&house, &after).await.unwrap());

    let vault = open(&house, &after).await;
    assert!(vault.approvals().is_empty());
    let told = records(&vault).await.unwrap();
    let told = told.iter().rev().take(4).rev();
    let told: Vec<_> = told.map(|it| (it.operation, it.caller.as_str())).collect();
    let expected = [
        (AuditOperation::RequestApproval, "alice"),
        (AuditOperation::Approve, "bob"),
        (AuditOperation::UseApproval, caller().name()),
        (AuditOperation::ChangeConfiguration, caller().name()),
    ]
    .map(|(operation, name)| (operation, name.to_owned()));
    assert!(
        told.iter()
            .map(|(operation, name)| (*operation, (*name).to_owned()))
            .eq(expected)
    );
    assert_eq!(changes(&vault).await[1].details["sections"], "access");
    // Back is a change as well, and there and back does not revive what was used.
    approved(&vault, &before).await;
    vault.close().await.unwrap();
    assert!(noted(&house, &before).await.unwrap());
    refused(&house, &after).await;
}

#[tokio::test]
async fn a_yes_is_for_exactly_that_configuration_and_for_the_way_from_this_one() {
    let house = served(&guarded("a")).await;
    let vault = house.open().await;
    approved(&vault, &guarded("b")).await;
    approved(&vault, &guarded("c")).await;
    vault.close().await.unwrap();
    refused(&house, &guarded("d")).await;
    refused(&house, &unguarded("b")).await;
    assert!(noted(&house, &guarded("b")).await.unwrap());
    // That one led from the first one.
    refused(&house, &guarded("c")).await;
}

/// Who proposes tells what a later change would take; if that is not so, it is another configuration.
#[tokio::test]
async fn whoever_lies_about_the_guard_gets_a_yes_to_something_that_no_file_is() {
    use strongroom_vault::{ConfigurationGuard, ConfigurationMark};
    let house = served(&guarded("a")).await;
    let vault = house.open().await;
    let free = unguarded("a");
    let hashes = mark(&free).sections().map(|(_section, hash)| hash);
    let lie = ConfigurationMark::of_hashes(hashes, ConfigurationGuard::Person);
    let asked = vault.propose_configuration(&alice(), &lie, None).await;
    let Ok(ConfigurationProposal::Asked(asked)) = asked else {
        panic!("{asked:?}");
    };
    assert!(!asked.summary.contains("no later change"), "{asked:?}");
    vault.approve(&bob(), asked.id).await.unwrap();
    let honest = proposed(&vault, &free).await;
    assert!(
        honest
            .summary
            .contains("no later change needs a second person")
    );
    vault.close().await.unwrap();
    refused(&house, &free).await;
}

#[tokio::test]
async fn a_yes_that_nobody_used_in_time_counts_for_nothing() {
    let house = served(&guarded("a")).await;
    let vault = house.open().await;
    approved(&vault, &guarded("b")).await;
    vault.close().await.unwrap();
    house.clock.advance(Duration::from_secs(24 * 3600));
    refused(&house, &guarded("b")).await;
    let vault = house.open().await;
    let anew = proposed(&vault, &guarded("b")).await;
    assert_eq!(anew.verdict, Verdict::Pending);
}

#[tokio::test]
async fn what_was_rejected_is_not_let_through() {
    let house = served(&guarded("a")).await;
    let vault = house.open().await;
    let asked = proposed(&vault, &guarded("b")).await;
    vault.approve(&bob(), asked.id).await.unwrap();
    vault.reject(&bob(), asked.id).await.unwrap();
    let again = propose(&vault, alice(), &guarded("b"), None).await;
    assert_eq!(code(again), "APPROVAL_REJECTED");
    vault.close().await.unwrap();
    refused(&house, &guarded("b")).await;
}

#[tokio::test]
async fn what_the_vault_remembers_needs_no_proposal() {
    let house = served(&guarded("a")).await;
    let vault = house.open().await;
    let same = propose(&vault, alice(), &guarded("a"), None).await;
    assert_eq!(same.unwrap(), ConfigurationProposal::Unchanged);
    assert!(vault.approvals().is_empty());
}

#[tokio::test]
async fn a_restored_vault_remembers_that_a_change_needs_somebody_and_no_yes() {
    let house = served(&guarded("a")).await;
    let vault = house.open().await;
    approved(&vault, &guarded("b")).await;
    let backup = back_up(&house, &vault).await;
    vault.close().await.unwrap();
    assert!(noted(&house, &guarded("b")).await.unwrap());
    let elsewhere = house.neighbour();
    let restored = restore(&elsewhere, &backup, true).await.unwrap().vault;
    restored.close().await.unwrap();
    refused(&elsewhere, &guarded("b")).await;
    assert!(!noted(&elsewhere, &guarded("a")).await.unwrap());
}

#[tokio::test]
async fn a_state_that_is_taken_for_the_right_one_remembers_its_configuration_and_no_yes() {
    let house = served(&guarded("a")).await;
    let vault = house.open().await;
    approved(&vault, &guarded("b")).await;
    vault.close().await.unwrap();
    let old = house.copy();
    assert!(noted(&house, &guarded("b")).await.unwrap());
    house.put_back(&old);
    assert_eq!(house.refusal().await, "ROLLED_BACK");
    house.accept().await.unwrap().close().await.unwrap();
    refused(&house, &guarded("b")).await;
    assert!(!noted(&house, &guarded("a")).await.unwrap());
}

#[tokio::test]
async fn whoever_proposes_a_file_and_takes_that_back_keeps_nobody_else_from_proposing_it() {
    let house = served(&guarded("a")).await;
    let vault = house.open().await;
    let asked = proposed(&vault, &guarded("b")).await;
    vault.reject(&alice(), asked.id).await.unwrap();
    let again = propose(&vault, bob(), &guarded("b"), None).await.unwrap();
    let ConfigurationProposal::Asked(again) = again else {
        panic!("{again:?}");
    };
    vault.approve(&alice(), again.id).await.unwrap();
}

/// Whoever said yes may be let in no more, and whoever asked neither.
#[tokio::test]
async fn what_was_asked_for_and_approved_under_other_rules_counts_for_nothing() {
    let delete = |what: &str| Ask::new("keys.delete", "test", what.as_bytes(), what);
    let house = served(&guarded("a")).await;
    let vault = house.open().await;
    for what in ["approved", "waiting", "rejected"] {
        let asked = vault.pass_approval(&alice(), &delete(what)).await;
        assert_eq!(code(asked), "APPROVAL_REQUIRED");
    }
    let id = |what: &str| {
        let all = vault.approvals();
        all.iter().find(|it| it.summary == what).unwrap().id
    };
    vault.approve(&bob(), id("approved")).await.unwrap();
    vault.reject(&bob(), id("rejected")).await.unwrap();
    approved(&vault, &guarded("b")).await;
    vault.close().await.unwrap();
    assert!(noted(&house, &guarded("b")).await.unwrap());
    let vault = open(&house, &guarded("b")).await;
    let left: Vec<_> = vault.approvals().into_iter().map(|it| it.summary).collect();
    assert_eq!(left, ["rejected"]);
    let told = changes(&vault).await.pop().unwrap();
    assert_eq!(told.details["approvals_struck"], "2");
    let again = vault.pass_approval(&alice(), &delete("approved")).await;
    assert_eq!(code(again), "APPROVAL_REQUIRED");
}

/// Among replicas whose files differ it would be struck each time that another one writes.
#[tokio::test]
async fn what_was_approved_counts_under_other_rules_as_long_as_nothing_guards_them() {
    let delete = Ask::new("keys.delete", "test", b"key", "key");
    let loose = |callers| {
        let operations = ["keys.delete".to_owned()].into();
        let approvals = strongroom_vault::ApprovalSettings {
            operations,
            ..strongroom_vault::ApprovalSettings::default()
        };
        with(callers, approvals)
    };
    let house = served(&loose("a")).await;
    let vault = house.open().await;
    let asked = vault.pass_approval(&alice(), &delete).await;
    assert_eq!(code(asked), "APPROVAL_REQUIRED");
    let id = vault.approvals()[0].id;
    vault.approve(&bob(), id).await.unwrap();
    vault.close().await.unwrap();

    for (after, is_struck) in [(loose("b"), false), (guarded("b"), true)] {
        let house = house.copy();
        assert!(noted(&house, &after).await.unwrap());
        let vault = open(&house, &after).await;
        let told = changes(&vault).await.pop().unwrap();
        assert!(told.details["sections"].contains("access"));
        assert_eq!(told.details.contains_key("approvals_struck"), is_struck);
        let passed = vault.pass_approval(&alice(), &delete).await;
        assert_eq!(passed.is_err(), is_struck, "{passed:?}");
    }
}

/// How the audit log is kept is no rule of who may do what.
#[tokio::test]
async fn what_was_approved_counts_when_only_the_audit_log_is_kept_otherwise() {
    let delete = Ask::new("keys.delete", "test", b"key", "key");
    let house = served(&guarded("a")).await;
    let vault = house.open().await;
    let asked = vault.pass_approval(&alice(), &delete).await;
    assert_eq!(code(asked), "APPROVAL_REQUIRED");
    let id = vault.approvals()[0].id;
    vault.approve(&bob(), id).await.unwrap();
    let after = audited(guarded("a"), "other");
    approved(&vault, &after).await;
    vault.close().await.unwrap();
    assert!(noted(&house, &after).await.unwrap());
    let vault = open(&house, &after).await;
    vault.pass_approval(&alice(), &delete).await.unwrap();
}
