//! Old rows, old records and old databases, put back.

use strongroom_vault::Vault;

use super::{Victim, blob, noticed};
use crate::house::{ALLOW_PROTOCOL, House, Picture, caller, check_signs, code, sign, signing_key};

/// `victim`, and what it was before `sealed` was retired.
struct Past {
    victim: Victim,
    before: House,
}

impl Past {
    async fn of(victim: Victim) -> Self {
        let before = victim.house.copy();
        let vault = victim.house.open().await;
        vault.retire_key(&caller(), &victim.sealed).await.unwrap();
        vault.close().await.unwrap();
        Self { victim, before }
    }

    /// A copy of the present, in which the operator did this; the past is at hand as `before`.
    fn tampered(&self, sql: &str) -> House {
        let house = self.victim.house.copy();
        let database = house.database();
        let path = self.before.vault_folder().join("vault.db");
        database
            .execute("ATTACH ?1 AS before", [path.to_str().unwrap()])
            .unwrap();
        database
            .execute_batch(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        drop(database);
        house
    }

    async fn refuses(&self, sql: &str, expected: &str) {
        let noticed = noticed(&self.tampered(sql)).await;
        assert_eq!(noticed, Some(expected), "{sql}");
    }
}

const STATE: &str = "UPDATE vault SET state = (SELECT state FROM before.vault);";
const AUDIT: &str = "DELETE FROM audit; INSERT INTO audit SELECT * FROM before.audit;";
const EVERY_PRIVATE_ROW: &str =
    "DELETE FROM private_keys; INSERT INTO private_keys SELECT * FROM before.private_keys;";

fn row_of(victim: &Victim) -> String {
    let key = blob(&victim.sealed);
    format!(
        "DELETE FROM private_keys WHERE fingerprint = {key};
         INSERT INTO private_keys SELECT * FROM before.private_keys WHERE fingerprint = {key};"
    )
}

#[tokio::test]
async fn a_retired_key_cannot_be_revived() {
    let past = Past::of(Victim::without_anchor().await).await;
    let row = row_of(&past.victim);
    // By editing the row.
    past.refuses("UPDATE private_keys SET state = 0", "ROW_NOT_AUTHENTIC")
        .await;
    // By its old row, which is authentic by itself.
    past.refuses(&row, "STATE_MISMATCH").await;
    past.refuses(EVERY_PRIVATE_ROW, "STATE_MISMATCH").await;
    // With the state record of that time: the audit log has a record too many.
    past.refuses(&format!("{row}{STATE}"), "AUDIT_BROKEN").await;
    // With the audit log of that time: the state record misses the last one.
    past.refuses(&format!("{row}{AUDIT}"), "AUDIT_BROKEN").await;
}

#[tokio::test]
async fn an_exposed_key_cannot_be_called_unexposed() {
    let victim = Victim::without_anchor().await;
    victim
        .refuses("UPDATE private_keys SET exposed = 0", "ROW_NOT_AUTHENTIC")
        .await;
    // Also not when its row is sealed by now.
    let vault = victim.house.open().await;
    vault
        .seal_clear_key(&caller(), &victim.clear)
        .await
        .unwrap();
    vault.close().await.unwrap();
    let sql = format!(
        "UPDATE private_keys SET exposed = 0 WHERE fingerprint = {}",
        blob(&victim.clear)
    );
    victim.refuses(&sql, "ROW_NOT_AUTHENTIC").await;
}

#[tokio::test]
async fn a_deleted_key_cannot_be_put_back() {
    let victim = Victim::without_anchor().await;
    let before = victim.house.copy();
    let vault = victim.house.open().await;
    vault.delete_key(&caller(), &victim.sealed).await.unwrap();
    vault.close().await.unwrap();
    let past = Past { victim, before };
    let key = blob(&past.victim.sealed);
    let public = format!(
        "INSERT INTO public_keys SELECT * FROM before.public_keys WHERE fingerprint = {key};"
    );
    past.refuses(&public, "STATE_MISMATCH").await;
    past.refuses(
        &format!("{public}{}", row_of(&past.victim)),
        "STATE_MISMATCH",
    )
    .await;
    // A private row alone means nothing: no public row names it.
    let house = past.tampered(&row_of(&past.victim));
    let vault = house.open().await;
    assert_eq!(
        code(sign(&vault, &past.victim.sealed).await),
        "KEY_NOT_FOUND"
    );
}

/// All that the database says is put back, table by table.
fn whole_database() -> String {
    let tables = ["vault", "data_keys", "wraps", "public_keys"];
    let tables: String = tables
        .iter()
        .map(|table| {
            format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM before.{table};")
        })
        .collect();
    format!("{tables}{EVERY_PRIVATE_ROW}{AUDIT}")
}

#[tokio::test]
async fn a_database_put_back_as_a_whole_is_noticed_by_the_anchor() {
    let past = Past::of(Victim::with_anchor().await).await;
    past.refuses(
        &format!("{}{STATE}{AUDIT}", row_of(&past.victim)),
        "ROLLED_BACK",
    )
    .await;
    past.refuses(&whole_database(), "ROLLED_BACK").await;
    // The files themselves, too.
    past.victim.house.put_back(&past.before);
    let error = past.victim.house.try_open().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the store is at generation 9, the anchor remembers generation 10"
    );
}

