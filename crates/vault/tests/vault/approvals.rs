//! A second person: what needs one waits, is let through once, and nobody forges the yes.

#[path = "approvals/adversary.rs"]
mod adversary;
#[path = "approvals/glass.rs"]
mod glass;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use strongroom_store::ApprovalId;
use strongroom_vault::{
    Approval, ApprovalError, ApprovalSettings, Ask, AuditOperation, Caller, Settings, Vault,
    VaultError, Verdict,
};

use crate::{
    audit::records,
    backups::{back_up, restore},
    house::{House, code},
    rotating::rotate,
};

fn alice() -> Caller {
    Caller::new("alice")
}

fn bob() -> Caller {
    Caller::new("bob")
}

fn approvals() -> ApprovalSettings {
    ApprovalSettings {
        operations: BTreeSet::from(["keys.delete".to_owned()]),
        ..ApprovalSettings::default()
    }
}

fn house_with(approvals: ApprovalSettings) -> House {
    House::new().with_settings(Settings {
        approvals,
        ..Settings::default()
    })
}

fn delete(what: &str) -> Ask {
    Ask::new("keys.delete", "test", what.as_bytes(), what)
}

/// Asks for it, which is refused, and answers what is to be approved.
async fn asked(vault: &Vault, caller: &Caller, ask: &Ask) -> ApprovalId {
    match vault.pass_approval(caller, ask).await {
        Err(VaultError::Approval(ApprovalError::Required { id, .. })) => id,
        other => panic!("{other:?}"),
    }
}

fn only(vault: &Vault) -> Approval {
    let [only] = vault.approvals().try_into().unwrap();
    only
}

async fn operations(vault: &Vault) -> Vec<AuditOperation> {
    let records = records(vault).await.unwrap().into_iter();
    records.map(|record| record.operation).skip(1).collect()
}

#[tokio::test]
async fn what_needs_nobody_is_let_through_and_not_remembered() {
    let house = house_with(approvals());
    let vault = house.create().await;
    let ask = Ask::new("keys.retire", "test", b"key", "key");
    vault.pass_approval(&alice(), &ask).await.unwrap();
    assert!(vault.approvals().is_empty());
    assert!(operations(&vault).await.is_empty());
}

#[tokio::test]
async fn what_is_asked_for_is_remembered_once_and_durable() {
    let house = house_with(approvals());
    let vault = house.create().await;
    let id = asked(&vault, &alice(), &delete("key")).await;
    assert_eq!(asked(&vault, &alice(), &delete("key")).await, id);
    vault.close().await.unwrap();
    let vault = house.open().await;
    let known = only(&vault);
    assert_eq!((known.id, known.verdict.clone()), (id, Verdict::Pending));
    assert_eq!(
        (known.operation.as_str(), known.summary.as_str()),
        ("keys.delete", "key")
    );
    assert_eq!(known.requester, "alice");
    assert_eq!(asked(&vault, &alice(), &delete("key")).await, id);
    assert_eq!(operations(&vault).await, [AuditOperation::RequestApproval]);
}

#[tokio::test]
async fn what_another_person_approved_is_let_through_exactly_once() {
    let house = house_with(approvals());
    let vault = house.create().await;
    let id = asked(&vault, &alice(), &delete("key")).await;
    let approved = vault.approve(&bob(), id).await.unwrap();
    assert!(matches!(approved.verdict, Verdict::Approved { by, .. } if by == "bob"));
    // A yes is as durable as the question.
    vault.close().await.unwrap();
    let vault = house.open().await;
    vault.pass_approval(&alice(), &delete("key")).await.unwrap();
    assert!(vault.approvals().is_empty());
    assert_ne!(asked(&vault, &alice(), &delete("key")).await, id);
    let expected = [
        AuditOperation::RequestApproval,
        AuditOperation::Approve,
        AuditOperation::UseApproval,
        AuditOperation::RequestApproval,
    ];
    assert_eq!(operations(&vault).await, expected);
    let used = &records(&vault).await.unwrap()[3];
    assert_eq!(
        (used.caller.as_str(), used.details["approved_by"].as_str()),
        ("alice", "bob")
    );
}

#[tokio::test]
async fn of_many_who_ask_at_once_one_is_let_through() {
    let house = house_with(approvals());
    let vault = Arc::new(house.create().await);
    let id = asked(&vault, &alice(), &delete("key")).await;
    vault.approve(&bob(), id).await.unwrap();
    let asking = (0..8).map(|_| {
        let vault = Arc::clone(&vault);
        tokio::spawn(async move { vault.pass_approval(&alice(), &delete("key")).await.is_ok() })
    });
    let asking: Vec<_> = asking.collect();
    let mut through = 0;
    for one in asking {
        through += usize::from(one.await.unwrap());
    }
    assert_eq!(through, 1);
}

#[tokio::test]
async fn a_yes_is_for_this_request_of_this_person_and_for_nothing_else() {
    let house = house_with(approvals());
    let vault = house.create().await;
    let id = asked(&vault, &alice(), &delete("key")).await;
    vault.approve(&bob(), id).await.unwrap();
    for (caller, ask) in [
        (alice(), delete("another key")),
        (bob(), delete("key")),
        (alice(), Ask::new("keys.delete", "elsewhere", b"key", "key")),
    ] {
        assert_ne!(asked(&vault, &caller, &ask).await, id);
    }
    vault.pass_approval(&alice(), &delete("key")).await.unwrap();
}

#[tokio::test]
async fn nobody_approves_what_he_asked_for_himself() {
    let house = house_with(approvals());
    let vault = house.create().await;
    let id = asked(&vault, &alice(), &delete("key")).await;
    assert_eq!(code(vault.approve(&alice(), id).await), "APPROVAL_OWN");
    assert_eq!(only(&vault).verdict, Verdict::Pending);
}

