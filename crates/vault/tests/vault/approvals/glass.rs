//! Going on without a second person, loudly.

use strongroom_vault::{ApprovalSettings, AuditOperation, Verdict};

use super::{alice, approvals, asked, bob, delete, house_with, only, operations};
use crate::{
    audit::records,
    backups::{back_up, restore},
    house::code,
};

fn breakable() -> ApprovalSettings {
    ApprovalSettings {
        break_glass: true,
        ..approvals()
    }
}

#[tokio::test]
async fn who_breaks_the_glass_says_why_and_everybody_hears_of_it() {
    let house = house_with(breakable());
    let vault = house.create().await;
    let reason = "the node is down and bob does not answer";
    vault
        .break_glass(&alice(), &delete("key"), reason)
        .await
        .unwrap();
    assert_eq!(operations(&vault).await, [AuditOperation::BreakGlass]);
    let told = records(&vault).await.unwrap().pop().unwrap();
    assert_eq!(told.caller, "alice");
    assert_eq!(told.details["reason"], reason);
    assert_eq!(told.details["summary"], "key");
    vault.close().await.unwrap();
    let vault = house.open().await;
    assert_eq!(vault.numbers_as_known().await.broken_glass, 1);
    let bypassed = only(&vault);
    assert_eq!(bypassed.verdict.name(), "bypassed");
    // It was for that once.
    let id = asked(&vault, &alice(), &delete("key")).await;
    assert_ne!(id, bypassed.id);
    assert_eq!(vault.numbers_as_known().await.pending_approvals, 1);
}

#[tokio::test]
async fn it_is_told_until_another_person_has_seen_it() {
    let house = house_with(breakable());
    let vault = house.create().await;
    let waiting = asked(&vault, &alice(), &delete("key")).await;
    vault
        .break_glass(&alice(), &delete("key"), "it burns")
        .await
        .unwrap();
    let bypassed = only(&vault);
    assert_eq!(bypassed.id, waiting);
    // It does not expire.
    house.clock.advance(std::time::Duration::from_secs(1 << 30));
    asked(&vault, &bob(), &delete("other")).await;
    assert!(!vault.is_expired(&bypassed));
    let own = vault.acknowledge_break_glass(&alice(), bypassed.id).await;
    assert_eq!(code(own), "APPROVAL_OWN");
    for decided in [
        vault.approve(&bob(), bypassed.id).await,
        vault.reject(&bob(), bypassed.id).await,
    ] {
        assert_eq!(code(decided), "APPROVAL_DECIDED");
    }
    let seen = vault.acknowledge_break_glass(&bob(), bypassed.id).await;
    assert!(matches!(seen.unwrap().verdict, Verdict::Bypassed { .. }));
    assert_eq!(vault.numbers_as_known().await.broken_glass, 0);
    let last = operations(&vault).await.pop();
    assert_eq!(last, Some(AuditOperation::AcknowledgeBreakGlass));
    let waiting = only(&vault).id;
    let other = vault.acknowledge_break_glass(&alice(), waiting).await;
    assert_eq!(code(other), "NOT_BYPASSED");
}

#[tokio::test]
async fn the_glass_holds_where_the_settings_say_so_and_without_a_reason() {
    let house = house_with(approvals());
    let vault = house.create().await;
    let refused = vault.break_glass(&alice(), &delete("key"), "why").await;
    assert_eq!(code(refused), "BREAK_GLASS_OFF");
    let house = house_with(breakable());
    let vault = house.create().await;
    for reason in ["", "  \n", &"x".repeat(1001)] {
        let refused = vault.break_glass(&alice(), &delete("key"), reason).await;
        assert_eq!(code(refused), "BREAK_GLASS_REASON");
    }
    assert!(vault.approvals().is_empty() && operations(&vault).await.is_empty());
}

/// Whoever broke it would sweep that away himself otherwise.
#[tokio::test]
async fn a_broken_glass_stays_to_be_seen_after_a_restoring_and_an_acceptance() {
    let house = house_with(breakable());
    let vault = house.create().await;
    vault
        .break_glass(&alice(), &delete("key"), "it burns")
        .await
        .unwrap();
    let approved = asked(&vault, &alice(), &delete("other")).await;
    vault.approve(&bob(), approved).await.unwrap();
    let backup = back_up(&house, &vault).await;
    vault.close().await.unwrap();

    let elsewhere = house.neighbour();
    let restored = restore(&elsewhere, &backup, true).await.unwrap().vault;
    assert!(only(&restored).is_bypassed());
    restored.close().await.unwrap();
    assert!(only(&elsewhere.open().await).is_bypassed());

    // Where an anchor is there, and says the same, no yes was used meanwhile.
    let accepted = house.accept().await.unwrap();
    assert_eq!(accepted.approvals().len(), 2);
    accepted.close().await.unwrap();
    let old = house.copy();
    // Nothing says that the database is not an older one, in which a yes is left that was used.
    std::fs::remove_file(house.anchor_path()).unwrap();
    let accepted = house.accept().await.unwrap();
    assert!(only(&accepted).is_bypassed());
    accepted.close().await.unwrap();
    house.put_back(&old);
    std::fs::remove_file(house.anchor_path()).unwrap();
    let accepted = house.accept().await.unwrap();
    assert!(only(&accepted).is_bypassed());
    let approved = asked(&accepted, &alice(), &delete("other")).await;
    accepted.approve(&bob(), approved).await.unwrap();
    accepted.close().await.unwrap();
    let old = house.copy();
    let vault = house.open().await;
    vault
        .pass_approval(&alice(), &delete("other"))
        .await
        .unwrap();
    vault.close().await.unwrap();
    house.put_back(&old);
    assert_eq!(house.refusal().await, "ROLLED_BACK");
    let accepted = house.accept().await.unwrap();
    assert!(only(&accepted).is_bypassed());
    accepted.close().await.unwrap();
    assert!(only(&house.open().await).is_bypassed());
}

/// Who asks for much would leave nobody a way out.
#[tokio::test]
async fn a_full_list_keeps_nobody_from_going_on_alone() {
    let house = house_with(breakable());
    let vault = house.create().await;
    for number in 0..100 {
        asked(&vault, &alice(), &delete(&number.to_string())).await;
    }
    let more = vault.pass_approval(&alice(), &delete("more")).await;
    assert_eq!(code(more), "TOO_MANY_APPROVALS");
    for number in 100..202 {
        let ask = delete(&number.to_string());
        vault.break_glass(&alice(), &ask, "it burns").await.unwrap();
    }
    // What was done alone takes nobody's room, and neither does what was rejected.
    for number in 0..100 {
        asked(&vault, &bob(), &delete(&number.to_string())).await;
    }
    assert_eq!(
        code(vault.pass_approval(&bob(), &delete("more")).await),
        "TOO_MANY_APPROVALS"
    );
    let all = vault.approvals();
    let waiting = all.iter().find(|it| it.requester == "bob").unwrap();
    vault.reject(&alice(), waiting.id).await.unwrap();
    asked(&vault, &bob(), &delete("more")).await;
}
