//! The operator of the database edits what is announced.

use rusqlite::{Connection, types::Value};
use strongroom_errors::Coded;
use strongroom_topology::StoreId;
use strongroom_vault::{Rotate, VaultError};

use super::{PATIENT, begin_rotation, node, protocol_key, rotate_all};
use crate::house::{House, caller};

/// A closed vault of a node that has rotated its keys once and is about to do so again.
async fn victim() -> House {
    let house = House::new().without_anchor();
    let (vault, _) = node(&house).await;
    rotate_all(&vault).await;
    let old = protocol_key(&vault).await;
    begin_rotation(&vault, old).await;
    vault.close().await.unwrap();
    house
}

/// The code with which opening, or looking at topology, is refused.
async fn noticed(house: &House) -> Option<&'static str> {
    async fn look(house: &House) -> Result<(), VaultError> {
        let vault = house.try_open().await?;
        drop(vault.topology(&StoreId::Authorized).await?);
        Ok(())
    }
    look(house).await.err().map(|error| error.code().name())
}

fn columns(database: &Connection, table: &str) -> Vec<String> {
    let mut statement = database
        .prepare(&format!("PRAGMA table_info({table})"))
        .unwrap();
    let names = statement.query_map([], |row| row.get(1)).unwrap();
    names.map(Result::unwrap).collect()
}

/// Another value of the same type.
fn other(value: &Value) -> Value {
    match value {
        Value::Null => Value::Integer(i64::MAX / 2),
        Value::Integer(number) => Value::Integer(number ^ 1),
        Value::Real(number) => Value::Real(number + 1.0),
        Value::Text(text) => Value::Text(format!("{text}x")),
        Value::Blob(bytes) => {
            let mut bytes = bytes.clone();
            *bytes.last_mut().unwrap() ^= 1;
            Value::Blob(bytes)
        }
    }
}

#[tokio::test]
async fn every_column_of_every_row_of_topology_is_authenticated() {
    let victim = victim().await;
    let mut edits = 0;
    for table in ["topology", "identity", "rotations"] {
        for column in columns(&victim.database(), table) {
            if column == "only_row" {
                continue;
            }
            let house = victim.copy();
            let database = house.database();
            let rows: Vec<(i64, Value)> = {
                // The journal has no row numbers; it has one row.
                let number = if table == "rotations" { "1" } else { "rowid" };
                let sql = format!("SELECT {number}, {column} FROM {table}");
                let mut statement = database.prepare(&sql).unwrap();
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
                rows.unwrap().map(Result::unwrap).collect()
            };
            assert!(!rows.is_empty());
            // The first row, and the last: what was announced long ago, and what holds now.
            for (number, value) in [rows.first().unwrap(), rows.last().unwrap()] {
                let place = if table == "rotations" {
                    "1 = ?2".to_owned()
                } else {
                    "rowid = ?2".to_owned()
                };
                let set = |value: Value| {
                    let sql = format!("UPDATE {table} SET {column} = ?1 WHERE {place}");
                    database.execute(&sql, rusqlite::params![value, number])
                };
                // What would break a key of the table cannot even be written.
                if set(other(value)).is_err() {
                    continue;
                }
                let code = noticed(&house).await;
                assert!(
                    matches!(
                        code,
                        Some(
                            "ROW_NOT_AUTHENTIC"
                                | "STATE_MISMATCH"
                                | "TOPOLOGY_MISMATCH"
                                | "STORE_CORRUPTED"
                                | "UNKNOWN_DATA_KEY"
                        )
                    ),
                    "{table}.{column}: {code:?}"
                );
                set(value.clone()).unwrap();
                assert_eq!(noticed(&house).await, None, "{table}.{column}");
                edits += 1;
            }
        }
    }
    assert!(edits > 40, "{edits} edits only");
}

#[tokio::test]
async fn a_row_of_topology_cannot_be_dropped_doubled_or_moved() {
    let victim = victim().await;
    for sql in [
        "DELETE FROM topology WHERE ordinal = 1",
        "DELETE FROM topology WHERE ordinal = (SELECT MAX(ordinal) FROM topology)",
        "DELETE FROM topology",
        "INSERT INTO topology SELECT 'synchronizer:x', ordinal, sequenced, valid_from, valid_until, operation, mapping_code, serial,
            namespace, identifier, unique_key, transaction_hash, proposal, rejection, data_key_id, mac, signed_transaction
            FROM topology WHERE ordinal = 1",
        "UPDATE topology SET ordinal = ordinal + 100",
    ] {
        let house = victim.copy();
        house.database().execute_batch(sql).unwrap();
        let code = noticed(&house).await;
        assert!(
            matches!(code, Some("ROW_NOT_AUTHENTIC" | "TOPOLOGY_MISMATCH")),
            "{sql}: {code:?}"
        );
    }
    for sql in ["DELETE FROM rotations", "DELETE FROM identity"] {
        let house = victim.copy();
        house.database().execute_batch(sql).unwrap();
        assert_eq!(noticed(&house).await, Some("STATE_MISMATCH"), "{sql}");
    }
}

#[tokio::test]
async fn what_was_withdrawn_cannot_be_announced_again_by_its_old_row() {
    let house = House::new().without_anchor();
    let (vault, _) = node(&house).await;
    vault.close().await.unwrap();
    let before = house.copy();
    let vault = house.open().await;
    rotate_all(&vault).await;
    vault.close().await.unwrap();

    let database = house.database();
    let path = before.vault_folder().join("vault.db");
    database
        .execute("ATTACH ?1 AS before", [path.to_str().unwrap()])
        .unwrap();
    // Each old row was authentic, and so are all of them together with those that followed.
    let changed = database
        .execute("REPLACE INTO topology SELECT * FROM before.topology", [])
        .unwrap();
    assert_eq!(changed, 2);
    drop(database);
    assert_eq!(noticed(&house).await, Some("TOPOLOGY_MISMATCH"));
}

#[tokio::test]
async fn topology_changed_under_an_open_vault_is_noticed_when_it_is_read() {
    let house = victim().await;
    let vault = house.open().await;
    house
        .database()
        .execute_batch("DELETE FROM topology WHERE ordinal = 1")
        .unwrap();
    let error = vault.topology(&StoreId::Authorized).await.unwrap_err();
    assert_eq!(error.code().name(), "TOPOLOGY_MISMATCH");
    // And what needs topology does not go on without it.
    assert!(
        vault
            .begin_rotation(&caller(), Rotate::all())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn what_is_taken_from_under_an_open_vault_is_noticed_by_the_act_that_needs_it() {
    let closed = victim().await;
    for (sql, looks_first) in [
        ("DELETE FROM rotations", false),
        // Seen before, so that it is not read again.
        ("DELETE FROM topology", true),
    ] {
        let house = closed.copy();
        let vault = house.open().await;
        if looks_first {
            drop(vault.topology(&StoreId::Authorized).await.unwrap());
        }
        house.database().execute_batch(sql).unwrap();
        let error = if looks_first {
            vault.advance_rotation(&caller(), &PATIENT).await.map(drop)
        } else {
            vault.abandon_rotations(&caller()).await.map(drop)
        };
        let error = error.unwrap_err();
        assert_eq!(error.code().name(), "CHANGED_UNDERNEATH", "{sql}");
    }
}
