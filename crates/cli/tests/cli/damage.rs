//! A database that was cut, overwritten or edited is noticed, and is left as it is.

use std::fs;

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{Sandbox, text};

/// What damage may be called. All of them mean: do not go on.
const CODES: [&str; 12] = [
    "DATABASE_GONE",
    "STORE_CORRUPTED",
    "STORE_NOT_A_VAULT",
    "STORE_NEWER_SCHEMA",
    "ROW_NOT_AUTHENTIC",
    "ROW_MISSING",
    "STATE_NOT_AUTHENTIC",
    "STATE_MISMATCH",
    "UNKNOWN_DATA_KEY",
    "AUDIT_BROKEN",
    "ANCHOR_OF_OTHER_VAULT",
    "NO_WRAP_OPENS",
];

/// A damaged vault is refused by a command that only looks and by those that would write, and stays as it was.
#[track_caller]
fn refused(sandbox: &Sandbox, what: &str) -> String {
    let mut codes = Vec::new();
    for args in [&["keys", "list"][..], &["keys", "generate-encryption"]] {
        let before = sandbox.snapshot();
        let ran = sandbox.run(args);
        let code = ran
            .code()
            .unwrap_or_else(|| panic!("{what}: {args:?} {ran:?}"));
        assert!(CODES.contains(&code), "{what}: {args:?} {ran:?}");
        let expected = if code.starts_with("STORE_N") || code.starts_with("NO_WRAP") {
            3
        } else {
            5
        };
        assert_eq!(ran.status, expected, "{what}: {ran:?}");
        assert!(ran.stderr.contains("\ntry: "), "{what}: {ran:?}");
        sandbox.assert_unchanged(&before);
        codes.push(code.to_owned());
    }
    let before = sandbox.snapshot();
    let doctor = sandbox.run(["doctor", "--output", "json"]);
    sandbox.assert_unchanged(&before);
    assert_eq!(doctor.status, 1, "{what}: {doctor:?}");
    let found = failed_codes(&doctor.json());
    codes.dedup();
    assert_eq!(codes.len(), 1, "{what}: {codes:?}");
    assert!(found.contains(&codes[0]), "{what}: {found:?}");
    codes.remove(0)
}

/// The codes of the checks that failed.
fn failed_codes(doctor: &Value) -> Vec<String> {
    assert_eq!(doctor["healthy"], false);
    let checks = doctor["checks"].as_array().unwrap().iter();
    let failed = checks.filter(|check| check["status"] == "failed");
    failed.map(|check| text(check, "code")).collect()
}

#[test]
fn a_truncated_database_is_refused_whatever_is_left_of_it() {
    let sandbox = Sandbox::with_quickstart();
    let database = sandbox.path("vault/vault.db");
    let whole = fs::read(&database).unwrap();
    for left in [
        0,
        1,
        99,
        100,
        4095,
        4096,
        whole.len() / 2,
        whole.len() - 4096,
        whole.len() - 2048,
    ] {
        fs::write(&database, &whole[..left]).unwrap();
        refused(&sandbox, &format!("{left} bytes left"));
    }
    // The last bytes belong to the first audit record, which only a walk along the chain looks at.
    fs::write(&database, &whole[..whole.len() - 4]).unwrap();
    let doctor = sandbox.run(["doctor", "--output", "json"]).json();
    assert!(failed_codes(&doctor).contains(&"AUDIT_BROKEN".to_owned()));
    sandbox.refuses(["audit", "verify"], "AUDIT_BROKEN", 5);
    fs::write(&database, whole).unwrap();
    sandbox.run(["doctor"]).succeeded();
}

