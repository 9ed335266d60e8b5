//! Reading a real PostgreSQL database with the tables of Canton.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed test panics, in its helpers too"
)]

use strongroom_canton_db::{Address, CantonDbError};
use strongroom_errors::Coded;
use strongroom_memory::SecretBytes;
use strongroom_proto::tables::{KeyTables, KmsKeyRow, PrivateKeyData, PublicKeyRow};
use strongroom_test_postgres::{Database, GUARDED, shared};

/// As Canton's migrations make them (reference: private key stores, section 2).
const TABLES: &str = include_str!("tables.sql");

const ROWS: &str = r"
insert into common_crypto_private_keys (key_id, wrapper_key_id, purpose, data, name) values
    ('b', null, 0, '\x0102', 'signing'),
    ('a', 'alias/wrapper', 1, '\x030405', null);
insert into common_crypto_public_keys (key_id, purpose, data, name) values ('a', 1, '\x06', 'Schlüssel');
insert into common_kms_metadata_store (fingerprint, kms_key_id, purpose, key_usage) values
    ('c', 'arn:c', 0, '{3,4}'), ('d', 'arn:d', 1, null);
";

fn address(url: &str) -> Address {
    Address::parse(&SecretBytes::from_slice(url.as_bytes())).unwrap()
}

async fn read(database: &Database<'_>) -> Result<KeyTables, CantonDbError> {
    address(&database.url()).read_keys().await
}

#[track_caller]
fn code(outcome: Result<KeyTables, CantonDbError>) -> &'static str {
    match outcome {
        Err(error) => error.code().name(),
        Ok(tables) => panic!("this should have failed: {tables:?}"),
    }
}

#[tokio::test]
async fn the_three_tables_come_back_as_they_stand_there() {
    let database = shared().create_database("whole");
    database.run(TABLES);
    let empty = read(&database).await.unwrap();
    assert!(empty.private_keys.is_empty() && empty.public_keys.is_empty());
    database.run(ROWS);
    let tables = read(&database).await.unwrap();

    let [encrypted, clear] = &tables.private_keys[..] else {
        panic!("{tables:?}");
    };
    assert_eq!((&*encrypted.key_id, encrypted.purpose), ("a", 1));
    assert_eq!(encrypted.name, None);
    assert!(matches!(
        &encrypted.data,
        PrivateKeyData::Encrypted { wrapper_key_id, ciphertext }
            if wrapper_key_id == "alias/wrapper" && ciphertext == &[3, 4, 5]
    ));
    assert_eq!((&*clear.key_id, clear.purpose), ("b", 0));
    assert_eq!(clear.name.as_deref(), Some("signing"));
    assert!(matches!(&clear.data, PrivateKeyData::Clear(key) if key.expose() == [1, 2]));
    assert_eq!(
        tables.public_keys,
        [PublicKeyRow {
            key_id: "a".to_owned(),
            purpose: 1,
            data: vec![6],
            name: Some("Schlüssel".to_owned()),
        }]
    );
    let kms = |fingerprint: &str, purpose, key_usage| KmsKeyRow {
        fingerprint: fingerprint.to_owned(),
        kms_key_id: format!("arn:{fingerprint}"),
        purpose,
        key_usage,
    };
    assert_eq!(
        tables.kms_keys,
        [kms("c", 0, Some(vec![3, 4])), kms("d", 1, None)]
    );
}

#[tokio::test]
async fn many_rows_come_back_all() {
    let database = shared().create_database("many");
    database.run(TABLES);
    database.run(
        r"insert into common_crypto_private_keys (key_id, purpose, data)
            select 'key' || lpad(n::text, 6, '0'), 0, '\x00ff' from generate_series(1, 20000) n",
    );
    let tables = read(&database).await.unwrap();
    assert_eq!(tables.private_keys.len(), 20_000);
    assert_eq!(tables.private_keys[19_999].key_id, "key020000");
}

#[tokio::test]
async fn reading_writes_nothing_and_needs_no_right_to_write() {
    let database = shared().create_database("readers");
    database.run(TABLES);
    database.run(ROWS);
    database.run(
        "create role reader login;
         grant select on common_crypto_private_keys, common_crypto_public_keys, common_kms_metadata_store to reader;
         create role nobody_at_all login;",
    );
    let as_user = |user: &str| database.url().replace("tester@", &format!("{user}@"));
    let tables = address(&as_user("reader")).read_keys().await.unwrap();
    assert_eq!(tables.private_keys.len(), 2);
    let refused = address(&as_user("nobody_at_all")).read_keys().await;
    assert_eq!(code(refused), "CANTON_DB_REFUSED");
    let refused = address(&as_user("who_is_that")).read_keys().await;
    assert_eq!(code(refused), "CANTON_DB_REFUSED");
}

#[tokio::test]
async fn a_password_in_the_url_lets_in_and_a_wrong_one_does_not() {
    let database = shared().create_database("passwords");
    database.run(TABLES);
    database.run(ROWS);
    database.run(&format!(
        "create role {GUARDED} login password 'p@ss/w:rd';
         grant select on all tables in schema public to {GUARDED};"
    ));
    let with = |password: &str| {
        let user = format!("{GUARDED}:{password}@");
        address(&database.url().replace("tester@", &user))
    };
    let right = with("p%40ss%2Fw%3Ard");
    assert!(right.carries_password());
    assert_eq!(right.read_keys().await.unwrap().private_keys.len(), 2);
    let refused = with("hunter2").read_keys().await.unwrap_err();
    assert!(!format!("{refused:?}").contains("hunter2"));
    assert_eq!(refused.code().name(), "CANTON_DB_REFUSED");
}

#[tokio::test]
async fn another_schema_is_named_in_the_url() {
    let database = shared().create_database("schemas");
    database.run(&format!(
        "create schema node; set search_path = node; {TABLES} {ROWS}"
    ));
    assert_eq!(code(read(&database).await), "CANTON_DB_NOT_OF_CANTON");
    let url = format!("{}&options[search_path]=node", database.url());
    let tables = address(&url).read_keys().await.unwrap();
    assert_eq!(tables.private_keys.len(), 2);
}

#[tokio::test]
async fn what_is_no_database_of_canton_is_refused() {
    let database = shared().create_database("others");
    assert_eq!(code(read(&database).await), "CANTON_DB_NOT_OF_CANTON");
    // A table of that name, of something else.
    database.run(TABLES);
    database.run("alter table common_kms_metadata_store rename kms_key_id to id");
    assert_eq!(code(read(&database).await), "CANTON_DB_NOT_OF_CANTON");
    database.run("alter table common_kms_metadata_store rename id to kms_key_id");
    database.run("alter table common_crypto_private_keys alter purpose type text");
    database.run(r"insert into common_crypto_private_keys (key_id, purpose, data) values ('a', 'signing', '\x00')");
    assert_eq!(code(read(&database).await), "CANTON_DB_ROW_INVALID");
    let gone = database.url().replace("/others?", "/nowhere?");
    assert_eq!(code(address(&gone).read_keys().await), "CANTON_DB_REFUSED");
    let nobody = "postgres://tester@localhost/c?host=/nowhere";
    assert_eq!(
        code(address(nobody).read_keys().await),
        "CANTON_DB_UNREACHABLE"
    );
}
