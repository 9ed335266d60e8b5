//! `keys migrate` and `keys drop-copy`.

use serde_json::Value;

use crate::support::{Sandbox, text};

fn custody_of(sandbox: &Sandbox, key: &str) -> String {
    text(&sandbox.json(["keys", "show", key]), "custody")
}

fn signs(sandbox: &Sandbox, key: &str) {
    sandbox.write("message", "hello");
    sandbox.run(["sign", "message", "--key", key]).succeeded();
}

const INTO_KMS: [&str; 7] = [
    "keys", "migrate", "--all", "--to", "external", "--kms", "local",
];

#[test]
fn a_node_moves_into_its_kms_and_back_and_in_again_for_good() {
    let sandbox = Sandbox::with_participant("node");
    let root = sandbox.key_named("node-namespace");
    let signing = sandbox.key_named("node-signing");
    let before = sandbox.snapshot();
    let planned = sandbox.json([&INTO_KMS[..], &["--dry-run"]].concat());
    assert_eq!(planned["dry_run"], true);
    for key in planned["keys"].as_array().unwrap() {
        assert_eq!(key["move"], "bring");
        assert_eq!(key["kms"], "local");
        assert_eq!(key["kms_key_id"], Value::Null);
    }
    sandbox.assert_unchanged(&before);

    let moved = sandbox.json(INTO_KMS);
    let keys = moved["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 4);
    for key in keys {
        assert_eq!(key["from"], "envelope");
        assert_eq!(key["to"], "external");
        assert_eq!(key["copy"], true);
        assert!(key["kms_key_id"].is_string(), "{key}");
    }
    signs(&sandbox, &signing);
    let doctor = sandbox.json(["doctor"]);
    assert_eq!(doctor["healthy"], true, "{doctor}");
    assert!(doctor.to_string().contains("drop-copy"), "{doctor}");

    let back = ["keys", "migrate", &signing, "--to", "envelope"];
    assert_eq!(sandbox.json(back)["keys"][0]["move"], "take-back");
    assert_eq!(custody_of(&sandbox, &signing), "envelope");
    signs(&sandbox, &signing);
    // What was brought for it is not forgotten.
    let orphans = sandbox.run(["kms", "orphans"]);
    assert!(orphans.text().contains("discarded"), "{}", orphans.text());

    let again = sandbox.json(INTO_KMS);
    let done: Vec<_> = again["keys"].as_array().unwrap().iter().collect();
    let brought = done.iter().filter(|key| key["move"] == "bring").count();
    let there = done.iter().filter(|key| key["move"] == "nothing").count();
    assert_eq!((brought, there), (1, 3));

    sandbox.refuses(["keys", "drop-copy", "--all"], "NOT_CONFIRMED", 3);
    let dropped = sandbox.json(["keys", "drop-copy", "--all", "--yes"]);
    assert_eq!(dropped["dropped"].as_array().unwrap().len(), 4);
    signs(&sandbox, &signing);
    for key in [&root, &signing] {
        assert_eq!(custody_of(&sandbox, key), "external");
        let back = ["keys", "migrate", key, "--to", "envelope"];
        sandbox.refuses(back, "KEY_ONLY_IN_KMS", 3);
    }
    // With the same identity: nothing was announced.
    let shown = sandbox.json(["topology", "active-keys"]);
    assert!(shown.to_string().contains(&signing), "{shown}");
    let nothing = sandbox.run(["keys", "drop-copy", "--all", "--yes"]);
    assert_eq!(nothing.succeeded().text(), "no key has a copy here\n");
}

#[test]
fn keys_that_cannot_move_stay_and_are_named_and_the_others_move() {
    let sandbox = Sandbox::with_participant("node");
    let signing = sandbox.key_named("node-signing");
    let one = ["keys", "migrate", &signing, "--to", "external"];
    sandbox.run(one).succeeded();
    sandbox
        .run(["keys", "drop-copy", &signing, "--yes"])
        .succeeded();
    let encryption = sandbox.key_named("node-encryption");
    let other = ["keys", "migrate", &encryption, "--to", "external"];
    sandbox.run(other).succeeded();

    let back = [
        "keys", "migrate", "--all", "--to", "envelope", "--output", "json",
    ];
    let ran = sandbox.run(back);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    let document = ran.json();
    for key in document["keys"].as_array().unwrap() {
        if key["fingerprint"] == signing {
            assert_eq!(key["stays"]["code"], "KEY_ONLY_IN_KMS");
            assert_eq!(key["to"], "external");
        } else {
            assert_eq!(key["stays"], Value::Null);
            assert_eq!(key["to"], "envelope");
        }
    }
    assert_eq!(custody_of(&sandbox, &encryption), "envelope");
    let shown = sandbox.run(["keys", "migrate", "--all", "--to", "envelope"]);
    assert!(shown.text().contains("keys rotate"), "{}", shown.text());
    let sealed = [
        "keys", "migrate", "--all", "--from", "envelope", "--to", "envelope",
    ];
    sandbox.run(sealed).succeeded();
}

#[test]
fn keys_are_stored_readable_only_if_that_is_said_twice() {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.signing_key("ed25519", "protocol");
    let clear = ["keys", "migrate", &key, "--to", "clear"];
    sandbox.refuses(clear, "NOT_CONFIRMED", 3);
    let clear = [&clear[..], &["--danger-store-readable"]].concat();
    sandbox.refuses(clear, "CLEAR_NOT_CONFIGURED", 3);
    assert_eq!(custody_of(&sandbox, &key), "envelope");
    let wrong = [
        "keys", "migrate", &key, "--to", "envelope", "--kms", "local",
    ];
    sandbox.refuses(wrong, "FLAG_MISSING", 2);
    sandbox.refuses(["keys", "migrate", "--to", "envelope"], "WRONG_USAGE", 2);
}
