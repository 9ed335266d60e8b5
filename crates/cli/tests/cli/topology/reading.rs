//! `topology list`, `show`, `stores` and `active-keys`.

use serde_json::{Value, json};

use super::{hash_of, namespace_key, transactions};
use crate::support::{Sandbox, text};

#[test]
fn what_is_in_force_is_listed_with_its_documented_names() {
    let sandbox = Sandbox::with_participant("alice");
    let root = sandbox.key_named("alice-namespace");
    let document = sandbox.json(["topology", "list"]);
    assert_eq!(document["store"], "authorized");
    let [delegation, keys] = transactions(&document) else {
        panic!("{document}");
    };
    assert_eq!(delegation["mapping"], "NAMESPACE_DELEGATION");
    assert_eq!(delegation["content"]["is_root"], true);
    assert_eq!(keys["mapping"], "OWNER_TO_KEY_MAPPING");
    assert_eq!(keys["namespace"], root);
    assert_eq!((&keys["ordinal"], &keys["serial"]), (&json!(2), &json!(1)));
    assert_eq!(keys["operation"], "ADD_REPLACE");
    assert_eq!(keys["state"], "in_force");
    assert_eq!(keys["valid_until"], Value::Null);
    assert_eq!(keys["rejection"], Value::Null);
    assert_eq!(
        keys["signed_by"].as_array().unwrap().len(),
        3,
        "the new keys sign too"
    );
    let moment = text(keys, "valid_from");
    assert!(moment.len() == 27 && moment.ends_with('Z'), "{moment}");

    let table = sandbox.run(["topology", "list"]).succeeded();
    for word in [
        "HASH",
        "OWNER_TO_KEY_MAPPING",
        "in_force",
        "PAR::alice::1220",
    ] {
        assert!(table.text().contains(word), "{word}\n{}", table.text());
    }
}

#[test]
fn filters_of_the_list_leave_what_passes_all_of_them() {
    let sandbox = Sandbox::with_participant("alice");
    let root = sandbox.key_named("alice-namespace");
    let key = namespace_key(&sandbox, "extra");
    sandbox.run(["topology", "delegate", &key]).succeeded();
    sandbox
        .run(["topology", "revoke", &key, "--yes"])
        .succeeded();
    let count = |args: &[&str]| {
        let document = sandbox.json([&["topology", "list"], args].concat());
        transactions(&document).len()
    };
    let history = sandbox.json(["topology", "list", "--history"]);
    let since = text(&transactions(&history)[2], "valid_from");
    for (args, expected) in [
        (&[][..], 2),
        (&["--history"], 4),
        (&["--mapping", "otk"], 1),
        (&["--mapping", "otk,NAMESPACE_DELEGATION"], 2),
        (&["--mapping", "dnd"], 0),
        (&["--namespace", &root], 2),
        (&["--uid", "alice::"], 1),
        (&["--uid", "bob"], 0),
        (&["--operation", "remove"], 1),
        (&["--operation", "add-replace", "--history"], 3),
        (&["--proposals"], 0),
        (&["--rejected"], 0),
        (&["--at", "2020-01-01T00:00:00Z"], 0),
        // Not yet at the very time from which on it holds.
        (&["--at", &since], 2),
        (&["--at", "2999-01-01T00:00:00Z"], 2),
    ] {
        assert_eq!(count(args), expected, "{args:?}");
    }
    let ran = sandbox.run(["topology", "list", "--proposals"]).succeeded();
    assert_eq!(ran.text(), "no transactions\n");
    for (one, other) in [("ADD_REPLACE", "add-replace"), ("REMOVE", "remove")] {
        assert_eq!(
            count(&["--history", "--operation", one]),
            count(&["--history", "--operation", other])
        );
    }
    let unknown = ["topology", "list", "--namespace", &key];
    let ran = sandbox.refuses(unknown, "TOPOLOGY_NAMESPACE_UNKNOWN", 3);
    assert!(ran.stderr.contains(&key), "{}", ran.stderr);
    // The end of a row's time is told with what it was.
    let ran = sandbox.run(["topology", "list", "--history"]).succeeded();
    assert!(ran.text().contains("VALID UNTIL"), "{}", ran.text());
}

