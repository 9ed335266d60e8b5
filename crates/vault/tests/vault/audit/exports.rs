//! What an auditor can tell from an export, a key and a head, without the vault.

use std::time::Duration;

use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_errors::Coded as _;
use strongroom_vault::{
    AuditExportError, AuditHead, AuditOperation, AuditSettings, Settings, Vault,
    verify_audit_export,
};

use super::records;
use crate::{
    house::{House, caller, signing_key},
    rotating::rotate,
};

/// An export, and what an auditor has beside it.
struct Exported {
    lines: Vec<String>,
    key: Fingerprint,
    head: AuditHead,
}

impl Exported {
    async fn of(vault: &Vault) -> Self {
        let mut export = vault.export_audit(&caller()).await.unwrap();
        let mut text = Vec::new();
        while let Some(part) = export.next().await.unwrap() {
            text.extend(part);
        }
        let text = String::from_utf8(text).unwrap();
        Self {
            lines: text.lines().map(|line| format!("{line}\n")).collect(),
            key: vault.audit_key().unwrap().fingerprint(),
            head: export.head(),
        }
    }

    fn verified(&self, lines: &[String]) -> Result<u64, AuditExportError> {
        let text = lines.concat();
        let verified = verify_audit_export(text.as_bytes(), &self.key, self.head)?;
        assert_eq!(verified.head, self.head);
        Ok(verified.head.records)
    }

    fn refusal(&self, lines: &[String]) -> &'static str {
        self.verified(lines).unwrap_err().code().name()
    }
}

async fn with_keys(house: &House, keys: usize) -> Vault {
    let vault = house.create().await;
    for _ in 0..keys {
        signing_key(&vault).await;
    }
    vault
}

#[tokio::test]
async fn an_export_ends_with_a_checkpoint_and_is_believed() {
    let house = House::new();
    let vault = with_keys(&house, 3).await;
    let exported = Exported::of(&vault).await;
    assert_eq!(exported.verified(&exported.lines).unwrap(), 5);
    let last = records(&vault).await.unwrap().pop().unwrap();
    assert_eq!(last.operation, AuditOperation::SignCheckpoint);
    assert_eq!(last.details["records"], "4");
    // Nothing was done meanwhile: the checkpoint that is there does.
    let again = Exported::of(&vault).await;
    assert_eq!(again.head, exported.head);
}

