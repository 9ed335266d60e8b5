//! Bytes changed and cut.

use proptest::{prelude::ProptestConfig, proptest, sample::Index};

use super::{Victim, blob, literal};
use crate::house::House;

/// What is sealed or wrapped: where it stands, and with what a change of it is refused.
const SEALED: [(&str, &str, &[&str]); 5] = [
    ("stored_key", "private_keys", &["ROW_NOT_AUTHENTIC"]),
    ("mac", "private_keys", &["ROW_NOT_AUTHENTIC"]),
    ("spki", "public_keys", &["ROW_NOT_AUTHENTIC"]),
    ("ciphertext", "wraps", &["NO_WRAP_OPENS"]),
    ("state", "vault", &["STATE_NOT_AUTHENTIC", "UNKNOWN_FORMAT"]),
];

fn values(house: &House, column: &str, table: &str) -> Vec<Vec<u8>> {
    let database = house.database();
    let mut read = database
        .prepare(&format!("SELECT {column} FROM {table} ORDER BY {column}"))
        .unwrap();
    read.query_map((), |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

#[test]
fn any_changed_byte_of_a_sealed_row_a_wrap_or_the_state_record_is_refused() {
    let victim = run(Victim::without_anchor());
    let config = ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(place in 0..SEALED.len(), row: Index, position: Index, change in 1..=u8::MAX)| {
        let (column, table, expected) = SEALED[place];
        let values = values(&victim.house, column, table);
        let value = row.get(&values);
        let mut changed = value.clone();
        *position.get_mut(&mut changed) ^= change;
        let house = victim.tampered(&format!(
            "UPDATE {table} SET {column} = {} WHERE {column} = {}",
            literal(&changed),
            literal(value)
        ));
        let code = run(house.refusal());
        assert!(expected.contains(&code), "{table}.{column}: {code}");
    });
}

#[tokio::test]
async fn sealed_bytes_cut_at_any_length_are_refused() {
    let victim = Victim::without_anchor().await;
    for (key, sealed) in [(victim.sealed, true), (victim.clear, false)] {
        let key = blob(&key);
        let read = format!("SELECT length(stored_key) FROM private_keys WHERE fingerprint = {key}");
        let length: usize = {
            let database = victim.house.database();
            let length: i64 = database.query_row(&read, (), |row| row.get(0)).unwrap();
            length.try_into().unwrap()
        };
        assert_eq!(length, if sealed { 1 + 32 + 32 + 16 } else { 32 });
        for cut in 0..length {
            let sql = format!(
                "UPDATE private_keys SET stored_key = substr(stored_key, 1, {cut}) WHERE fingerprint = {key}"
            );
            victim.refuses(&sql, "ROW_NOT_AUTHENTIC").await;
        }
        let longer = format!(
            "UPDATE private_keys SET stored_key = CAST(stored_key || x'00' AS BLOB) WHERE fingerprint = {key}"
        );
        victim.refuses(&longer, "ROW_NOT_AUTHENTIC").await;
    }
}

#[tokio::test]
async fn a_wrap_or_state_record_cut_at_any_length_is_refused() {
    let victim = Victim::without_anchor().await;
    for (table, column, expected) in [
        ("wraps", "ciphertext", "NO_WRAP_OPENS"),
        ("vault", "state", "STATE_NOT_AUTHENTIC"),
    ] {
        let length = values(&victim.house, column, table)[0].len();
        for cut in 0..length {
            let sql = format!("UPDATE {table} SET {column} = substr({column}, 1, {cut})");
            victim.refuses(&sql, expected).await;
        }
    }
}
