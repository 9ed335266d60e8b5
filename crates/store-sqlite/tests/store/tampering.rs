//! Rows that somebody wrote past the store.

use strongroom_store::{Damage, Row, StoreError};
use strongroom_test_support::store::{Storage, samples};

use crate::common::{TemporaryFolder, all_keys};

/// Changes an open vault behind its back; as an adversary does, without regard for the schema's rules.
async fn error_of_keys(change: &str) -> StoreError {
    let folder = TemporaryFolder::with_vault(5).await;
    let store = folder.open().await;
    let connection = folder.connection();
    connection
        .execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF")
        .unwrap();
    connection.execute_batch(change).unwrap();
    all_keys(&*store).await.unwrap_err()
}

async fn check(change: &str, table: &'static str, column: &'static str) {
    let change = change.replace(
        "KEY3",
        &format!("x'{}'", hex(samples::fingerprint(3).as_bytes())),
    );
    let StoreError::Corrupted { damage, .. } = error_of_keys(&change).await else {
        panic!("{change}");
    };
    let row = if column == "fingerprint" {
        Row::Nameless
    } else {
        Row::Key(samples::fingerprint(3))
    };
    assert_eq!(damage, Damage::Value { table, column, row }, "{change}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn an_impossible_value_is_reported_with_its_place() {
    for (set, column) in [
        ("spec = 77", "spec"),
        ("spec = -1", "spec"),
        ("spec = 4294967297", "spec"),
        ("spec = 129", "usages"),
        ("usages = NULL", "usages"),
        ("usages = 0", "usages"),
        ("usages = 255", "usages"),
        // The store writes protocol with its proof of ownership; protocol alone is somebody else's.
        ("usages = 8", "usages"),
        ("name = ''", "name"),
        ("name = hex(zeroblob(200))", "name"),
        ("name = CAST(x'ff' AS TEXT)", "name"),
        ("data_key_id = x'01'", "data_key_id"),
        ("mac = zeroblob(33)", "mac"),
    ] {
        check(
            &format!("UPDATE public_keys SET {set} WHERE fingerprint = KEY3"),
            "public_keys",
            column,
        )
        .await;
    }
    for (set, column) in [
        ("custody = 3", "custody"),
        ("custody = 0", "custody"),
        ("custody = 2", "custody"),
        ("sealing = 9", "sealing"),
        ("sealing = 2", "custody"),
        ("wrapper_key_id = 'arn'", "custody"),
        ("stored_key = NULL", "custody"),
        ("state = 2", "state"),
        ("exposed = 2", "exposed"),
        ("data_key_id = zeroblob(0)", "data_key_id"),
        ("mac = x''", "mac"),
    ] {
        check(
            &format!("UPDATE private_keys SET {set} WHERE fingerprint = KEY3"),
            "private_keys",
            column,
        )
        .await;
    }
    for table in ["public_keys", "private_keys"] {
        check(
            &format!("UPDATE {table} SET fingerprint = x'00' WHERE fingerprint = KEY3"),
            table,
            "fingerprint",
        )
        .await;
    }
}

#[tokio::test]
async fn a_private_key_whose_public_key_was_removed_is_not_used_and_is_reported() {
    let folder = TemporaryFolder::with_vault(5).await;
    let store = folder.open().await;
    let connection = folder.connection();
    connection
        .execute_batch("PRAGMA foreign_keys = OFF")
        .unwrap();
    for number in [0, 4] {
        connection
            .execute(
                "DELETE FROM public_keys WHERE fingerprint = ?1",
                [samples::fingerprint(number).as_bytes()],
            )
            .unwrap();
    }
    let mut read = store.read().await.unwrap();
    let expected = (1..4).map(samples::key_pair).collect::<Vec<_>>();
    assert_eq!(read.keys_after(None, 10).await.unwrap(), expected);
    drop(read);
    let error = store.check_integrity().await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Corrupted { damage: Damage::Reference { table, parent }, .. }
            if table == "private_keys" && parent == "public_keys"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_trigger_put_into_the_database_does_not_run() {
    let folder = TemporaryFolder::with_vault(5).await;
    folder
        .connection()
        .execute_batch(
            "CREATE TRIGGER revive AFTER UPDATE ON vault BEGIN DELETE FROM private_keys; END",
        )
        .unwrap();
    let store = folder.open().await;
    let mut write = store.begin().await.unwrap();
    let vault = strongroom_store::VaultRecord {
        state: b"generation 2".to_vec(),
        ..samples::vault()
    };
    write
        .update_vault(&samples::vault().state, vault)
        .await
        .unwrap();
    write.commit().await.unwrap();
    assert_eq!(
        all_keys(&*store).await.unwrap(),
        (0..5).map(samples::key_pair).collect::<Vec<_>>()
    );
}