#[test]
fn a_byte_changed_anywhere_is_noticed_or_changes_nothing_that_counts() {
    let sandbox = Sandbox::with_quickstart();
    let database = sandbox.path("vault/vault.db");
    let whole = fs::read(&database).unwrap();
    let before = sandbox.json(["keys", "list"]);
    let pages = whole.len() / 4096;
    let mut noticed = 0;
    // In each page: its header, a cell pointer, the middle, and the cells at its end.
    for page in 0..pages {
        for offset in [0, 8, 2048, 4000, 4090] {
            let mut damaged = whole.clone();
            damaged[page * 4096 + offset] ^= 0xff;
            fs::write(&database, &damaged).unwrap();
            let ran = sandbox.run(["keys", "list", "--output", "json"]);
            if ran.status == 0 {
                // A byte between the rows, or a counter of the engine.
                assert_eq!(ran.json(), before, "page {page}, byte {offset}");
            } else {
                let code = ran
                    .code()
                    .unwrap_or_else(|| panic!("page {page}, byte {offset}: {ran:?}"));
                assert!(CODES.contains(&code), "page {page}, byte {offset}: {ran:?}");
                assert_eq!(
                    fs::read(&database).unwrap(),
                    damaged,
                    "page {page}, byte {offset}"
                );
                noticed += 1;
            }
        }
    }
    assert!(noticed > 2 * pages, "only {noticed} of {}", 5 * pages);
    fs::write(&database, whole).unwrap();
    sandbox.run(["doctor"]).succeeded();
}

#[test]
fn a_foreign_file_in_the_place_of_the_database_is_refused_and_kept() {
    let sandbox = Sandbox::with_quickstart();
    let database = sandbox.path("vault/vault.db");
    fs::write(&database, "the only copy of my thesis").unwrap();
    assert_eq!(refused(&sandbox, "a thesis"), "DATABASE_GONE");
    let ran = sandbox.run(["quickstart"]);
    assert!(ran.status != 0 && ran.code().is_some(), "{ran:?}");
    assert_eq!(fs::read(&database).unwrap(), b"the only copy of my thesis");

    fs::remove_file(&database).unwrap();
    sandbox.write("vault/vault.db", "");
    let songs = Connection::open(&database).unwrap();
    songs.execute_batch("CREATE TABLE songs (title)").unwrap();
    drop(songs);
    assert_eq!(refused(&sandbox, "a database of songs"), "DATABASE_GONE");
}

#[test]
fn where_a_vault_was_nobody_is_told_to_make_one() {
    let sandbox = Sandbox::with_quickstart();
    let database = sandbox.path("vault/vault.db");
    let whole = fs::read(&database).unwrap();
    fs::remove_file(&database).unwrap();
    let ran = sandbox.refuses(["keys", "list"], "DATABASE_GONE", 5);
    assert!(!ran.stderr.contains("init"), "{}", ran.stderr);
    sandbox.write("vault/vault.db", &whole);
    let connection = Connection::open(&database).unwrap();
    connection
        .execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM vault")
        .unwrap();
    drop(connection);
    assert_eq!(refused(&sandbox, "without its vault row"), "DATABASE_GONE");

    // Without an anchor nothing remembers it.
    sandbox.edit_config(|text| {
        let lines = text.lines().filter(|line| !line.starts_with("anchor = "));
        lines.map(|line| format!("{line}\n")).collect()
    });
    fs::remove_file(&database).unwrap();
    sandbox.refuses(["keys", "list"], "STORE_NOT_A_VAULT", 3);
}

