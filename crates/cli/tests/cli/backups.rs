//! `backup`: made, verified, restored, listed; and what doctor says of them.

use std::fs;

use age::secrecy::ExposeSecret;
use serde_json::Value;

use crate::support::{Sandbox, text};

/// A recipient, and the file of its identity.
fn recipient(sandbox: &Sandbox, name: &str) -> String {
    let identity = age::x25519::Identity::generate();
    sandbox.write(name, identity.to_string().expose_secret());
    identity.to_public().to_string()
}

fn create(sandbox: &Sandbox, file: &str, recipient: &str) -> Value {
    sandbox.json(["backup", "create", file, "--recipient", recipient])
}

fn verify(sandbox: &Sandbox, file: &str) -> Value {
    sandbox.json(["backup", "verify", file, "--identity-file", "identity"])
}

/// Takes the database away, and leaves the configuration.
fn lose_database(sandbox: &Sandbox) {
    for entry in fs::read_dir(sandbox.vault()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("vault.db") {
            fs::remove_file(path).unwrap();
        }
    }
}

fn sign(sandbox: &Sandbox, key: &str) -> crate::support::Ran {
    sandbox.run_with(
        "message",
        ["sign", "-", "--key", key, "--encoding", "base64"],
    )
}

#[test]
fn a_backup_is_made_verified_lost_and_restored() {
    let sandbox = Sandbox::with_quickstart();
    let recipient = recipient(&sandbox, "identity");
    let key = sandbox.signing_key("ec-p256", "protocol");
    let created = create(&sandbox, "monday.backup", &recipient);
    assert_eq!(created["encrypted"], true);
    assert_eq!(created["verified_at"], Value::Null);
    let file = sandbox.read("monday.backup");
    assert_eq!(created["bytes"], file.len());
    assert!(file.starts_with(b"age-encryption.org/v1\n"));

    let report = verify(&sandbox, "monday.backup");
    assert_eq!(report["sound"], true, "{report}");
    assert_eq!(report["recorded"], true, "{report}");
    assert_eq!(report["sha256"], created["sha256"]);
    assert_eq!(report["backup"]["id"], created["id"]);
    assert_eq!(report["opened_by"]["kms"], "local");
    assert_eq!(report["failed"], serde_json::json!([]));
    assert!(report["keys"]["signed"].as_u64().unwrap() >= 4, "{report}");
    assert_eq!(report["keys"]["decrypted"], 2);
    assert!(report["topology"]["rows"].as_u64().unwrap() > 0);
    assert!(text(&report, "verified_at").ends_with('Z'));
    let list = sandbox.json(["backup", "list"]);
    assert_eq!(list["backups"][0]["verified_at"], report["verified_at"]);
    assert_eq!(list["last_verified"], created["created_at"]);

    // The anchor remembers a later state from here on.
    sandbox.signing_key("ec-p256", "protocol");
    lose_database(&sandbox);
    let restore = [
        "backup",
        "restore",
        "monday.backup",
        "--identity-file",
        "identity",
    ];
    let refused = sandbox.run(restore).failed("BACKUP_OLDER_THAN_ANCHOR", 3);
    assert!(refused.stderr.contains("generation"), "{}", refused.stderr);
    let restored = sandbox.json([&restore[..], &["--accept-older"]].concat());
    assert_eq!(restored["generation"], created["generation"]);
    assert_eq!(restored["quarantine"], true);

    sign(&sandbox, &key).failed("VAULT_IN_QUARANTINE", 3);
    let doctor = sandbox.json(["doctor"]);
    let checks = doctor["checks"].as_array().unwrap();
    let quarantine = checks.iter().find(|check| check["name"] == "quarantine");
    assert_eq!(quarantine.unwrap()["code"], "VAULT_IN_QUARANTINE");
    sandbox
        .run(["backup", "release"])
        .failed("NOT_CONFIRMED", 3);
    let flag = "--i-have-retired-what-is-no-longer-announced";
    sandbox.run(["backup", "release", flag]).succeeded();
    sign(&sandbox, &key).succeeded();
    sandbox.run(["audit", "verify"]).succeeded();
    sandbox
        .run(["backup", "release", flag])
        .failed("VAULT_NOT_IN_QUARANTINE", 3);
    sandbox
        .run([&restore[..], &["--accept-older"]].concat())
        .failed("STORE_ALREADY_A_VAULT", 3);
}

