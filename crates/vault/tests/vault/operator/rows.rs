//! Rows swapped, dropped, added and brought from elsewhere.

use std::time::Duration;

use super::{Victim, blob};
use crate::house::{House, caller, code, new_protocol_key, sign};

/// Swaps the values of `columns` between the rows of two keys.
fn swap(table: &str, columns: &str, a: &str, b: &str) -> String {
    let set: Vec<String> = columns
        .split(", ")
        .map(|column| format!("{column} = other.{column}"))
        .collect();
    format!(
        "CREATE TEMP TABLE copied AS SELECT * FROM {table} WHERE fingerprint IN ({a}, {b});
         UPDATE {table} SET {} FROM temp.copied AS other
         WHERE {table}.fingerprint IN ({a}, {b}) AND other.fingerprint IN ({a}, {b})
           AND other.fingerprint <> {table}.fingerprint;",
        set.join(", ")
    )
}

#[tokio::test]
async fn two_rows_whose_sealed_bytes_were_swapped_are_refused() {
    let victim = Victim::without_anchor().await;
    let (a, b) = (blob(&victim.sealed), blob(&victim.other_sealed));
    for columns in ["stored_key", "stored_key, mac"] {
        let sql = swap("private_keys", columns, &a, &b);
        victim.refuses(&sql, "ROW_NOT_AUTHENTIC").await;
    }
}

#[tokio::test]
async fn two_private_rows_whose_fingerprints_were_swapped_are_refused() {
    let victim = Victim::without_anchor().await;
    let all = "custody, sealing, state, exposed, wrapper_key_id, data_key_id, stored_key, created_at, mac";
    for (a, b) in [
        (victim.sealed, victim.other_sealed),
        (victim.sealed, victim.direct),
        (victim.sealed, victim.clear),
        (victim.sealed, victim.retired),
        (victim.sealed, victim.decrypting),
    ] {
        let sql = swap("private_keys", all, &blob(&a), &blob(&b));
        victim.refuses(&sql, "ROW_NOT_AUTHENTIC").await;
    }
}

#[tokio::test]
async fn two_public_rows_whose_names_or_keys_were_swapped_are_refused() {
    let victim = Victim::without_anchor().await;
    let (a, b) = (blob(&victim.sealed), blob(&victim.public_only));
    for columns in ["name", "spki", "spec, usages, spki, name, created_at, mac"] {
        let sql = swap("public_keys", columns, &a, &b);
        victim.refuses(&sql, "ROW_NOT_AUTHENTIC").await;
    }
}

#[tokio::test]
async fn a_dropped_row_is_missed() {
    let victim = Victim::without_anchor().await;
    for key in [
        victim.sealed,
        victim.decrypting,
        victim.direct,
        victim.clear,
        victim.retired,
    ] {
        let of_key = format!("WHERE fingerprint = {}", blob(&key));
        let private = format!("DELETE FROM private_keys {of_key};");
        let public = format!("DELETE FROM public_keys {of_key};");
        victim.refuses(&private, "STATE_MISMATCH").await;
        victim.refuses(&public, "STATE_MISMATCH").await;
        victim
            .refuses(&format!("{private}{public}"), "STATE_MISMATCH")
            .await;
    }
    let alone = format!(
        "DELETE FROM public_keys WHERE fingerprint = {}",
        blob(&victim.public_only)
    );
    victim.refuses(&alone, "STATE_MISMATCH").await;
    for table in ["private_keys", "public_keys"] {
        victim
            .refuses(&format!("DELETE FROM {table}"), "STATE_MISMATCH")
            .await;
    }
}

/// Pages are authenticated by other threads while later ones are read; none of them is let in because of that.
#[tokio::test]
async fn a_changed_or_damaged_row_is_refused_on_whichever_page_it_is() {
    const KEYS: usize = 3_000;
    let house = House::new();
    let vault = house.create().await;
    let new = vec![new_protocol_key(); KEYS];
    vault.generate_signing_keys(&caller(), new).await.unwrap();
    vault.close().await.unwrap();
    for place in [0, KEYS / 2, KEYS - 1] {
        for (change, expected) in [
            ("mac = zeroblob(32)", "ROW_NOT_AUTHENTIC"),
            ("state = 9", "STORE_CORRUPTED"),
        ] {
            let copy = house.copy();
            let changed = copy.database().execute(
                &format!(
                    "UPDATE private_keys SET {change} WHERE fingerprint = \
                     (SELECT fingerprint FROM private_keys ORDER BY fingerprint LIMIT 1 OFFSET {place})"
                ),
                (),
            );
            assert_eq!(changed.unwrap(), 1);
            let refused = tokio::time::timeout(Duration::from_secs(60), copy.refusal());
            assert_eq!(refused.await.unwrap(), expected, "{change} at {place}");
        }
    }
    assert_eq!(house.open().await.key_count(), KEYS);
}

#[tokio::test]
async fn a_vault_without_its_wrap_its_data_key_or_its_own_row_does_not_open() {
    let victim = Victim::without_anchor().await;
    victim.refuses("DELETE FROM wraps", "NO_WRAP_OPENS").await;
    victim
        .refuses("DELETE FROM data_keys", "UNKNOWN_DATA_KEY")
        .await;
    victim
        .refuses("DELETE FROM vault", "STORE_NOT_A_VAULT")
        .await;
}

#[tokio::test]
async fn an_added_wrap_or_data_key_is_noticed() {
    let victim = Victim::without_anchor().await;
    victim
        .refuses(
            "INSERT INTO wraps SELECT data_key_id, 'another', wrapper_key_id, ciphertext, created_at FROM wraps",
            "STATE_MISMATCH",
        )
        .await;
    victim
        .refuses(
            "INSERT INTO data_keys SELECT zeroblob(16), commitment, state, created_at, mac FROM data_keys",
            "ROW_NOT_AUTHENTIC",
        )
        .await;
}

