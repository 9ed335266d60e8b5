//! The database changes while the vault is open.

use std::time::Duration;

use strongroom_crypto::Fingerprint;
use strongroom_vault::{CacheSettings, ExportForm, Settings, Vault};

use super::{Victim, blob, literal};
use crate::house::{House, Picture, caller, check_signs, code, sign, signing_key};

/// A closed vault and two of its keys, to be opened with nothing cached.
async fn two_keys(house: &House) -> (Fingerprint, Fingerprint) {
    let vault = house.create().await;
    let keys = (signing_key(&vault).await, signing_key(&vault).await);
    vault.close().await.unwrap();
    keys
}

fn edit(house: &House, sql: &str) {
    house
        .database()
        .execute_batch(sql)
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[tokio::test]
async fn a_row_exchanged_under_an_open_vault_is_refused_when_it_is_used() {
    let house = House::new();
    let (key, other) = two_keys(&house).await;
    let vault = house.open().await;
    let (key_blob, other_blob) = (blob(&key), blob(&other));
    for set in [
        format!(
            "stored_key = (SELECT stored_key FROM private_keys WHERE fingerprint = {other_blob})"
        ),
        "state = 1".to_owned(),
        "exposed = 1".to_owned(),
        "created_at = 7".to_owned(),
        "custody = 0, sealing = 0, stored_key = zeroblob(32)".to_owned(),
        "stored_key = x''".to_owned(),
        "stored_key = x'02'".to_owned(),
    ] {
        let saved = house.copy();
        edit(
            &house,
            &format!("UPDATE private_keys SET {set} WHERE fingerprint = {key_blob}"),
        );
        assert_eq!(code(sign(&vault, &key).await), "ROW_NOT_AUTHENTIC", "{set}");
        let exported = vault
            .export_key(&caller(), &key, &ExportForm::Pkcs8Der)
            .await;
        assert_eq!(code(exported), "ROW_NOT_AUTHENTIC", "{set}");
        assert_eq!(
            code(vault.retire_key(&caller(), &key).await),
            "ROW_NOT_AUTHENTIC"
        );
        restore(&house, &saved);
    }
    check_signs(&vault, &key).await;
    check_signs(&vault, &other).await;
}

/// Puts the private rows back, past the vault.
fn restore(house: &House, saved: &House) {
    let database = house.database();
    let path = saved.vault_folder().join("vault.db");
    // The copy has a log of its own; opening it brings the log in.
    drop(saved.database());
    database
        .execute("ATTACH ?1 AS saved", [path.to_str().unwrap()])
        .unwrap();
    database
        .execute_batch(
            "BEGIN; DELETE FROM private_keys; INSERT INTO private_keys SELECT * FROM saved.private_keys; COMMIT",
        )
        .unwrap();
}

#[tokio::test]
async fn an_old_row_slipped_under_an_open_vault_is_refused_when_it_is_used() {
    let victim = Victim::with_anchor().await;
    let before = victim.house.copy();
    drop(before.database());
    let vault = victim.house.open().await;
    vault
        .seal_clear_key(&caller(), &victim.clear)
        .await
        .unwrap();
    restore(&victim.house, &before);
    assert_eq!(code(sign(&vault, &victim.clear).await), "ROW_NOT_AUTHENTIC");
    check_signs(&vault, &victim.sealed).await;
}

#[tokio::test]
async fn a_retired_key_revived_in_the_database_stays_retired_in_the_open_vault() {
    let victim = Victim::with_anchor().await;
    let vault = victim.house.open().await;
    edit(&victim.house, "UPDATE private_keys SET state = 0");
    assert_eq!(code(sign(&vault, &victim.retired).await), "KEY_RETIRED");
}

#[tokio::test]
async fn a_row_deleted_under_an_open_vault_is_missed_when_it_is_used() {
    let house = House::new();
    let (key, other) = two_keys(&house).await;
    let vault = house.open().await;
    edit(
        &house,
        &format!(
            "DELETE FROM private_keys WHERE fingerprint = {}",
            blob(&key)
        ),
    );
    assert_eq!(code(sign(&vault, &key).await), "CHANGED_UNDERNEATH");
    assert_eq!(
        code(vault.retire_key(&caller(), &key).await),
        "CHANGED_UNDERNEATH"
    );
    assert_eq!(
        code(vault.delete_key(&caller(), &key).await),
        "CHANGED_UNDERNEATH"
    );
    check_signs(&vault, &other).await;
    vault.close().await.unwrap();
    assert_eq!(house.refusal().await, "STATE_MISMATCH");
}

#[tokio::test]
async fn an_opened_key_goes_on_while_its_row_is_tampered_with() {
    let settings = Settings {
        cache: CacheSettings {
            capacity: 10,
            expire_after: Duration::from_secs(60),
            ..CacheSettings::default()
        },
        ..Settings::default()
    };
    let house = House::new().with_settings(settings);
    let (key, _) = two_keys(&house).await;
    let vault = house.open().await;
    check_signs(&vault, &key).await;
    edit(&house, "UPDATE private_keys SET stored_key = x'00'");
    check_signs(&vault, &key).await;
    house.clock.advance(Duration::from_secs(61));
    assert_eq!(code(sign(&vault, &key).await), "ROW_NOT_AUTHENTIC");
}

/// Every administrative act on a vault with these keys.
async fn acts(vault: &Vault, key: &Fingerprint) -> Vec<(&'static str, &'static str)> {
    let import = crate::house::foreign_key(8);
    let public = strongroom_vault::PublicKeyImport {
        public: crate::house::foreign_key(9).public,
        name: None,
    };
    let new = crate::house::new_protocol_key();
    let form = ExportForm::Pkcs8Der;
    vec![
        (
            "generate",
            code(vault.generate_signing_key(&caller(), new).await),
        ),
        ("import", code(vault.import_key(&caller(), import).await)),
        (
            "import public",
            code(vault.import_public_key(&caller(), public).await),
        ),
        ("retire", code(vault.retire_key(&caller(), key).await)),
        (
            "export",
            code(vault.export_key(&caller(), key, &form).await),
        ),
        ("delete", code(vault.delete_key(&caller(), key).await)),
    ]
}

#[tokio::test]
async fn another_writer_of_the_database_makes_every_act_fail_and_nothing_is_lost() {
    let house = House::new();
    let (key, other) = two_keys(&house).await;
    // Somebody works on the same database with a vault of his own.
    let twin = house.copy();
    let vault = house.open().await;
    let before = Picture::of(&vault).await;
    let twins = twin.open().await;
    let added = signing_key(&twins).await;
    let picture = Picture::of(&twins).await;
    twins.close().await.unwrap();
    overwrite(&house, &twin);
    house.take_anchor_of(&twin);

    for (act, code) in acts(&vault, &key).await {
        assert_eq!(code, "CHANGED_UNDERNEATH", "{act}");
    }
    assert!(vault.key(&added).is_err());
    check_signs(&vault, &key).await;
    check_signs(&vault, &other).await;
    assert_eq!(Picture::of(&vault).await.keys, before.keys);
    vault.close().await.unwrap();

    let vault = house.open().await;
    assert_eq!(Picture::of(&vault).await, picture);
    signing_key(&vault).await;
}

/// Replaces the contents of every table by those of `other`, in one transaction past the vault.
fn overwrite(house: &House, other: &House) {
    let database = house.database();
    let path = other.vault_folder().join("vault.db");
    database
        .execute("ATTACH ?1 AS other", [path.to_str().unwrap()])
        .unwrap();
    let tables = [
        "vault",
        "data_keys",
        "wraps",
        "public_keys",
        "private_keys",
        "audit",
    ];
    let copies: String = tables
        .iter()
        .map(|table| {
            format!(
                "DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM other.{table};"
            )
        })
        .collect();
    database
        .execute_batch(&format!("BEGIN IMMEDIATE; {copies} COMMIT"))
        .unwrap();
}

#[tokio::test]
async fn a_state_record_exchanged_under_an_open_vault_makes_every_act_fail() {
    let house = House::new();
    let (key, _) = two_keys(&house).await;
    let vault = house.open().await;
    edit(
        &house,
        &format!("UPDATE vault SET state = {}", literal(&[1; 150])),
    );
    for (act, code) in acts(&vault, &key).await {
        assert_eq!(code, "CHANGED_UNDERNEATH", "{act}");
    }
    check_signs(&vault, &key).await;
}

#[tokio::test]
async fn an_audit_log_changed_under_an_open_vault_makes_every_act_fail() {
    for sql in [
        "DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)",
        "INSERT INTO audit SELECT max(sequence) + 1, body, hash FROM audit",
    ] {
        let house = House::new();
        let (key, _) = two_keys(&house).await;
        let vault = house.open().await;
        edit(&house, sql);
        for (act, code) in acts(&vault, &key).await {
            assert_eq!(code, "AUDIT_BROKEN", "{act}");
        }
        check_signs(&vault, &key).await;
        vault.close().await.unwrap();
        assert_eq!(house.refusal().await, "AUDIT_BROKEN");
    }
}

#[tokio::test]
async fn a_vault_that_vanished_under_an_open_one_makes_every_act_fail() {
    let house = House::new();
    let (key, _) = two_keys(&house).await;
    let vault = house.open().await;
    edit(&house, "DELETE FROM vault");
    for (act, code) in acts(&vault, &key).await {
        assert_eq!(code, "CHANGED_UNDERNEATH", "{act}");
    }
    check_signs(&vault, &key).await;
}