#[test]
fn doctor_looks_at_what_it_can_when_something_is_broken() {
    let sandbox = Sandbox::with_quickstart();
    let statuses = || {
        let ran = sandbox.run(["doctor", "--output", "json"]);
        let document = ran.json();
        let checks = document["checks"].as_array().unwrap().iter();
        let statuses = checks.map(|check| (text(check, "name"), text(check, "status")));
        (ran.status, statuses.collect::<Vec<_>>())
    };
    let has = |checks: &[(String, String)], name: &str, status: &str| {
        checks.contains(&(name.to_owned(), status.to_owned()))
    };
    // The key file: the database is still looked at.
    let key_file = sandbox.keys_folder().join("kms.key");
    let key = fs::read(&key_file).unwrap();
    fs::write(&key_file, "not a key file").unwrap();
    let (status, checks) = statuses();
    assert_eq!(status, 1);
    for (name, expected) in [
        ("configuration", "ok"),
        ("key file", "failed"),
        ("database", "ok"),
        ("pages", "ok"),
        ("process", "ok"),
    ] {
        assert!(has(&checks, name, expected), "{name}: {checks:?}");
    }
    let table = sandbox.run(["doctor"]);
    assert_eq!((table.status, table.stderr.as_str()), (1, ""));
    assert!(
        table.text().contains("FAILED   key file"),
        "{}",
        table.text()
    );
    assert!(
        table
            .text()
            .contains("what to do: strongroom errors KMS_LOCAL_KEY_FILE_DAMAGED"),
        "{}",
        table.text()
    );
    fs::write(&key_file, key).unwrap();
    // The anchor: the vault does not open, everything before it does.
    fs::remove_file(sandbox.keys_folder().join("anchor.json")).unwrap();
    let (status, checks) = statuses();
    assert_eq!(status, 1);
    for (name, expected) in [("pages", "ok"), ("vault", "failed")] {
        assert!(has(&checks, name, expected), "{name}: {checks:?}");
    }
    // The configuration: nothing says where to look.
    fs::write(sandbox.config(), "[vault").unwrap();
    let (status, checks) = statuses();
    assert_eq!(status, 1);
    assert!(has(&checks, "configuration", "failed"), "{checks:?}");
    assert!(has(&checks, "memory", "ok"), "{checks:?}");
    // Only when there is none, there is nothing to look at.
    fs::remove_file(sandbox.config()).unwrap();
    sandbox.refuses(["doctor"], "NO_CONFIG", 3);
}

#[test]
fn rows_that_were_edited_swapped_dropped_or_brought_along_are_noticed() {
    let sandbox = Sandbox::with_quickstart();
    let other = Sandbox::with_quickstart();
    let database = sandbox.path("vault/vault.db");
    let whole = fs::read(&database).unwrap();
    let foreign = other.path("vault/vault.db");
    let foreign = foreign.to_str().unwrap();
    for (what, sql) in [
        (
            "a name edited",
            "UPDATE public_keys SET name = 'node-signing-2' WHERE name = 'node-signing'",
        ),
        (
            "a key dropped",
            "DELETE FROM private_keys WHERE fingerprint = (SELECT min(fingerprint) FROM private_keys)",
        ),
        ("all private keys dropped", "DELETE FROM private_keys"),
        (
            "two sealed keys swapped",
            "UPDATE private_keys SET stored_key = (SELECT p.stored_key FROM private_keys p WHERE p.fingerprint <> private_keys.fingerprint LIMIT 1)",
        ),
        ("custody edited", "UPDATE private_keys SET exposed = 1"),
        (
            "the state record of another vault",
            "UPDATE vault SET state = (SELECT state FROM other.vault)",
        ),
        (
            "the keys of another vault",
            "DELETE FROM private_keys; DELETE FROM public_keys; INSERT INTO public_keys SELECT * FROM other.public_keys; INSERT INTO private_keys SELECT * FROM other.private_keys",
        ),
        (
            "the wrap of another vault",
            "UPDATE wraps SET ciphertext = (SELECT ciphertext FROM other.wraps)",
        ),
        (
            "the audit log cut",
            "DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)",
        ),
    ] {
        fs::write(&database, &whole).unwrap();
        let connection = Connection::open(&database).unwrap();
        connection.execute("ATTACH ?1 AS other", [foreign]).unwrap();
        connection
            .execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}"))
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        drop(connection);
        assert_ne!(fs::read(&database).unwrap(), whole, "{what}");
        refused(&sandbox, what);
    }
    fs::write(&database, whole).unwrap();
    sandbox.run(["doctor"]).succeeded();
}