#[test]
fn who_can_read_a_backup_is_said_and_no_file_is_replaced() {
    let sandbox = Sandbox::with_vault();
    let recipient = recipient(&sandbox, "identity");
    let told = sandbox.refuses(["backup", "create", "plain.backup"], "WRONG_USAGE", 2);
    // Every way there is.
    for flag in ["--recipient <", "--passphrase-file", "--unencrypted"] {
        assert!(told.stderr.contains(flag), "{}", told.stderr);
    }
    let nonsense = [
        "backup",
        "create",
        "plain.backup",
        "--recipient",
        "age1nonsense",
    ];
    sandbox.refuses(nonsense, "BACKUP_RECIPIENT_INVALID", 2);
    let plain = ["backup", "create", "plain.backup", "--unencrypted"];
    assert_eq!(sandbox.json(plain)["encrypted"], false);
    sandbox.refuses(plain, "FILE_EXISTS", 3);
    sandbox
        .run(["backup", "verify", "plain.backup"])
        .succeeded();

    sandbox.write("recipients", format!("# who keeps backups\n{recipient}\n"));
    let listed = [
        "backup",
        "create",
        "listed.backup",
        "--recipients-file",
        "recipients",
    ];
    sandbox.run(listed).succeeded();
    assert_eq!(verify(&sandbox, "listed.backup")["sound"], true);
    sandbox.refuses(["backup", "verify", "listed.backup"], "BACKUP_ENCRYPTED", 3);
    recipient_of_nobody(&sandbox);
    let other = [
        "backup",
        "verify",
        "listed.backup",
        "--identity-file",
        "other",
    ];
    sandbox.refuses(other, "BACKUP_KEY_WRONG", 4);
}

fn recipient_of_nobody(sandbox: &Sandbox) {
    recipient(sandbox, "other");
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_is_restored() {
    let sandbox = Sandbox::with_vault();
    sandbox
        .run(["backup", "create", "good.backup", "--unencrypted"])
        .succeeded();
    let good = sandbox.read("good.backup");
    lose_database(&sandbox);
    let restore = |file: &str| {
        let args = ["backup", "restore", file, "--accept-older"];
        sandbox.run(args)
    };
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    sandbox.write("flipped.backup", &flipped);
    restore("flipped.backup").failed("BACKUP_DAMAGED", 5);
    sandbox.write("cut.backup", &good[..good.len() - 1]);
    restore("cut.backup").failed("BACKUP_DAMAGED", 5);
    sandbox.write("other.backup", "something else");
    restore("other.backup").failed("BACKUP_NOT_A_BACKUP", 2);
    assert!(!sandbox.path("vault/vault.db").exists());
    restore("good.backup").succeeded();
}

#[test]
fn a_backup_is_verified_where_no_vault_is_and_restored_and_accepted_at_once() {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.signing_key("ec-p256", "protocol");
    sandbox.write("passphrase", "of a backup\n");
    let with = ["--passphrase-file", "passphrase"];
    sandbox
        .run([&["backup", "create", "vault.backup"], &with[..]].concat())
        .succeeded();
    lose_database(&sandbox);
    let verify = [&["backup", "verify", "vault.backup"], &with[..]].concat();
    let report = sandbox.json(verify);
    assert_eq!(report["sound"], true);
    assert_eq!(report["recorded"], false);
    assert!(text(&report, "not_recorded_because").contains("no vault"));
    assert_eq!(report["kms_calls"], 2, "to open it, and to try its wrap");
    let accepted = ["--accept-older", "--accept"];
    let restore = [&["backup", "restore", "vault.backup"], &with[..], &accepted].concat();
    assert_eq!(sandbox.json(restore)["quarantine"], false);
    sign(&sandbox, &key).succeeded();
}

#[test]
fn doctor_tells_how_old_the_last_verified_backup_is() {
    let sandbox = Sandbox::with_vault();
    let backup = || {
        let report = sandbox.json(["doctor"]);
        let checks = report["checks"].as_array().unwrap();
        let found = checks.iter().find(|check| check["name"] == "backup");
        (
            text(found.unwrap(), "status"),
            text(found.unwrap(), "detail"),
        )
    };
    let (status, detail) = backup();
    assert!(
        status == "warning" && detail.contains("no backup was verified"),
        "{detail}"
    );
    sandbox
        .run(["backup", "create", "vault.backup", "--unencrypted"])
        .succeeded();
    assert_eq!(backup().0, "warning", "it was not verified");
    let verify = ["backup", "verify", "vault.backup"];
    sandbox
        .run([&verify[..], &["--no-record"]].concat())
        .succeeded();
    assert_eq!(backup().0, "warning", "nobody told the vault");
    sandbox.run(verify).succeeded();
    let (status, detail) = backup();
    assert!(status == "ok" && detail.contains("0 hours ago"), "{detail}");
}

#[test]
fn a_key_is_retired_by_whoever_says_so() {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.signing_key("ec-p256", "protocol");
    sandbox.refuses(["keys", "retire", &key], "NOT_CONFIRMED", 3);
    assert_eq!(
        sandbox.json(["keys", "retire", &key, "--yes"])["state"],
        "retired"
    );
    sign(&sandbox, &key).failed("KEY_RETIRED", 3);
}
