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
async fn what_would_not_be_shown_whole_cannot_be_approved() {
    let house = house_with(approvals());
    let vault = house.create().await;
    let longest = "ä".repeat(4 * 1024);
    asked(&vault, &alice(), &delete(&longest)).await;
    assert_eq!(only(&vault).summary, longest);
    let longer = delete(&format!("{longest}x"));
    let refused = vault.pass_approval(&alice(), &longer).await;
    assert_eq!(code(refused), "APPROVAL_TOO_LONG");
    assert_eq!(vault.approvals().len(), 1);
}

/// Names of so many keys.
fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:068}")).collect()
}

#[tokio::test]
async fn a_yes_for_these_is_none_for_others_that_the_same_request_comes_to_later() {
    let house = house_with(approvals());
    let vault = house.create().await;
    let three = names(3);
    let all = |these: &[String]| delete("all").about(these);
    let id = asked(&vault, &alice(), &all(&three)).await;
    let shown = format!("all about 3: {}", three.join(", "));
    assert_eq!(only(&vault).summary, shown);
    vault.approve(&bob(), id).await.unwrap();
    for other in [&names(4), &names(2), &Vec::new()] {
        assert_ne!(asked(&vault, &alice(), &all(other)).await, id);
    }
    assert_ne!(asked(&vault, &alice(), &delete("all")).await, id);
    // In any order they are the same.
    let turned: Vec<_> = three.into_iter().rev().collect();
    vault.pass_approval(&alice(), &all(&turned)).await.unwrap();
}

#[tokio::test]
async fn what_is_too_much_to_read_is_shown_as_its_number_and_a_sum_that_anybody_can_compute() {
    let house = house_with(approvals());
    let vault = house.create().await;
    let many = names(10_000);
    let all = |these: &[String]| delete("all").about(these);
    let id = asked(&vault, &alice(), &all(&many)).await;
    // As sha256sum says it of a line for each.
    let sum = "c5980e9de1e75cab0f002653a85856698a5975915bf949885cde4e4995e1f21b";
    let shown = format!("all about 10000: SHA-256 {sum}");
    assert_eq!(only(&vault).summary, shown);
    let fewer = asked(&vault, &alice(), &all(&many[1..])).await;
    assert_ne!(fewer, id);
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