#[tokio::test]
async fn without_an_anchor_a_database_put_back_as_a_whole_is_accepted() {
    let past = Past::of(Victim::without_anchor().await).await;
    let house = past.tampered(&whole_database());
    let vault = house.open().await;
    check_signs(&vault, &past.victim.sealed).await;
}

#[tokio::test]
async fn a_database_of_the_same_generation_with_another_history_is_noticed_by_the_anchor() {
    // Somebody opened a stolen copy and went on there; then the copy is brought home.
    let victim = Victim::with_anchor().await;
    let elsewhere = victim.house.copy();
    for house in [&victim.house, &elsewhere] {
        let vault = house.open().await;
        signing_key(&vault).await;
        vault.close().await.unwrap();
    }
    victim.house.put_back(&elsewhere);
    assert_eq!(victim.house.refusal().await, "ROLLED_BACK");
}

#[tokio::test]
async fn a_database_from_the_future_of_the_anchor_is_noticed_too() {
    let victim = Victim::with_anchor().await;
    let elsewhere = victim.house.copy();
    let vault = elsewhere.open().await;
    signing_key(&vault).await;
    vault.close().await.unwrap();
    victim.house.put_back(&elsewhere);
    assert_eq!(victim.house.refusal().await, "ROLLED_BACK");
}

#[tokio::test]
async fn an_operator_who_restored_a_backup_can_accept_its_state_and_it_is_on_record() {
    let past = Past::of(Victim::with_anchor().await).await;
    let house = &past.victim.house;
    house.put_back(&past.before);
    assert_eq!(house.refusal().await, "ROLLED_BACK");
    let vault = house.accept().await.unwrap();
    let mut last = None;
    vault.walk_audit(|entry| last = Some(entry)).await.unwrap();
    let last = last.unwrap();
    assert_eq!(
        last.operation,
        strongroom_vault::AuditOperation::AcceptState
    );
    assert_eq!(last.details["generation"], "9");
    assert_eq!(last.details["anchored_generation"], "10");
    // What was retired since is active in it: it signs once its operator has seen to that.
    let key = &past.victim.sealed;
    let refused = vault.sign(key, b"message", ALLOW_PROTOCOL).await;
    assert_eq!(code(refused), "VAULT_IN_QUARANTINE");
    vault.release(&caller()).await.unwrap();
    check_signs(&vault, key).await;
    let picture = Picture::of(&vault).await;
    vault.close().await.unwrap();
    assert_eq!(Picture::of(&house.open().await).await, picture);
}

#[tokio::test]
async fn accepting_a_state_accepts_no_tampered_row() {
    let past = Past::of(Victim::with_anchor().await).await;
    let house = past.tampered(&row_of(&past.victim));
    assert_eq!(code(house.accept().await), "STATE_MISMATCH");
}

#[tokio::test]
async fn a_missing_or_damaged_anchor_is_refused_until_the_state_is_accepted() {
    let victim = Victim::with_anchor().await;
    let house = &victim.house;
    std::fs::remove_file(house.anchor_path()).unwrap();
    assert_eq!(house.refusal().await, "ANCHOR_MISSING");
    house.accept().await.unwrap().close().await.unwrap();
    house.open().await.close().await.unwrap();

    std::fs::write(house.anchor_path(), "{}").unwrap();
    assert_eq!(house.refusal().await, "ANCHOR_DAMAGED");
    house.accept().await.unwrap().close().await.unwrap();
    let vault = house.open().await;
    check_signs(&vault, &victim.sealed).await;
}

#[tokio::test]
async fn the_anchor_of_another_vault_is_refused() {
    let victim = Victim::with_anchor().await;
    let other = House::numbered(9);
    drop(other.create().await);
    victim.house.take_anchor_of(&other);
    assert_eq!(victim.house.refusal().await, "ANCHOR_OF_OTHER_VAULT");
}