#[tokio::test]
async fn only_those_approve_whom_the_settings_name() {
    let house = house_with(ApprovalSettings {
        approvers: BTreeSet::from(["bob".to_owned(), "carol".to_owned()]),
        ..approvals()
    });
    let vault = house.create().await;
    let id = asked(&vault, &alice(), &delete("key")).await;
    let mallory = Caller::new("mallory");
    assert_eq!(code(vault.approve(&mallory, id).await), "NO_APPROVER");
    assert_eq!(code(vault.reject(&mallory, id).await), "NO_APPROVER");
    vault.approve(&bob(), id).await.unwrap();
}

#[tokio::test]
async fn what_was_rejected_is_not_done_even_if_it_was_approved_before() {
    let house = house_with(approvals());
    let vault = house.create().await;
    let id = asked(&vault, &alice(), &delete("key")).await;
    vault.approve(&bob(), id).await.unwrap();
    assert_eq!(code(vault.approve(&bob(), id).await), "APPROVAL_DECIDED");
    vault.reject(&bob(), id).await.unwrap();
    assert_eq!(code(vault.reject(&bob(), id).await), "APPROVAL_DECIDED");
    let again = vault.pass_approval(&alice(), &delete("key")).await;
    assert_eq!(code(again), "APPROVAL_REJECTED");
}

/// It is no no: who bars the way to what others may want as well asks for it and rejects it.
#[tokio::test]
async fn whoever_asked_takes_it_back_on_record_and_it_can_be_asked_for_again() {
    let house = house_with(approvals());
    let vault = house.create().await;
    let first = asked(&vault, &alice(), &delete("key")).await;
    let taken_back = vault.reject(&alice(), first).await.unwrap();
    assert!(matches!(taken_back.verdict, Verdict::Rejected { by, .. } if by == "alice"));
    assert!(vault.approvals().is_empty());
    let told = records(&vault).await.unwrap().pop().unwrap();
    assert_eq!(told.operation, AuditOperation::Reject);
    assert_eq!(told.details["requester"], told.caller);
    let again = asked(&vault, &alice(), &delete("key")).await;
    assert_ne!(again, first);
    vault.approve(&bob(), again).await.unwrap();
    // Also after the yes; and what another person rejected stays rejected.
    vault.reject(&alice(), again).await.unwrap();
    let third = asked(&vault, &alice(), &delete("key")).await;
    vault.reject(&bob(), third).await.unwrap();
    assert_eq!(
        code(vault.reject(&alice(), third).await),
        "APPROVAL_DECIDED"
    );
}

#[tokio::test]
async fn what_nobody_used_in_time_counts_for_nothing() {
    let house = house_with(approvals());
    let vault = house.create().await;
    let approved = asked(&vault, &alice(), &delete("one")).await;
    vault.approve(&bob(), approved).await.unwrap();
    let pending = asked(&vault, &alice(), &delete("two")).await;
    house.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(
        code(vault.approve(&bob(), pending).await),
        "APPROVAL_EXPIRED"
    );
    assert!(vault.approvals().iter().all(|it| vault.is_expired(it)));
    assert_ne!(asked(&vault, &alice(), &delete("one")).await, approved);
    // Those that had expired are gone.
    assert_eq!(vault.approvals().len(), 1);
}

#[tokio::test]
async fn who_asks_for_too_much_keeps_nobody_else_from_asking() {
    let house = house_with(approvals());
    let vault = house.create().await;
    for number in 0..100 {
        asked(&vault, &alice(), &delete(&number.to_string())).await;
    }
    let more = vault.pass_approval(&alice(), &delete("more")).await;
    assert_eq!(code(more), "TOO_MANY_APPROVALS");
    asked(&vault, &bob(), &delete("more")).await;
}

#[tokio::test]
async fn a_request_of_any_length_is_shown_as_far_as_there_is_room() {
    let house = house_with(approvals());
    let vault = house.create().await;
    let long = "ä".repeat(50_000);
    let id = asked(&vault, &alice(), &delete(&long)).await;
    let summary = only(&vault).summary;
    assert!(summary.ends_with("(cut; 100000 bytes in all)"), "{summary}");
    // What is not shown counts.
    let other = asked(&vault, &alice(), &delete(&format!("{long}x"))).await;
    assert_ne!(id, other);
}

#[tokio::test]
async fn what_is_asked_for_moves_to_a_new_data_key() {
    let house = house_with(approvals());
    let vault = house.create().await;
    let id = asked(&vault, &alice(), &delete("key")).await;
    vault.approve(&bob(), id).await.unwrap();
    rotate(&vault).await.unwrap();
    vault.close().await.unwrap();
    let vault = house.open().await;
    let pruned = vault.prune_data_keys(&bob(), &BTreeSet::new()).await;
    assert_eq!(pruned.unwrap().len(), 1);
    vault.pass_approval(&alice(), &delete("key")).await.unwrap();
}

#[tokio::test]
async fn a_restored_vault_remembers_no_yes() {
    let house = house_with(approvals());
    let vault = house.create().await;
    let id = asked(&vault, &alice(), &delete("key")).await;
    vault.approve(&bob(), id).await.unwrap();
    let backup = back_up(&house, &vault).await;
    vault.pass_approval(&alice(), &delete("key")).await.unwrap();
    vault.close().await.unwrap();
    let elsewhere = house.neighbour();
    let restored = restore(&elsewhere, &backup, true).await.unwrap().vault;
    assert!(restored.approvals().is_empty());
    restored.close().await.unwrap();
    let restored = elsewhere.open().await;
    assert_ne!(asked(&restored, &alice(), &delete("key")).await, id);
}
