//! The history of a store in another one.

use serde_json::json;

use super::{STORE, namespace_key, transactions};
use crate::support::Sandbox;

/// A node that has rotated a key, and let another one sign and revoked it.
fn rotated() -> Sandbox {
    let sandbox = Sandbox::with_participant("alice");
    sandbox
        .run(["keys", "rotate", &sandbox.key_named("alice-signing")])
        .succeeded();
    let key = namespace_key(&sandbox, "extra");
    sandbox.run(["topology", "delegate", &key]).succeeded();
    sandbox
        .run(["topology", "revoke", &key, "--yes"])
        .succeeded();
    sandbox
}

#[test]
fn the_history_of_a_node_that_rotated_comes_to_the_same_in_another_vault() {
    let (alice, bob) = (rotated(), Sandbox::with_participant("bob"));
    let export = ["topology", "export", "--format", "transactions"];
    let only_in_force = [&export[..], &["--out", "in-force.bin"]].concat();
    alice.run(only_in_force).succeeded();
    let document = alice.json([&export[..], &["--history", "--out", "all.bin"]].concat());
    let history = alice.json(["topology", "list", "--history"]);
    assert_eq!(document["transactions"], transactions(&history).len());
    assert_eq!(document["transactions"], 6);

    // What is in force has no signature of the new key that another store would take.
    let path = alice.path("in-force.bin");
    let danger = ["--danger", "alien-member", "--output", "json"];
    let apply = ["topology", "apply", path.to_str().unwrap()];
    let ran = Sandbox::with_participant("carol").run([&apply[..], &danger].concat());
    assert_eq!(ran.status, 1, "{}", ran.text());

    let path = alice.path("all.bin");
    let apply = ["topology", "apply", path.to_str().unwrap()];
    let ran = bob.run([&apply[..], &danger].concat()).succeeded();
    assert_eq!(
        (&ran.json()["accepted"], &ran.json()["rejected"]),
        (&json!(6), &json!(0))
    );
    let verified = bob.json(["topology", "verify", path.to_str().unwrap()]);
    assert_eq!(verified["rejected"], json!(0), "{verified}");
    let member = format!("PAR::alice::{}", alice.key_named("alice-namespace"));
    let keys = |sandbox: &Sandbox| {
        let active = sandbox.json(["topology", "active-keys", &member]);
        let signing = active["signing"].as_array().unwrap().clone();
        let fingerprint = |key: &serde_json::Value| key["fingerprint"].clone();
        signing.iter().map(fingerprint).collect::<Vec<_>>()
    };
    assert_eq!(keys(&alice), keys(&bob));
}

#[test]
fn a_history_ends_where_it_is_told_and_is_for_lists_only() {
    let alice = rotated();
    let history = alice.json(["topology", "list", "--history"]);
    let third = transactions(&history)[2]["valid_from"].as_str().unwrap();
    let then = [
        "topology",
        "export",
        "--history",
        "--at",
        third,
        "--out",
        "then",
    ];
    assert_eq!(alice.json(then)["transactions"], 2);
    let snapshot = ["topology", "export", "--history", "--format", "snapshot-v2"];
    alice.refuses(snapshot, "BAD_ARGUMENT", 2);
}

#[test]
fn a_snapshot_with_what_does_not_hold_is_taken_in_and_answered_with_no() {
    let sandbox = Sandbox::with_participant("alice");
    // The announcement without the root certificate that it hangs on.
    let export = [
        "topology",
        "export",
        "--mapping",
        "otk",
        "--out",
        "rootless",
    ];
    sandbox.run(export).succeeded();
    let import = ["topology", "import", "rootless", "--store", STORE];
    let ran = sandbox.run([&import[..], &["--output", "json"]].concat());
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    let document = ran.json();
    assert_eq!(
        (&document["rejected"], &document["unexpected"]),
        (&json!(1), &json!(1))
    );

    let doctor = sandbox.run(["doctor"]).succeeded();
    assert!(
        doctor.text().contains("1 transaction, 1 rejected"),
        "{}",
        doctor.text()
    );

    // The same with the rejection in it is as it should be.
    let export = ["topology", "export", "--store", STORE, "--out", "known"];
    sandbox.run(export).succeeded();
    let other = Sandbox::with_participant("bob");
    let known = sandbox.path("known");
    let import = [
        "topology",
        "import",
        known.to_str().unwrap(),
        "--store",
        STORE,
    ];
    let document = other.json(import);
    assert_eq!(
        (&document["rejected"], &document["unexpected"]),
        (&json!(1), &json!(0))
    );
}
