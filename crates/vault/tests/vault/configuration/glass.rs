//! A change without a second person, loudly.

use std::time::Duration;

use strongroom_vault::{
    ApprovalSettings, AuditOperation, ConfigurationProposal, Settings, Vault, Verdict,
};

use super::{alice, approvals, bob, guarded, open, propose, served, with};
use crate::{
    audit::records,
    house::{House, caller, code},
};

fn breakable(callers: &str) -> Settings {
    let approvals = ApprovalSettings {
        break_glass: true,
        ..approvals()
    };
    with(callers, approvals)
}

async fn alone(vault: &Vault, after: &Settings, reason: &str) -> ConfigurationProposal {
    let proposed = propose(vault, alice(), after, Some(reason)).await;
    proposed.unwrap()
}

async fn begin(house: &House, settings: &Settings) {
    let vault = open(house, settings).await;
    assert!(vault.note_configuration(&caller()).await.unwrap());
    vault.close().await.unwrap();
}

async fn refused(house: &House, settings: &Settings) {
    let vault = open(house, settings).await;
    let noted = vault.note_configuration(&caller()).await;
    assert_eq!(code(noted), "CONFIGURATION_NOT_APPROVED");
    vault.close().await.unwrap();
}

#[tokio::test]
async fn who_goes_on_alone_says_why_and_it_is_told_until_another_person_has_seen_it() {
    let house = served(&breakable("a")).await;
    let vault = house.open().await;
    let ConfigurationProposal::Asked(through) = alone(&vault, &guarded("b"), "bob is gone").await
    else {
        panic!("it is asked for");
    };
    assert!(matches!(&through.verdict, Verdict::Approved { by, .. } if by == "alice"));
    let told = records(&vault).await.unwrap().pop().unwrap();
    assert_eq!(told.operation, AuditOperation::BreakGlass);
    assert_eq!(told.details["reason"], "bob is gone");
    assert_eq!(told.details["operation"], "configuration.change");
    assert_eq!(vault.numbers_as_known().await.broken_glass, 1);
    vault.close().await.unwrap();
    begin(&house, &guarded("b")).await;

    // It was for that once, and is to be seen until somebody acknowledges it.
    let vault = open(&house, &guarded("b")).await;
    let [bypassed] = vault.approvals().try_into().unwrap();
    assert!(bypassed.is_bypassed());
    assert_ne!(bypassed.id, through.id);
    assert_eq!(
        code(vault.acknowledge_break_glass(&alice(), bypassed.id).await),
        "APPROVAL_OWN"
    );
    vault
        .acknowledge_break_glass(&bob(), bypassed.id)
        .await
        .unwrap();
    assert!(vault.approvals().is_empty());
    vault.close().await.unwrap();
    refused(&house, &breakable("a")).await;
}

#[tokio::test]
async fn what_was_asked_for_before_is_done_alone_in_its_place_and_can_be_taken_back() {
    let house = served(&breakable("a")).await;
    let vault = house.open().await;
    let waiting = super::proposed(&vault, &guarded("b")).await;
    alone(&vault, &guarded("b"), "nobody answers").await;
    let all = vault.approvals();
    let through = all.iter().find(|it| it.id == waiting.id).unwrap();
    assert_eq!((all.len(), through.verdict.name()), (2, "approved"));
    vault.reject(&bob(), through.id).await.unwrap();
    vault.close().await.unwrap();
    refused(&house, &guarded("b")).await;
}

#[tokio::test]
async fn nobody_goes_on_alone_where_the_remembered_file_does_not_let_him() {
    let house = served(&guarded("a")).await;
    // That the new file would, counts for nothing.
    for opened_by in [guarded("a"), breakable("a")] {
        let vault = open(&house, &opened_by).await;
        let alone = propose(&vault, alice(), &breakable("a"), Some("why")).await;
        assert_eq!(code(alone), "BREAK_GLASS_OFF");
        vault.close().await.unwrap();
    }
    let house = served(&breakable("a")).await;
    let vault = house.open().await;
    let without = propose(&vault, alice(), &guarded("a"), Some(" ")).await;
    assert_eq!(code(without), "BREAK_GLASS_REASON");
    assert!(vault.approvals().is_empty());
}

/// Nobody has the rules any more, so there is nobody left whose yes could count.
#[tokio::test]
async fn where_the_remembered_file_is_lost_it_is_left_for_another_one_alone() {
    let house = served(&breakable("a")).await;
    let vault = open(&house, &guarded("b")).await;
    let asked = propose(&vault, alice(), &guarded("b"), None).await;
    assert_eq!(code(asked), "CONFIGURATION_NOT_APPROVED");
    alone(&vault, &guarded("b"), "the file is lost").await;
    vault.close().await.unwrap();
    begin(&house, &guarded("b")).await;
}

#[tokio::test]
async fn what_is_done_alone_expires_as_well_and_is_still_to_be_acknowledged() {
    let house = served(&breakable("a")).await;
    let vault = house.open().await;
    alone(&vault, &guarded("b"), "why").await;
    vault.close().await.unwrap();
    house.clock.advance(Duration::from_secs(24 * 3600));
    refused(&house, &guarded("b")).await;
    let vault = house.open().await;
    assert_eq!(vault.numbers_as_known().await.broken_glass, 1);
}
