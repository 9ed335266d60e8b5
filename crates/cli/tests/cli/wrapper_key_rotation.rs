//! Rotating the wrapper key from the command line.

use crate::{
    other_kms::Cloud,
    support::{Sandbox, text},
};
use serde_json::json;

/// A vault with a few keys, one of which has signed.
fn vault() -> (Sandbox, String) {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.signing_key("ec-curve-25519", "protocol");
    sandbox.encryption_key("ec-p-256");
    sandbox.write("message", "message");
    (sandbox, key)
}

fn check_signs(sandbox: &Sandbox, key: &str) {
    let message = sandbox.path("message");
    let message = message.to_str().unwrap();
    sandbox
        .run(["sign", message, "--key", key, "--usage", "protocol"])
        .succeeded();
}

#[test]
fn a_rotation_moves_every_row_and_says_what_came_and_what_went() {
    let (sandbox, key) = vault();
    let before = sandbox.json(["wrapper-key", "show"]);
    let plan = sandbox.json(["wrapper-key", "rotate", "--dry-run"]);
    assert_eq!(plan["kms_calls"], 3, "{plan}");
    assert_eq!(plan["rows"]["sealed"], 2, "{plan}");
    assert_eq!(
        sandbox.json(["wrapper-key", "show"]),
        before,
        "nothing was changed"
    );
    let told = sandbox
        .run(["wrapper-key", "rotate", "--dry-run"])
        .succeeded();
    assert!(
        told.text().contains("no prices are configured"),
        "{}",
        told.text()
    );

    let rotated = sandbox.json(["wrapper-key", "rotate"]);
    assert_eq!(rotated["kms_calls"], 3, "{rotated}");
    assert_eq!(rotated["moved_rows"], plan["rows"]["total"]);
    assert_eq!(
        rotated["goes"][0]["wrapper_key_id"],
        before["wraps"][0]["wrapper_key_id"]
    );
    let after = sandbox.json(["wrapper-key", "show"]);
    assert_eq!(
        after["wraps"][0]["wrapper_key_id"],
        rotated["comes"][0]["wrapper_key_id"]
    );
    assert_eq!(
        after["retired_data_key_ids"],
        json!([rotated["retired_data_key_id"]])
    );
    assert_eq!(after["rotation"], json!(null));
    check_signs(&sandbox, &key);
    assert_eq!(sandbox.json(["doctor"])["healthy"], true);
    sandbox.run(["audit", "verify"]).succeeded();
    let audit = sandbox.run(["audit", "list"]).succeeded();
    for operation in ["begin_wrapper_key_rotation", "finish_wrapper_key_rotation"] {
        assert!(audit.text().contains(operation), "{}", audit.text());
    }

    let refused = sandbox.run(["wrapper-key", "prune"]);
    assert_eq!(refused.code(), Some("NOT_CONFIRMED"));
    let pruned = sandbox.json(["wrapper-key", "prune", "--yes"]);
    assert_eq!(pruned["pruned_data_key_ids"], after["retired_data_key_ids"]);
    assert_eq!(
        sandbox.json(["wrapper-key", "show"])["retired_data_key_ids"],
        json!([])
    );
    check_signs(&sandbox, &key);
}

#[test]
fn rotations_that_cannot_be_are_refused_with_the_codes_that_operators_know() {
    let (sandbox, key) = vault();
    let shown = sandbox.json(["wrapper-key", "show"]);
    let same = text(&shown["wraps"][0], "wrapper_key_id");
    let refused = sandbox.run(["wrapper-key", "rotate", "--to", &same]);
    assert_eq!(refused.code(), Some("WRAPPER_KEY_ALREADY_IN_USE_ERROR"));
    let refused = sandbox.run(["wrapper-key", "rotate", "--to", "nobody-made-this"]);
    assert_eq!(refused.code(), Some("WRAPPER_KEY_NOT_EXIST_ERROR"));
    let refused = sandbox.run(["wrapper-key", "rotate", "--resume"]);
    assert_eq!(refused.code(), Some("NO_WRAPPER_KEY_ROTATION"));
    check_signs(&sandbox, &key);
}

#[test]
fn the_wrap_alone_is_renewed_and_that_it_answers_no_compromise_is_said() {
    let (sandbox, key) = vault();
    let told = sandbox
        .run(["wrapper-key", "rotate", "--rewrap-only"])
        .succeeded();
    assert!(
        told.text().contains("answers no compromise"),
        "{}",
        told.text()
    );
    assert_eq!(
        sandbox.json(["wrapper-key", "show"])["retired_data_key_ids"],
        json!([])
    );
    check_signs(&sandbox, &key);
}

#[test]
fn a_configured_wrapper_key_that_went_is_named_with_what_to_change() {
    let (sandbox, key) = vault();
    let shown = sandbox.json(["wrapper-key", "show"]);
    let old = text(&shown["wraps"][0], "wrapper_key_id");
    let line = format!("wrapper-key-id = {old:?}\n");
    sandbox.edit_config(|text| {
        text.replace("type = \"local\"\n", &format!("type = \"local\"\n{line}"))
    });
    let rotated = sandbox.json(["wrapper-key", "rotate"]);
    assert_eq!(rotated["sections_to_change"], json!(["local"]));
    let refused = sandbox.run(["keys", "list"]);
    assert_eq!(refused.code(), Some("WRAPPER_KEY_CONTRADICTION"));
    sandbox.edit_config(|text| text.replace(&line, ""));
    check_signs(&sandbox, &key);
}

#[test]
fn automatic_rotation_in_a_cloud_needs_nothing_and_rotation_of_ours_makes_a_key_there() {
    let cloud = Cloud::with_vault(&[]);
    let (sandbox, simulator) = (&cloud.sandbox, &cloud.simulator);
    let key = sandbox.signing_key("ec-curve-25519", "protocol");
    sandbox.write("message", "message");
    let shown = sandbox.json(["wrapper-key", "show"]);
    let old = text(&shown["wraps"][0], "wrapper_key_id");
    simulator
        .administrator("eu-central-1")
        .rotate_key(&old)
        .unwrap();
    check_signs(sandbox, &key);
    assert_eq!(
        sandbox.json(["wrapper-key", "show"])["wraps"],
        shown["wraps"]
    );

    let rotated = sandbox.json(["wrapper-key", "rotate", "--multi-region"]);
    assert_eq!(rotated["kms_calls"], 3, "{rotated}");
    let new = text(&rotated["comes"][0], "wrapper_key_id");
    assert!(
        new.contains("mrk-"),
        "a change of its attributes, by rotation: {new}"
    );
    check_signs(sandbox, &key);
}

#[test]
fn a_data_key_that_a_backup_needs_is_pruned_only_by_whoever_says_so() {
    let (sandbox, key) = vault();
    let create = ["backup", "create", "vault.backup", "--unencrypted"];
    sandbox.run(create).succeeded();
    sandbox.run(["wrapper-key", "rotate"]).succeeded();
    let prune = ["wrapper-key", "prune", "--yes"];
    sandbox.run(prune).failed("DATA_KEY_NEEDED", 3);
    sandbox
        .run(["backup", "verify", "vault.backup"])
        .succeeded();
    let worthless = ["--danger-backups-become-worthless"];
    let pruned = sandbox.json([&prune[..], &worthless].concat());
    let pruned = pruned["pruned_data_key_ids"].as_array().unwrap();
    assert_eq!(pruned.len(), 1, "{pruned:?}");
    check_signs(&sandbox, &key);
}