#[test]
fn a_transaction_is_shown_with_its_signers_and_what_became_of_it() {
    let sandbox = Sandbox::with_participant("alice");
    let old = hash_of(&sandbox, "otk");
    sandbox
        .run(["keys", "rotate", &sandbox.key_named("alice-signing")])
        .succeeded();
    let document = sandbox.json(["topology", "show", &old]);
    let [shown] = transactions(&document) else {
        panic!("{document}");
    };
    assert_eq!(shown["hash"], old);
    let signatures = shown["signatures"].as_array().unwrap();
    assert_eq!(signatures.len(), 3);
    assert!(
        signatures
            .iter()
            .all(|signature| signature["status"] == "valid")
    );
    let rows = shown["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["store"], &rows[0]["state"]),
        (&json!("authorized"), &json!("ended"))
    );
    assert!(rows[0]["valid_until"].is_string());

    let words = sandbox.run(["topology", "show", &old]).succeeded();
    assert!(
        words.text().contains("\n  authorized #2: ended, from "),
        "{}",
        words.text()
    );
    let nowhere = format!("1220{}", "00".repeat(32));
    sandbox.refuses(
        ["topology", "show", &nowhere],
        "TOPOLOGY_TRANSACTION_NOT_FOUND",
        3,
    );
}

#[test]
fn stores_are_listed_from_the_beginning() {
    let sandbox = Sandbox::with_vault();
    let document = sandbox.json(["topology", "stores"]);
    assert_eq!(document["member"], Value::Null);
    let stores = document["stores"].as_array().unwrap();
    assert_eq!(stores.len(), 1);
    assert_eq!(
        (&stores[0]["store"], &stores[0]["rows"]),
        (&json!("authorized"), &json!(0))
    );
    assert_eq!(stores[0]["last_sequenced"], Value::Null);
    let table = sandbox.run(["topology", "stores"]).succeeded();
    assert!(table.text().contains("authorized"), "{}", table.text());
}

#[test]
fn active_keys_are_those_of_the_time_that_is_asked_for() {
    let sandbox = Sandbox::with_participant("alice");
    let member = format!("PAR::alice::{}", sandbox.key_named("alice-namespace"));
    let (signing, encryption) = (
        sandbox.key_named("alice-signing"),
        sandbox.key_named("alice-encryption"),
    );
    let before = sandbox.json(["topology", "active-keys"]);
    assert_eq!(before["owner"], member);
    let fingerprints = |keys: &Value| -> Vec<String> {
        let keys = keys.as_array().unwrap().iter();
        keys.map(|key| text(key, "fingerprint")).collect()
    };
    let at_first = fingerprints(&before["signing"]);
    assert_eq!(at_first[1], signing);
    assert_eq!(fingerprints(&before["encryption"]), [encryption]);
    assert_eq!(
        before["signing"][0]["current_for"],
        json!(["sequencer-authentication"])
    );
    assert_eq!(before["signing"][1]["current_for"], json!(["protocol"]));
    assert_eq!(
        before["encryption"][0]["current_for"],
        json!(["encryption"])
    );
    assert_eq!(before["signing"][0]["private_key"], "active");

    sandbox.run(["keys", "rotate", &signing]).succeeded();
    let history = sandbox.json(["topology", "list", "--history", "--mapping", "otk"]);
    let [_, added, withdrawn] = transactions(&history) else {
        panic!("{history}");
    };
    let at = |moment: &str| sandbox.json(["topology", "active-keys", &member, "--at", moment]);
    // While both are announced, the new one is in use.
    let both = at(&text(withdrawn, "valid_from"));
    assert_eq!(both["signing"].as_array().unwrap().len(), 3);
    let uses: Vec<_> = both["signing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["current_for"])
        .collect();
    assert_eq!(uses[1..], [&json!([]), &json!(["protocol"])]);
    assert_eq!(
        fingerprints(&at(&text(added, "valid_from"))["signing"]),
        at_first
    );

    let ran = sandbox.run(["topology", "active-keys"]).succeeded();
    assert!(ran.text().contains("CURRENT FOR"), "{}", ran.text());
    let nobody = [
        "topology",
        "active-keys",
        &member,
        "--at",
        "2020-01-01T00:00:00Z",
    ];
    let ran = sandbox.refuses(nobody, "TOPOLOGY_NOTHING_ANNOUNCED", 3);
    assert!(ran.stderr.contains(&member), "{}", ran.stderr);
    let stranger = member.replace("PAR::", "MED::");
    let stranger = ["topology", "active-keys", &stranger];
    sandbox.refuses(stranger, "TOPOLOGY_NOTHING_ANNOUNCED", 3);
    Sandbox::with_vault().refuses(["topology", "active-keys"], "NOT_IDENTIFIED", 3);
}
