//! What is told, or must be meant, before topology changes.

use serde_json::json;

use super::{STORE, hash_of, namespace_key, transactions};
use crate::support::{Sandbox, text};

/// Two vaults, the second of which has heard of the first one's namespace; and `burn.cert`, which ends it.
fn burning() -> (Sandbox, Sandbox, String) {
    let (alice, bob) = (
        Sandbox::with_participant("alice"),
        Sandbox::with_participant("bob"),
    );
    let export = ["topology", "export", "--format", "transactions"];
    let export = [&export[..], &["--mapping", "nsd", "--out", "root.bin"]].concat();
    alice.run(export).succeeded();
    let root = alice.path("root.bin");
    bob.run(["topology", "apply", root.to_str().unwrap()])
        .succeeded();
    let root = alice.key_named("alice-namespace");
    let burn = ["topology", "revoke", &root, "--yes", "--out", "burn.cert"];
    alice
        .run([&burn[..], &["--danger-burn-namespace"]].concat())
        .succeeded();
    let path = alice.path("burn.cert").to_str().unwrap().to_owned();
    (alice, bob, path)
}

#[test]
fn the_end_of_a_namespace_is_not_taken_in_unless_it_is_meant() {
    let (_alice, bob, burn) = burning();
    for command in [
        &["apply", &burn][..],
        &["root", "import", &burn],
        &["authorize", "--file", &burn, "--out", "signed.cert"],
    ] {
        let args = [&["topology"], command].concat();
        let ran = bob.refuses(args, "TOPOLOGY_BURNS_NAMESPACE", 3);
        assert!(ran.stderr.contains("burns the namespace"), "{}", ran.stderr);
    }
    let apply = ["topology", "apply", &burn, "--danger-burn-namespace"];
    let ran = bob.run(apply).succeeded();
    assert!(
        ran.stderr
            .starts_with("Mind: This ends the namespace and cannot be undone."),
        "{}",
        ran.stderr
    );
    assert!(
        ran.text()
            .ends_with("1 accepted, 0 proposed, 0 unchanged, 0 rejected\n")
    );
}

#[test]
fn the_offline_end_of_a_namespace_is_told_and_taken_in_when_it_is_meant() {
    let (_alice, bob, burn) = burning();
    let import = [
        "topology",
        "root",
        "import",
        &burn,
        "--danger-burn-namespace",
    ];
    let ran = bob.run(import).succeeded();
    assert!(
        ran.stderr.contains("Revocation of the root"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_is_to_be_thought_of_is_told_on_standard_error_and_stands_in_the_document() {
    let (alice, bob) = (
        Sandbox::with_participant("alice"),
        Sandbox::with_participant("bob"),
    );
    let export = ["topology", "export", "--format", "transactions"];
    let export = [&export[..], &["--mapping", "nsd", "--out", "root.bin"]].concat();
    alice.run(export).succeeded();
    let root = alice.path("root.bin");
    let apply = ["topology", "apply", root.to_str().unwrap()];
    let document = bob.json(apply);
    let warnings = transactions(&document)[0]["warnings"].as_array().unwrap();
    assert_eq!(warnings[0]["code"], "root_certificate");
    let ran = bob.run(apply).succeeded();
    let told = format!(
        "Mind: {}\n  {}: Root certificate:",
        text(&warnings[0], "text"),
        hash_of(&alice, "nsd")
    );
    assert!(ran.stderr.starts_with(&told), "{}", ran.stderr);
}

#[test]
fn a_delegation_to_a_key_that_was_revoked_warns_of_synchronizers() {
    let sandbox = Sandbox::with_participant("alice");
    let key = namespace_key(&sandbox, "extra");
    let delegate = ["topology", "delegate", &key];
    assert_eq!(sandbox.json(delegate)["warnings"], json!([]));
    sandbox
        .run(["topology", "revoke", &key, "--yes"])
        .succeeded();
    let document = sandbox.json(delegate);
    assert_eq!(document["warnings"][0]["code"], "revoked_before");
    assert_eq!(document["outcome"], "accepted");
}

#[test]
fn whoever_wants_a_file_of_what_is_in_force_is_told_how_to_get_it() {
    let sandbox = Sandbox::with_participant("alice");
    let key = namespace_key(&sandbox, "extra");
    let delegate = ["topology", "delegate", &key];
    let hash = text(&sandbox.json(delegate), "hash");
    let again = [&delegate[..], &["--out", "extra.cert"]].concat();
    let ran = sandbox.refuses(again, "TOPOLOGY_MAPPING_ALREADY_EXISTS", 3);
    let (_, command) = ran.stderr.split_once("'strongroom ").unwrap();
    let (command, _) = command.split_once('\'').unwrap();
    assert!(command.contains(&hash), "{command}");
    sandbox.run(command.split(' ')).succeeded();
    let shown = sandbox.json(["topology", "show", "extra.cert"]);
    assert_eq!(transactions(&shown)[0]["hash"], hash);
}

#[test]
fn values_that_are_listed_in_the_help_are_listed_in_the_refusal() {
    let sandbox = Sandbox::with_participant("alice");
    for (command, flag, code, listed) in [
        (
            "list",
            "--mapping",
            "TOPOLOGY_MAPPING_KIND_UNKNOWN",
            "OWNER_TO_KEY_MAPPING",
        ),
        (
            "export",
            "--mapping",
            "TOPOLOGY_MAPPING_KIND_UNKNOWN",
            "VETTED_PACKAGES",
        ),
        (
            "delegate",
            "--restriction",
            "ROOT_RESTRICTION_UNKNOWN",
            "all-but-delegations",
        ),
        (
            "apply",
            "--danger",
            "TOPOLOGY_FORCE_FLAG_UNKNOWN",
            "alien-member",
        ),
        ("import", "--as", "WRONG_USAGE", "snapshot-v2"),
        ("verify", "--as", "WRONG_USAGE", "certificate"),
    ] {
        let help = sandbox.run(["topology", command, "--help"]).succeeded();
        assert!(help.text().contains(listed), "{}", help.text());
        let wrong = ["topology", command, flag, "nothing"];
        let ran = sandbox.refuses(wrong, code, 2);
        let refusal = ran.stderr.lines().next().unwrap();
        assert!(refusal.contains(listed), "{}", ran.stderr);
    }
    let ran = sandbox.refuses(
        ["init", "--unprotected-key-file", "--kind", "validator"],
        "TOPOLOGY_MEMBER_KIND_UNKNOWN",
        2,
    );
    assert!(
        ran.stderr.contains("participant, sequencer or mediator"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_look_ahead_at_the_end_of_a_namespace_needs_no_confirmation() {
    let (alice, _bob, burn) = burning();
    let export = ["topology", "export", "--out", "state.bin"];
    let sandbox = Sandbox::with_participant("carol");
    alice.run(export).succeeded();
    let history = alice.json(["topology", "list", "--history"]);
    let end = text(transactions(&history).last().unwrap(), "valid_from");
    let then = ["topology", "export", "--at", &end, "--out", "then.bin"];
    alice.run(then).succeeded();
    let then = alice.path("then.bin");
    let import = [
        "topology",
        "import",
        then.to_str().unwrap(),
        "--store",
        STORE,
    ];
    sandbox.run(import).succeeded();
    let ahead = ["topology", "apply", &burn, "--store", STORE];
    let document = sandbox.json(ahead);
    assert_eq!(document["preview"], true);
    let kept = [&ahead[..], &["--sequenced", &end]].concat();
    sandbox.refuses(kept, "TOPOLOGY_BURNS_NAMESPACE", 3);
}