#[tokio::test]
async fn making_a_vault_takes_no_anchor_from_another_and_forgets_no_lost_database() {
    let victim = Victim::with_anchor().await;
    let anchor = std::fs::read(victim.house.anchor_path()).unwrap();
    // Another vault, whose configuration names this anchor by mistake.
    let mut other = victim.house.neighbour();
    other.anchor = std::sync::Arc::clone(&victim.house.anchor);
    let environment = other.environment(other.new_store().await);
    let new = strongroom_vault::NewVault {
        id: strongroom_store::VaultId::from_bytes([1; 16]),
        wrapper_key: None,
    };
    let refused = Vault::create(environment, other.settings.clone(), &caller(), new).await;
    assert_eq!(code(refused), "ANCHOR_OF_OTHER_VAULT");
    assert_eq!(std::fs::read(victim.house.anchor_path()).unwrap(), anchor);
    // The same vault, whose database has gone: that is the oldest state of all.
    let mut emptied = victim.house.neighbour();
    emptied.anchor = std::sync::Arc::clone(&victim.house.anchor);
    let refused = emptied.try_create(emptied.new_store().await).await;
    assert_eq!(code(refused), "ROLLED_BACK");
    assert_eq!(std::fs::read(victim.house.anchor_path()).unwrap(), anchor);
}

#[tokio::test]
async fn a_cut_tail_of_the_audit_log_is_noticed_when_the_vault_opens() {
    let victim = Victim::without_anchor().await;
    victim
        .refuses(
            "DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)",
            "AUDIT_BROKEN",
        )
        .await;
    victim
        .refuses("DELETE FROM audit WHERE sequence > 2", "AUDIT_BROKEN")
        .await;
    victim.refuses("DELETE FROM audit", "AUDIT_BROKEN").await;
    victim
        .refuses(
            "INSERT INTO audit SELECT max(sequence) + 1, body, hash FROM audit",
            "AUDIT_BROKEN",
        )
        .await;
}

#[tokio::test]
async fn a_record_removed_or_edited_within_the_audit_log_is_noticed_when_the_log_is_verified() {
    let victim = Victim::without_anchor().await;
    for (sql, broken_at) in [
        ("DELETE FROM audit WHERE sequence = 1", 1),
        ("DELETE FROM audit WHERE sequence = 4", 4),
        (
            "UPDATE audit SET body = replace(body, 'test', 'Test') WHERE sequence = 3",
            3,
        ),
        (
            "UPDATE audit SET body = CAST(replace(CAST(body AS TEXT), '\"test\"', '\"tesu\"') AS BLOB) WHERE sequence = 3",
            3,
        ),
        (
            "UPDATE audit SET sequence = -sequence WHERE sequence IN (2, 3);
          UPDATE audit SET sequence = 5 + sequence WHERE sequence < 0",
            2,
        ),
        (
            "UPDATE audit SET body = (SELECT body FROM audit WHERE sequence = 3) WHERE sequence = 2",
            2,
        ),
    ] {
        let house = victim.house.copy();
        let changed = house.database().execute_batch(sql);
        if changed.is_err() {
            // The engine itself refuses text where bytes belong.
            continue;
        }
        let vault = house.open().await;
        let error = vault.walk_audit(|_| {}).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the audit chain is broken at record {broken_at}"),
            "{sql}"
        );
    }
}

#[tokio::test]
async fn an_anchor_cannot_be_taken_out_of_the_configuration_unnoticed() {
    let victim = Victim::with_anchor().await;
    let house = victim.house.copy().without_anchor();
    assert_eq!(house.refusal().await, "ANCHOR_NOT_CONFIGURED");
    // But its owner may mean it.
    let vault = house.accept().await.unwrap();
    check_signs(&vault, &victim.sealed).await;
    vault.close().await.unwrap();
    house.open().await;
}

#[tokio::test]
async fn of_two_states_that_a_crash_left_open_only_the_one_that_was_opened_counts_from_then_on() {
    // The process died between the commit and its confirmation: the anchor knows both.
    let past = Past::of(Victim::with_anchor().await).await;
    let record: serde_json::Value =
        serde_json::from_slice(&std::fs::read(past.victim.house.anchor_path()).unwrap()).unwrap();
    let before: serde_json::Value =
        serde_json::from_slice(&std::fs::read(past.before.anchor_path()).unwrap()).unwrap();
    let mut both = before.clone();
    both["pending"] = record["confirmed"].clone();
    let write = |house: &House| {
        std::fs::write(house.anchor_path(), serde_json::to_vec(&both).unwrap()).unwrap();
    };
    for (opened, other) in [
        (&past.before, &past.victim.house),
        (&past.victim.house, &past.before),
    ] {
        let house = opened.copy();
        write(&house);
        house.open().await.close().await.unwrap();
        house.put_back(other);
        assert_eq!(house.refusal().await, "ROLLED_BACK");
        house.put_back(opened);
        house.open().await;
    }
}
