//! Every column of every row, edited.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{Victim, noticed};
use crate::house::{House, Picture};

/// What an edit of a column is refused with: the first code that fits the row. No code: the column means nothing.
fn expectations() -> BTreeMap<String, &'static [&'static str]> {
    let expectations = [
        // Only the engine uses it, to keep a second row out.
        (("vault", "only_row"), &[][..]),
        // Empty as long as the vault was not moved away. Whoever puts a row there makes the vault unusable, and no more; whoever
        // takes it out of a vault that was moved finds it older than the anchor remembers.
        (("moved", "only_row"), &[]),
        (("moved", "target"), &[]),
        // The wrap is bound to it.
        (("vault", "vault_id"), &["NO_WRAP_OPENS"]),
        (("vault", "created_at"), &["STATE_MISMATCH"]),
        (("vault", "current_data_key"), &["UNKNOWN_DATA_KEY"]),
        (("vault", "state"), &["STATE_NOT_AUTHENTIC"]),
        (("data_keys", "data_key_id"), &["UNKNOWN_DATA_KEY"]),
        (("data_keys", "commitment"), &["DATA_KEY_SUBSTITUTED"]),
        (("data_keys", "state"), &["ROW_NOT_AUTHENTIC"]),
        (("data_keys", "created_at"), &["ROW_NOT_AUTHENTIC"]),
        (("data_keys", "mac"), &["ROW_NOT_AUTHENTIC"]),
        (("wraps", "data_key_id"), &["NO_WRAP_OPENS"]),
        (("wraps", "kms"), &["NO_WRAP_OPENS"]),
        (("wraps", "wrapper_key_id"), &["NO_WRAP_OPENS"]),
        (("wraps", "ciphertext"), &["NO_WRAP_OPENS"]),
        (("wraps", "created_at"), &["STATE_MISMATCH"]),
        (("public_keys", "fingerprint"), &["ROW_NOT_AUTHENTIC"]),
        // A signing spec can only become another one; an encryption spec may become none.
        (
            ("public_keys", "spec"),
            &["ROW_NOT_AUTHENTIC", "STORE_CORRUPTED"],
        ),
        // Usages are for signing keys, and not every number is a set of them.
        (
            ("public_keys", "usages"),
            &["ROW_NOT_AUTHENTIC", "STORE_CORRUPTED"],
        ),
        (("public_keys", "spki"), &["ROW_NOT_AUTHENTIC"]),
        (("public_keys", "name"), &["ROW_NOT_AUTHENTIC"]),
        (("public_keys", "created_at"), &["ROW_NOT_AUTHENTIC"]),
        (("public_keys", "data_key_id"), &["UNKNOWN_DATA_KEY"]),
        (("public_keys", "mac"), &["ROW_NOT_AUTHENTIC"]),
        // The private row belongs to no public row then.
        (("private_keys", "fingerprint"), &["STATE_MISMATCH"]),
        // Custody, sealing, wrapper key and bytes must fit together before anything else is looked at.
        (
            ("private_keys", "custody"),
            &["ROW_NOT_AUTHENTIC", "STORE_CORRUPTED"],
        ),
        (
            ("private_keys", "sealing"),
            &["ROW_NOT_AUTHENTIC", "STORE_CORRUPTED"],
        ),
        (("private_keys", "state"), &["ROW_NOT_AUTHENTIC"]),
        (("private_keys", "exposed"), &["ROW_NOT_AUTHENTIC"]),
        (
            ("private_keys", "wrapper_key_id"),
            &["ROW_NOT_AUTHENTIC", "STORE_CORRUPTED"],
        ),
        (("private_keys", "data_key_id"), &["UNKNOWN_DATA_KEY"]),
        (("private_keys", "stored_key"), &["ROW_NOT_AUTHENTIC"]),
        (("private_keys", "created_at"), &["ROW_NOT_AUTHENTIC"]),
        (("private_keys", "mac"), &["ROW_NOT_AUTHENTIC"]),
        // No KMS holds the keys of this vault; where one does, an edit is one of the row's tag.
        (("private_keys", "kms"), &["STORE_CORRUPTED"]),
        (("private_keys", "kms_key_id"), &["STORE_CORRUPTED"]),
        // The last record is looked at when the vault opens, the others when the log is verified.
        (("audit", "sequence"), &["AUDIT_BROKEN"]),
        (("audit", "body"), &["AUDIT_BROKEN"]),
        (("audit", "hash"), &["AUDIT_BROKEN"]),
    ];
    expectations
        .into_iter()
        .map(|((table, column), codes)| (format!("{table}.{column}"), codes))
        .collect()
}

struct Column {
    table: String,
    name: String,
    kind: String,
}

