//! `keys rotate` and `keys rotate-all`.

use serde_json::Value;

use crate::{
    other_kms::Cloud,
    support::{Sandbox, text},
};

fn state_of(sandbox: &Sandbox, key: &str) -> String {
    text(&sandbox.json(["keys", "show", key]), "state")
}

fn is_announced(sandbox: &Sandbox, key: &str) -> bool {
    let shown = sandbox.json(["keys", "show", key]);
    !shown["announced"].as_array().unwrap().is_empty()
}

#[test]
fn a_rotated_key_decrypts_what_is_old_and_its_successor_is_announced() {
    let sandbox = Sandbox::with_participant("node");
    let old = sandbox.key_named("node-encryption");
    sandbox.write("message", "hello");
    let encrypt = ["encrypt", "message", "--to", &old, "--out", "encrypted"];
    sandbox.run(encrypt).succeeded();

    let document = sandbox.json(["keys", "rotate", &old, "--name", "node-encryption-2"]);
    let rotation = &document["rotations"][0];
    assert_eq!(rotation["old"], old);
    assert_eq!(rotation["name"], "node-encryption-2");
    assert_eq!(rotation["state"], "retired");
    assert_eq!(document["waiting_for"], Value::Array(Vec::new()));
    let new = text(rotation, "new");
    assert_eq!(state_of(&sandbox, &old), "retired");
    assert_eq!(state_of(&sandbox, &new), "active");
    assert!(is_announced(&sandbox, &new) && !is_announced(&sandbox, &old));

    let ran = sandbox
        .run(["decrypt", "encrypted", "--key", &old])
        .succeeded();
    assert_eq!(ran.text(), "hello");
    let again = ["encrypt", "message", "--to", &old, "--out", "again"];
    sandbox.refuses(again, "KEY_RETIRED", 3);
    // Nobody refers to it any more, so it may go.
    sandbox.run(["keys", "delete", &old, "--yes"]).succeeded();
}

#[test]
fn a_rotated_key_signs_nothing_any_more() {
    let sandbox = Sandbox::with_participant("node");
    let old = sandbox.key_named("node-signing");
    let ran = sandbox.run(["keys", "rotate", &old]).succeeded();
    assert!(ran.text().trim_start().starts_with("OLD"), "{}", ran.text());
    assert!(ran.text().contains("node-signing-rotated-"));
    assert_eq!(ran.stderr, "", "progress is for terminals");
    sandbox.write("message", "hello");
    let sign = |key: &str| sandbox.run(["sign", "message", "--key", key, "--encoding", "hex"]);
    sign(&old).failed("KEY_RETIRED", 3);
    let listed = sandbox.json(["keys", "list", "--name", "node-signing-rotated-"]);
    let new = text(&listed["keys"][0], "fingerprint");
    sign(&new).succeeded();
}

#[test]
fn all_keys_are_rotated_at_once_but_the_permanent_one() {
    let sandbox = Sandbox::with_participant("node");
    let root = sandbox.key_named("node-namespace");
    let document = sandbox.json(["keys", "rotate-all"]);
    let rotations = document["rotations"].as_array().unwrap();
    assert_eq!(rotations.len(), 3);
    for rotation in rotations {
        assert_eq!(rotation["state"], "retired");
        assert_eq!(state_of(&sandbox, &text(rotation, "old")), "retired");
        assert!(is_announced(&sandbox, &text(rotation, "new")));
    }
    assert_eq!(state_of(&sandbox, &root), "active");
    sandbox.refuses(["keys", "rotate", &root], "PERMANENT_KEY", 3);
    // Their successors can be rotated too.
    let again = sandbox.json(["keys", "rotate-all"]);
    assert_eq!(again["rotations"].as_array().unwrap().len(), 3);
    assert_eq!(sandbox.json(["doctor"])["healthy"], true);
}

#[test]
fn what_cannot_be_rotated_is_refused_and_changes_nothing() {
    let sandbox = Sandbox::with_participant("node");
    let other = sandbox.signing_key("ed25519", "protocol");
    sandbox.refuses(["keys", "rotate", &other], "KEY_NOT_ANNOUNCED", 3);
    let nobody = format!("1220{}", "00".repeat(32));
    sandbox.refuses(["keys", "rotate", &nobody], "KEY_NOT_ANNOUNCED", 3);
    sandbox.refuses(["keys", "rotate"], "WRONG_USAGE", 2);
    sandbox.refuses(
        ["keys", "rotate", "--resume", "--abandon"],
        "WRONG_USAGE",
        2,
    );
    sandbox.refuses(["keys", "rotate", "--resume", &other], "WRONG_USAGE", 2);
    let empty = Sandbox::with_vault();
    empty.refuses(["keys", "rotate-all"], "NOT_IDENTIFIED", 3);
}

#[test]
fn without_a_rotation_there_is_nothing_to_resume_or_to_abandon() {
    let sandbox = Sandbox::with_participant("node");
    let before = sandbox.snapshot();
    for flag in ["--resume", "--abandon"] {
        let document = sandbox.json(["keys", "rotate", flag]);
        assert_eq!(document["rotations"], Value::Array(Vec::new()));
        let ran = sandbox.run(["keys", "rotate", flag]).succeeded();
        assert_eq!(ran.text(), "no rotation is under way\n");
    }
    sandbox.assert_unchanged(&before);
}

