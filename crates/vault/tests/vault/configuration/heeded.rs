//! A file that nobody approved decides about nothing that may need a second person, and keeps nobody from using keys.

use strongroom_crypto::Fingerprint;
use strongroom_store::{ApprovalId, Custody};
use strongroom_vault::{
    ApprovalSettings, Ask, AuditEntry, AuditOperation, AuditSettings, CustodyDefaults,
    FindingLimits, Settings, Severity, UseRecords, Vault,
};

use super::{alice, audited, bob, guarded, open, served, unguarded, with};
use crate::{
    audit::records,
    house::{House, caller, check_signs, code, sign, signing_key},
};

fn delete() -> Ask {
    Ask::new("keys.delete", "test", b"key", "key")
}

/// A vault of a guarded file in which alice asked for the destruction of a key, and somebody broke the glass before.
async fn asked() -> (House, ApprovalId) {
    let house = served(&guarded("a")).await;
    let vault = house.open().await;
    let required = vault.pass_approval(&alice(), &delete()).await;
    assert_eq!(code(required), "APPROVAL_REQUIRED");
    let id = vault.approvals()[0].id;
    vault.close().await.unwrap();
    (house, id)
}

#[tokio::test]
async fn whoever_takes_the_approvals_out_of_the_file_deletes_nothing_by_that() {
    let (house, id) = asked().await;
    let one_person = ApprovalSettings {
        operations: ["keys.export".to_owned()].into(),
        break_glass: true,
        ..ApprovalSettings::default()
    };
    for other in [
        unguarded("a"),
        with("a", one_person),
        // What has no file, such as a program of one's own.
        Settings::default(),
    ] {
        let vault = open(&house, &other).await;
        let refused = "CONFIGURATION_NOT_APPROVED";
        let export = Ask::new("keys.export", "test", b"key", "key");
        for ask in [delete(), export] {
            assert_eq!(code(vault.pass_approval(&alice(), &ask).await), refused);
            let glass = vault.break_glass(&alice(), &ask, "it burns").await;
            assert_eq!(code(glass), refused);
        }
        assert_eq!(code(vault.approve(&bob(), id).await), refused);
        assert_eq!(code(vault.reject(&bob(), id).await), refused);
        let seen = vault.acknowledge_break_glass(&bob(), id).await;
        assert_eq!(code(seen), refused);
        // Keys are used as before.
        let key = signing_key(&vault).await;
        check_signs(&vault, &key).await;
        vault.close().await.unwrap();
    }
    let vault = house.open().await;
    vault.approve(&bob(), id).await.unwrap();
    vault.pass_approval(&alice(), &delete()).await.unwrap();
}

/// Two persons agreed to it, so its rules count from then on, whether or not a server has begun with it.
#[tokio::test]
async fn a_file_that_another_person_approved_counts_before_a_server_begins_with_it() {
    let (house, _id) = asked().await;
    let vault = house.open().await;
    let change = super::proposed(&vault, &unguarded("b")).await;
    vault.approve(&bob(), change.id).await.unwrap();
    vault.close().await.unwrap();
    let vault = open(&house, &unguarded("b")).await;
    vault.pass_approval(&alice(), &delete()).await.unwrap();
}

#[tokio::test]
async fn keys_do_not_become_readable_by_a_file_that_nobody_approved() {
    let reverted = |settings: Settings| Settings {
        custody: CustodyDefaults {
            signing: Custody::Clear,
            ..CustodyDefaults::default()
        },
        reverted: true,
        ..settings
    };
    let house = served(&guarded("a")).await;
    let vault = house.open().await;
    let key = signing_key(&vault).await;
    vault.close().await.unwrap();
    let custody = |vault: &Vault| {
        let entry = vault.key(&key).unwrap();
        entry.private.as_ref().unwrap().custody
    };
    for (settings, expected) in [
        (unguarded("a"), Custody::Envelope),
        (guarded("a"), Custody::Clear),
    ] {
        let vault = open(&house, &reverted(settings)).await;
        vault.apply_custody(&caller()).await.unwrap();
        assert_eq!(custody(&vault), expected);
        sign(&vault, &key).await.unwrap();
        vault.close().await.unwrap();
    }
}