/// Every column that the database has. Tables of topology and of keys that a KMS makes are empty in this vault; they have tests
/// of their own, `every_column_of_an_approval_is_authenticated`, `every_column_of_every_row_of_topology_is_authenticated` and
/// `every_column_of_the_journal_is_authenticated`.
fn columns(database: &Connection) -> Vec<Column> {
    let mut tables = database
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('approvals', 'backups', 'identity', 'kms_journal', 'rotations', 'topology')")
        .unwrap();
    let tables: Vec<String> = tables
        .query_map((), |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut columns = Vec::new();
    for table in tables {
        let mut info = database
            .prepare(&format!("PRAGMA table_info({table})"))
            .unwrap();
        let found = info.query_map((), |row| {
            Ok(Column {
                table: table.clone(),
                name: row.get("name")?,
                kind: row.get("type")?,
            })
        });
        columns.extend(found.unwrap().map(Result::unwrap));
    }
    columns
}

/// The smallest change of a value, by its type: one bit, one more, one letter.
fn edit(database: &Connection, column: &Column, row: usize) {
    let Column { table, name, kind } = column;
    let key = match &**table {
        "vault" => "only_row",
        "audit" => "sequence",
        "data_keys" | "wraps" => "data_key_id",
        _ => "fingerprint",
    };
    let place = format!("{key} = (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {row})");
    let changed = match &**kind {
        "INTEGER" if name == "state" || name == "exposed" => database.execute(
            &format!("UPDATE {table} SET {name} = 1 - {name} WHERE {place}"),
            (),
        ),
        // The number behind the last one, so that no other record has it.
        "INTEGER" if name == "sequence" => database.execute(
            &format!("UPDATE {table} SET {name} = 1000 + {name} WHERE {place}"),
            (),
        ),
        "INTEGER" => database.execute(
            &format!("UPDATE {table} SET {name} = ifnull({name} + 1, 1) WHERE {place}"),
            (),
        ),
        "TEXT" => database.execute(
            &format!("UPDATE {table} SET {name} = ifnull({name}, '') || 'x' WHERE {place}"),
            (),
        ),
        "BLOB" => {
            let read = format!("SELECT {name} FROM {table} WHERE {place}");
            let value: Option<Vec<u8>> = database.query_row(&read, (), |row| row.get(0)).unwrap();
            let mut value = value.unwrap_or_else(|| vec![0]);
            *value.last_mut().unwrap() ^= 1;
            database.execute(
                &format!("UPDATE {table} SET {name} = ?1 WHERE {place}"),
                [value],
            )
        }
        other => panic!("{table}.{name} is of the unknown type {other}"),
    };
    assert_eq!(changed.unwrap(), 1, "{table}.{name}, row {row}");
}

fn rows(database: &Connection, table: &str) -> usize {
    database
        .query_row(&format!("SELECT count(*) FROM {table}"), (), |row| {
            row.get::<_, i64>(0)
        })
        .unwrap()
        .try_into()
        .unwrap()
}

#[tokio::test]
async fn an_edit_of_any_column_of_any_row_is_noticed() {
    let victim = Victim::without_anchor().await;
    let original = victim.house.copy();
    let picture = Picture::of(&original.open().await).await;
    let mut expectations = expectations();
    let database = original.database();
    let (mut edits, mut harmless) = (0, Vec::new());
    for column in columns(&database) {
        let place = format!("{}.{}", column.table, column.name);
        let expected = expectations
            .remove(&place)
            .unwrap_or_else(|| panic!("say what happens when somebody edits {place}"));
        for row in 0..rows(&database, &column.table) {
            let house = victim.house.copy();
            edit(&house.database(), &column, row);
            edits += 1;
            match noticed(&house).await {
                Some(code) => assert!(expected.contains(&code), "{place}, row {row}: {code}"),
                None => {
                    assert!(expected.is_empty(), "nobody noticed {place}, row {row}");
                    assert_eq!(Picture::of(&house.open().await).await, picture);
                    harmless.push(place.clone());
                }
            }
        }
    }
    assert!(expectations.is_empty(), "no such column: {expectations:?}");
    assert_eq!(harmless, ["vault.only_row"]);
    assert!(edits > 150, "only {edits} edits were tried");
}

#[tokio::test]
async fn with_an_anchor_another_vault_or_data_key_is_noticed_before_the_kms_is_asked() {
    let victim = Victim::with_anchor().await;
    for (table, column) in [("vault", "vault_id"), ("data_keys", "commitment")] {
        let house = victim.house.copy();
        let column = Column {
            table: table.to_owned(),
            name: column.to_owned(),
            kind: "BLOB".to_owned(),
        };
        edit(&house.database(), &column, 0);
        assert_eq!(house.refusal().await, "ANCHOR_OF_OTHER_VAULT");
        assert_eq!(house.metered.calls().total(), 0);
    }
}

#[tokio::test]
async fn a_form_of_a_later_version_is_not_guessed_at() {
    let victim = Victim::without_anchor().await;
    let set_version = |house: &House, table: &str, column: &str| {
        let database = house.database();
        let read = format!("SELECT {column} FROM {table} LIMIT 1");
        let mut bytes: Vec<u8> = database.query_row(&read, (), |row| row.get(0)).unwrap();
        bytes[0] = 2;
        database
            .execute(&format!("UPDATE {table} SET {column} = ?1"), [bytes])
            .unwrap();
    };
    let house = victim.house.copy();
    set_version(&house, "vault", "state");
    assert_eq!(house.refusal().await, "UNKNOWN_FORMAT");
}

#[tokio::test]
async fn values_that_cannot_be_are_refused_as_damage() {
    let victim = Victim::without_anchor().await;
    for sql in [
        "UPDATE vault SET vault_id = x'01'",
        "UPDATE vault SET current_data_key = zeroblob(17)",
        "UPDATE data_keys SET state = 7",
        "UPDATE data_keys SET commitment = x''",
        "UPDATE public_keys SET spec = 99",
        "UPDATE public_keys SET usages = 255 WHERE usages IS NOT NULL",
        "UPDATE public_keys SET usages = NULL",
        "UPDATE private_keys SET custody = 9",
        "UPDATE private_keys SET exposed = 2",
        "UPDATE private_keys SET mac = x'00'",
        "UPDATE private_keys SET stored_key = NULL",
        "UPDATE audit SET hash = x'00'",
    ] {
        victim.refuses(sql, "STORE_CORRUPTED").await;
    }
    victim
        .refuses("UPDATE vault SET state = x''", "STATE_NOT_AUTHENTIC")
        .await;
    victim
        .refuses(
            "UPDATE wraps SET wrapper_key_id = hex(zeroblob(200))",
            "ROW_NOT_AUTHENTIC",
        )
        .await;
}