#[tokio::test]
async fn wraps_without_number_do_not_make_the_vault_call_the_kms_without_end() {
    let victim = Victim::without_anchor().await;
    let sql = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 500)
        INSERT INTO wraps SELECT data_key_id, kms, wrapper_key_id || n, ciphertext, created_at - n FROM wraps, number";
    let house = victim.tampered(sql);
    assert_eq!(house.refusal().await, "NO_WRAP_OPENS");
    assert_eq!(house.metered.calls().total(), 16);
}

/// The tables of a vault of another house with the same KMS, at hand for copying as `other`.
async fn with_other_vault(victim: &Victim, sql: &str) -> House {
    let other = Victim::in_house(victim.house.neighbour()).await;
    let house = victim.house.copy();
    let database = house.database();
    let path = other.house.vault_folder().join("vault.db");
    database
        .execute("ATTACH ?1 AS other", [path.to_str().unwrap()])
        .unwrap();
    database.execute_batch(sql).unwrap();
    drop(database);
    house
}

const PUBLIC: &str = "INSERT OR IGNORE INTO public_keys SELECT * FROM other.public_keys;";
const PRIVATE: &str = "INSERT INTO private_keys SELECT * FROM other.private_keys;";
const DATA_KEY: &str = "INSERT INTO data_keys SELECT * FROM other.data_keys;";
const WRAP: &str = "INSERT INTO wraps SELECT * FROM other.wraps;";

#[tokio::test]
async fn a_key_brought_from_another_vault_of_the_same_kms_is_refused_with_or_without_its_data_key()
{
    let victim = Victim::without_anchor().await;
    let ours = "UPDATE public_keys SET data_key_id = (SELECT current_data_key FROM vault);
                UPDATE private_keys SET data_key_id = (SELECT current_data_key FROM vault);";
    for (sql, expected) in [
        (format!("{PUBLIC}{PRIVATE}"), "UNKNOWN_DATA_KEY"),
        (format!("{PUBLIC}{PRIVATE}{ours}"), "ROW_NOT_AUTHENTIC"),
        (format!("{PUBLIC}{PRIVATE}{DATA_KEY}"), "ROW_NOT_AUTHENTIC"),
        (
            format!("{PUBLIC}{PRIVATE}{DATA_KEY}{WRAP}"),
            "ROW_NOT_AUTHENTIC",
        ),
    ] {
        let house = with_other_vault(&victim, &sql).await;
        assert_eq!(house.refusal().await, expected, "{sql}");
    }
}

#[tokio::test]
async fn the_state_record_or_the_data_key_of_another_vault_is_refused() {
    let victim = Victim::without_anchor().await;
    for (sql, expected) in [
        (
            "UPDATE vault SET state = (SELECT state FROM other.vault)".to_owned(),
            "STATE_NOT_AUTHENTIC",
        ),
        (
            "UPDATE wraps SET ciphertext = (SELECT ciphertext FROM other.wraps)".to_owned(),
            "NO_WRAP_OPENS",
        ),
        (
            format!(
                "DELETE FROM data_keys; DELETE FROM wraps; {DATA_KEY}{WRAP}
                 UPDATE vault SET current_data_key = (SELECT current_data_key FROM other.vault)"
            ),
            // The wraps of both vaults are bound to ids of data keys, and these differ; so is the state record.
            "STATE_NOT_AUTHENTIC",
        ),
    ] {
        let house = with_other_vault(&victim, &sql).await;
        assert_eq!(house.refusal().await, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_second_vault_row_does_not_help() {
    let victim = Victim::without_anchor().await;
    for position in [0, 2] {
        let sql = format!(
            "INSERT INTO vault SELECT {position}, vault_id, created_at, current_data_key, x'0102' FROM vault"
        );
        let house = victim.tampered(&sql);
        match house.try_open().await {
            // The row that was read is the old one: nothing has changed.
            Ok(vault) => drop(vault),
            Err(error) => assert_eq!(code(Err::<(), _>(error)), "STATE_NOT_AUTHENTIC"),
        }
    }
}

#[tokio::test]
async fn two_rows_for_one_key_in_a_table_without_its_rules_revive_nothing() {
    let victim = Victim::without_anchor().await;
    let before = victim.house.copy();
    let vault = victim.house.open().await;
    vault.retire_key(&caller(), &victim.sealed).await.unwrap();
    vault.close().await.unwrap();
    let path = before.vault_folder().join("vault.db");
    for order in ["ASC", "DESC"] {
        let house = victim.house.copy();
        let database = house.database();
        database
            .execute("ATTACH ?1 AS before", [path.to_str().unwrap()])
            .unwrap();
        // The table anew, without a primary key: the retired row and the active one side by side.
        let key = blob(&victim.sealed);
        database
            .execute_batch(&format!(
                "CREATE TABLE twice AS SELECT * FROM (
                     SELECT *, 1 AS age FROM private_keys
                     UNION ALL SELECT *, 2 FROM before.private_keys WHERE fingerprint = {key}
                 ) ORDER BY fingerprint, age {order};
                 ALTER TABLE twice DROP COLUMN age;
                 DROP TABLE private_keys;
                 ALTER TABLE twice RENAME TO private_keys;"
            ))
            .unwrap();
        drop(database);
        match house.try_open().await {
            Err(error) => assert_eq!(code(Err::<(), _>(error)), "STATE_MISMATCH"),
            Ok(vault) => assert_eq!(code(sign(&vault, &victim.sealed).await), "KEY_RETIRED"),
        }
    }
}