#[tokio::test]
async fn each_record_that_is_removed_changed_or_exchanged_is_noticed() {
    let house = House::new();
    let vault = with_keys(&house, 4).await;
    let exported = Exported::of(&vault).await;
    let records = exported.lines.len() - 2;
    for position in 1..=records {
        let mut removed = exported.lines.clone();
        removed.remove(position);
        let code = exported.refusal(&removed);
        let last = position == records;
        let expected = if last {
            "AUDIT_EXPORT_INCOMPLETE"
        } else {
            "AUDIT_EXPORT_BROKEN"
        };
        assert_eq!(code, expected, "record {position} removed");

        let mut changed = exported.lines.clone();
        changed[position] = changed[position].replace(r#"\"test\""#, r#"\"else\""#);
        assert_ne!(changed, exported.lines);
        assert_eq!(exported.refusal(&changed), "AUDIT_EXPORT_BROKEN");

        if position < records {
            let mut exchanged = exported.lines.clone();
            exchanged.swap(position, position + 1);
            assert_eq!(exported.refusal(&exchanged), "AUDIT_EXPORT_BROKEN");
        }
        let mut doubled = exported.lines.clone();
        doubled.insert(position, doubled[position].clone());
        assert_eq!(exported.refusal(&doubled), "AUDIT_EXPORT_BROKEN");
    }
}

#[tokio::test]
async fn a_tail_that_is_cut_off_at_an_earlier_checkpoint_is_noticed_by_the_head() {
    let house = House::new();
    let vault = with_keys(&house, 2).await;
    let early = Exported::of(&vault).await;
    signing_key(&vault).await;
    let late = Exported::of(&vault).await;
    // By itself the earlier export is fine.
    early.verified(&early.lines).unwrap();
    assert_eq!(late.refusal(&early.lines), "AUDIT_EXPORT_INCOMPLETE");
    // And an earlier head is part of what came later.
    let verified = verify_audit_export(late.lines.concat().as_bytes(), &late.key, early.head);
    assert_eq!(verified.unwrap().head, late.head);
}

#[tokio::test]
async fn another_history_is_noticed_by_the_head() {
    let house = House::new();
    let vault = with_keys(&house, 1).await;
    vault.close().await.unwrap();
    let elsewhere = house.copy();
    let mut exports = Vec::new();
    for (house, seconds) in [(&house, 1), (&elsewhere, 2)] {
        house.clock.advance(Duration::from_secs(seconds));
        let vault = house.open().await;
        signing_key(&vault).await;
        exports.push(Exported::of(&vault).await);
    }
    assert_eq!(
        exports[0].refusal(&exports[1].lines),
        "AUDIT_EXPORT_OTHER_HISTORY"
    );
}

#[tokio::test]
async fn only_a_checkpoint_of_the_known_key_is_believed() {
    let (house, other) = (House::new(), House::numbered(77));
    let exported = Exported::of(&with_keys(&house, 1).await).await;
    let stranger = Exported::of(&with_keys(&other, 1).await).await;
    let verified = verify_audit_export(
        exported.lines.concat().as_bytes(),
        &stranger.key,
        exported.head,
    );
    assert_eq!(
        verified.unwrap_err().code().name(),
        "AUDIT_EXPORT_NOT_SIGNED"
    );
}

#[tokio::test]
async fn an_export_without_its_end_or_its_beginning_is_refused() {
    let house = House::new();
    let exported = Exported::of(&with_keys(&house, 1).await).await;
    let lines = &exported.lines;
    let end = lines.len() - 1;
    assert_eq!(exported.refusal(&lines[..end]), "AUDIT_EXPORT_INCOMPLETE");
    assert_eq!(exported.refusal(&lines[1..]), "AUDIT_EXPORT_MALFORMED");
    assert_eq!(exported.refusal(&[]), "AUDIT_EXPORT_MALFORMED");
    let twice = [&lines[..], &lines[end..]].concat();
    assert_eq!(exported.refusal(&twice), "AUDIT_EXPORT_MALFORMED");
    let cut = lines.concat();
    for length in [cut.len() - 1, cut.len() / 2] {
        let text = &cut.as_bytes()[..length];
        let verified = verify_audit_export(text, &exported.key, exported.head);
        assert_eq!(
            verified.unwrap_err().code().name(),
            "AUDIT_EXPORT_MALFORMED"
        );
    }
    let later = [lines[0].replace("\"version\":1", "\"version\":2")];
    assert_eq!(exported.refusal(&later), "AUDIT_EXPORT_MALFORMED");
}

#[tokio::test]
async fn the_key_of_before_a_rotation_vouches_for_the_one_after_it() {
    let house = House::new();
    let vault = with_keys(&house, 1).await;
    let before = Exported::of(&vault).await;
    rotate(&vault).await.unwrap();
    signing_key(&vault).await;
    let after = Exported::of(&vault).await;
    assert_ne!(before.key, after.key);
    for key in [before.key, after.key] {
        let text = after.lines.concat();
        let verified = verify_audit_export(text.as_bytes(), &key, before.head).unwrap();
        assert_eq!(verified.head, after.head);
        assert_eq!(verified.keys.len(), 2);
        assert_eq!(verified.keys[0].introduced_by, None);
        assert!(verified.keys[1].introduced_by.is_some());
        assert_eq!(verified.checkpoint.key.fingerprint(), after.key);
    }
}

#[tokio::test]
async fn the_head_in_the_anchor_is_one_that_an_export_is_held_against() {
    let house = House::new();
    let vault = with_keys(&house, 2).await;
    let exported = Exported::of(&vault).await;
    let anchor = house.anchor.load().unwrap().unwrap();
    let head = anchor.confirmed.unwrap().audit_head.unwrap();
    assert_eq!(head, exported.head.to_string());
    assert_eq!(head.parse::<AuditHead>().unwrap(), exported.head);
    for text in [
        "",
        "7",
        "7:",
        "x:00",
        &head[..head.len() - 1],
        &format!("{head}0"),
    ] {
        text.parse::<AuditHead>().unwrap_err();
    }
}

#[tokio::test]
async fn an_anchor_that_knows_of_no_audit_log_opens_the_vault_as_before() {
    let house = House::new();
    with_keys(&house, 1).await.close().await.unwrap();
    let text = std::fs::read_to_string(house.anchor_path()).unwrap();
    let mut anchor: serde_json::Value = serde_json::from_str(&text).unwrap();
    let confirmed = anchor["confirmed"].as_object_mut().unwrap();
    assert!(confirmed.remove("audit_head").is_some());
    std::fs::write(house.anchor_path(), anchor.to_string()).unwrap();
    house.open().await;
}

#[tokio::test]
async fn after_so_many_records_a_checkpoint_comes_by_itself_in_the_same_commit() {
    let settings = Settings {
        audit: AuditSettings {
            records_per_checkpoint: 4.try_into().unwrap(),
            ..AuditSettings::default()
        },
        ..Settings::default()
    };
    let house = House::new().with_settings(settings);
    let vault = with_keys(&house, 3).await;
    let generation = vault.standing().await.generation;
    assert_eq!(generation, 4);
    let records = records(&vault).await.unwrap();
    let last = records.last().unwrap();
    assert_eq!(
        (last.sequence, last.operation),
        (5, AuditOperation::SignCheckpoint)
    );
    assert_eq!(last.details["generation"], "4");
    let verified = vault.walk_audit(|_| {}).await.unwrap();
    let checkpoint = verified.checkpoint.unwrap();
    assert_eq!(checkpoint.sequence, 5);
    assert_eq!(checkpoint.head.records, 4);
    assert!(checkpoint.time > Timestamp::from_micros(0));
}

#[tokio::test]
async fn exports_that_nobody_takes_on_hold_nothing_of_the_store() {
    let house = House::new();
    let vault = with_keys(&house, 1).await;
    let mut begun = Vec::new();
    let reads = async {
        // More than an embedded store reads at once.
        for _auditor in 0..20 {
            let mut export = vault.export_audit(&caller()).await.unwrap();
            export.next().await.unwrap().unwrap();
            begun.push(export);
        }
        records(&vault).await.unwrap().len()
    };
    let records = tokio::time::timeout(Duration::from_secs(60), reads).await;
    let records = records.expect("a reader is free") as u64;
    signing_key(&vault).await;
    // What comes later is beyond their ends.
    for mut export in begun {
        while export.next().await.unwrap().is_some() {}
        assert_eq!(export.head().records, records);
    }
}