#[tokio::test]
async fn who_looks_the_vault_over_is_told_how_the_file_stands() {
    let told = async |house: &House, settings: &Settings| {
        let vault = open(house, settings).await;
        let findings = vault.findings(&FindingLimits::default(), |_, _| {}).await;
        let mut told = findings.into_iter();
        let told = told.find(|it| it.name == "configuration");
        vault.close().await.unwrap();
        told.map(|it| (it.severity, it.code))
    };
    let free = served(&unguarded("a")).await;
    assert_eq!(told(&free, &unguarded("a")).await, None);
    let warned = Some((Severity::Warning, None));
    assert_eq!(told(&free, &unguarded("b")).await, warned);
    let house = served(&guarded("a")).await;
    let fine = Some((Severity::Ok, None));
    assert_eq!(told(&house, &guarded("a")).await, fine);
    let failed = Some((Severity::Failed, Some("CONFIGURATION_NOT_APPROVED")));
    assert_eq!(told(&house, &guarded("b")).await, failed);
    let vault = house.open().await;
    let change = super::proposed(&vault, &guarded("b")).await;
    vault.approve(&bob(), change.id).await.unwrap();
    vault.close().await.unwrap();
    assert_eq!(told(&house, &guarded("b")).await, fine);
}

/// With a copy of the file in which that is off.
#[tokio::test]
async fn nobody_signs_unseen_by_a_file_that_nobody_approved() {
    let off = |settings: Settings| audited(settings, "off");
    let uses = async |house: &House, settings: &Settings, key: &Fingerprint| {
        let vault = open(house, settings).await;
        let before = signatures(&vault).await.len();
        sign(&vault, key).await.unwrap();
        let after = signatures(&vault).await.len();
        vault.close().await.unwrap();
        after - before
    };
    let house = served(&guarded("a")).await;
    let vault = house.open().await;
    let key = signing_key(&vault).await;
    vault.close().await.unwrap();
    // The good one says off here.
    assert_eq!(uses(&house, &guarded("a"), &key).await, 0);
    for bad in [off(guarded("a")), off(unguarded("b")), Settings::default()] {
        assert_eq!(uses(&house, &bad, &key).await, 1);
    }
    // What it says of the log is what the good one says.
    assert_eq!(uses(&house, &guarded("b"), &key).await, 0);
    let vault = house.open().await;
    let change = super::proposed(&vault, &off(guarded("a"))).await;
    vault.approve(&bob(), change.id).await.unwrap();
    vault.close().await.unwrap();
    assert_eq!(uses(&house, &off(guarded("a")), &key).await, 0);

    let free = served(&unguarded("a")).await;
    let vault = free.open().await;
    let key = signing_key(&vault).await;
    vault.close().await.unwrap();
    assert_eq!(uses(&free, &off(unguarded("a")), &key).await, 0);
}

/// It is the only way in which the level of a process changes: from then on each use is on record.
#[tokio::test]
async fn uses_that_were_counted_are_told_as_many_when_their_file_is_approved_no_more() {
    let counting = Settings {
        audit: AuditSettings {
            uses: UseRecords::Batched,
            ..AuditSettings::default()
        },
        ..audited(guarded("a"), "batched")
    };
    let house = served(&guarded("a")).await;
    let vault = house.open().await;
    let key = signing_key(&vault).await;
    let change = super::proposed(&vault, &counting).await;
    vault.approve(&bob(), change.id).await.unwrap();
    vault.close().await.unwrap();

    let vault = open(&house, &counting).await;
    for _ in 0..3 {
        sign(&vault, &key).await.unwrap();
    }
    assert_eq!(signatures(&vault).await, []);
    vault.reject(&bob(), change.id).await.unwrap();
    sign(&vault, &key).await.unwrap();
    assert_eq!(signatures(&vault).await.len(), 1);
    vault.close().await.unwrap();
    let vault = house.open().await;
    let [one, counted] = &signatures(&vault).await[..] else {
        panic!("one at once, and the counted ones when it closed");
    };
    assert!(!one.details.contains_key("uses"));
    assert_eq!(counted.details["uses"], "3");
    assert!(counted.details.contains_key("first_micros"));
}

async fn signatures(vault: &Vault) -> Vec<AuditEntry> {
    let records = records(vault).await.unwrap().into_iter();
    let signed = records.filter(|it| it.operation == AuditOperation::Sign);
    signed.collect()
}