#[test]
fn a_single_key_is_announced_and_withdrawn_again() {
    let sandbox = Sandbox::with_participant("node");
    let key = sandbox.signing_key("ec-p-256", "protocol");
    let first = sandbox.key_named("node-signing");
    let document = sandbox.json(["keys", "announce", &key]);
    assert_eq!(document["state"], "announced");
    let keys = document["identity"]["keys"].as_array().unwrap();
    assert_eq!(keys.last().unwrap()["fingerprint"], key);
    assert!(is_announced(&sandbox, &key));
    sandbox.refuses(["keys", "announce", &key], "KEY_ALREADY_ANNOUNCED", 3);

    sandbox.refuses(["keys", "withdraw", &first], "NOT_CONFIRMED", 3);
    let ran = sandbox
        .run(["keys", "withdraw", &first, "--yes"])
        .succeeded();
    assert!(
        ran.text().starts_with(&format!("withdrawn {first}\n")),
        "{}",
        ran.text()
    );
    assert!(!is_announced(&sandbox, &first));
    assert_eq!(state_of(&sandbox, &first), "active");
    // Somebody must sign.
    let last = sandbox.run(["keys", "withdraw", &key, "--yes"]);
    assert_eq!(last.status, 3, "{}", last.stderr);
    assert!(is_announced(&sandbox, &key));
}

#[test]
fn a_rotation_that_pauses_for_a_backup_announces_nothing_until_it_is_resumed() {
    let sandbox = Sandbox::with_participant("node");
    let old = sandbox.key_named("node-signing");
    let paused = sandbox.json(["keys", "rotate", &old, "--pause-for-backup"]);
    assert_eq!(paused["paused_for_backup"], true);
    let new = text(&paused["rotations"][0], "new");
    assert_eq!(paused["rotations"][0]["state"], "begun");
    assert!(is_announced(&sandbox, &old) && !is_announced(&sandbox, &new));

    let again = ["keys", "rotate", &old, "--pause-for-backup"];
    sandbox.refuses(again, "ROTATION_UNDER_WAY", 3);
    let resumed = sandbox.json(["keys", "rotate", "--resume"]);
    assert_eq!(resumed["paused_for_backup"], false);
    assert_eq!(resumed["rotations"][0]["state"], "retired");
    assert!(is_announced(&sandbox, &new) && !is_announced(&sandbox, &old));

    let all = sandbox.run(["keys", "rotate-all", "--pause-for-backup"]);
    let shown = all.succeeded();
    let shown = shown.text();
    assert!(shown.contains("strongroom backup create FILE"), "{shown}");
    assert!(shown.contains("--resume"), "{shown}");
    assert!(is_announced(&sandbox, &new));
}

#[test]
fn keys_are_rotated_into_a_kms_and_out_of_it() {
    let sandbox = Sandbox::with_participant("node");
    let old = sandbox.key_named("node-signing");
    let into = ["keys", "rotate", &old, "--to", "external", "--kms", "local"];
    let rotation = &sandbox.json(into)["rotations"][0];
    assert_eq!(rotation["state"], "retired");
    assert_eq!(rotation["custody"], "external");
    assert_eq!(rotation["kms"], "local");
    let second = text(rotation, "new");

    assert_eq!(state_of(&sandbox, &old), "retired");
    sandbox.write("message", "hello");
    let sign = ["sign", "message", "--key", &second];
    sandbox.run(sign).succeeded();

    // Every key back into the database.
    let document = sandbox.json(["keys", "rotate-all", "--to", "envelope"]);
    for rotation in document["rotations"].as_array().unwrap() {
        assert_eq!(rotation["custody"], "envelope");
        assert_eq!(rotation["kms"], Value::Null);
    }
    let kms_alone = ["keys", "rotate-all", "--kms", "local"];
    sandbox.refuses(kms_alone, "FLAG_MISSING", 2);
}

#[test]
fn a_key_is_rotated_to_one_that_was_made_in_the_kms_beforehand() {
    let cloud = Cloud::new();
    let mut args = cloud.init(&["--custody", "external"]);
    args[0] = "quickstart";
    cloud.sandbox.json(args);
    let sandbox = &cloud.sandbox;
    let protocol = || {
        let list = [
            "keys",
            "list",
            "--usage",
            "protocol",
            "--purpose",
            "signing",
        ];
        let listed = sandbox.json(list);
        let keys = listed["keys"].as_array().unwrap().clone();
        let used = |key: &&Value| {
            key["state"] == "active" && !key["announced"].as_array().unwrap().is_empty()
        };
        text(keys.iter().find(used).unwrap(), "fingerprint")
    };
    let old = protocol();
    let made = sandbox.signing_key("ec-p-384", "protocol");
    let id = text(&sandbox.json(["keys", "show", &made]), "kms_key_id");
    let forget = ["keys", "delete", &made, "--yes", "--keep-in-kms"];
    sandbox.run(forget).succeeded();

    let rotate = ["keys", "rotate", &old, "--kms", "aws", "--kms-key", &id];
    let rotation = &sandbox.json(rotate)["rotations"][0];
    assert_eq!(rotation["new"], made);
    assert_eq!(rotation["kms_key"], id);
    assert_eq!(rotation["state"], "retired");
    assert_eq!(protocol(), made);
    sandbox.refuses(
        ["keys", "rotate", &made, "--kms-key", &id],
        "KEY_ALREADY_ANNOUNCED",
        3,
    );
}
