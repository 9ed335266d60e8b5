//! `init --kind`: the identity of a node, made here.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Ran, Sandbox, text};

const PARTICIPANT: [&str; 4] = ["init", "--unprotected-key-file", "--kind", "participant"];

fn usages(key: &Value) -> String {
    let usages = key["usage"].as_array().unwrap().iter();
    let usages: Vec<_> = usages.map(|usage| usage.as_str().unwrap()).collect();
    usages.join(" ")
}

#[test]
fn init_makes_a_participant_s_identity_as_canton_does() {
    let sandbox = Sandbox::new();
    let document = sandbox.json([&PARTICIPANT[..], &["--node", "alice"]].concat());
    let identity = &document["identity"];
    let root = sandbox.key_named("alice-namespace");
    assert_eq!(identity["member"], format!("PAR::alice::{root}"));
    assert_eq!(identity["namespace"], root);
    assert_eq!(identity["root_key_here"], true);
    assert_eq!(identity["namespace_signer"], root);
    let keys = identity["keys"].as_array().unwrap();
    let expected = [
        (
            "alice-sequencer-auth",
            "sequencer-authentication proof-of-ownership",
        ),
        ("alice-signing", "protocol proof-of-ownership"),
        ("alice-encryption", ""),
    ];
    assert_eq!(keys.len(), expected.len());
    for (key, (name, usage)) in keys.iter().zip(expected) {
        assert_eq!(key["fingerprint"], sandbox.key_named(name));
        assert_eq!(usages(key), usage);
    }
    let listed = sandbox.json(["keys", "list"]);
    for key in listed["keys"].as_array().unwrap() {
        assert_eq!(key["announced"].as_array().unwrap().len(), 1, "{key}");
    }
}

#[test]
fn what_init_prints_names_the_node_and_its_keys() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(PARTICIPANT).succeeded();
    let shown = ran.text();
    for expected in [
        "Made vault ",
        "  node           PAR::node::1220",
        "(in this vault)",
        "  announces      1220",
        "ec-p-256 (encryption)",
        "Next: strongroom topology graph --dir=",
    ] {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
}

#[test]
fn an_identity_is_finished_by_the_same_command_and_then_left_alone() {
    let sandbox = Sandbox::new();
    // Interrupted when the vault was there and nothing else.
    sandbox.run(["init", "--unprotected-key-file"]).succeeded();
    let first = sandbox.json(PARTICIPANT);
    assert_eq!(first["created"], false);
    assert_eq!(first["identity_changes"][0], "identity made");
    let before = sandbox.snapshot();
    let second = sandbox.json(PARTICIPANT);
    assert_eq!(first["identity"], second["identity"]);
    assert_eq!(second["identity_changes"], Value::Array(Vec::new()));
    sandbox.assert_unchanged(&before);
    assert_eq!(sandbox.json(["doctor"])["healthy"], true);
}

#[test]
fn keys_that_an_interrupted_init_left_are_taken_up() {
    let sandbox = Sandbox::with_vault();
    for (name, usage) in [
        ("node-namespace", "namespace"),
        ("node-sequencer-auth", "sequencer-auth"),
        ("node-signing", "protocol"),
    ] {
        let generate = ["keys", "generate-signing", "--name", name, "--usage", usage];
        sandbox.run(generate).succeeded();
    }
    let listed = sandbox.json(["keys", "list"]);
    let document = sandbox.json(PARTICIPANT);
    let keys = document["identity"]["keys"].as_array().unwrap();
    assert_eq!(
        keys[0]["fingerprint"],
        sandbox.key_named("node-sequencer-auth")
    );
    assert_eq!(keys[1]["fingerprint"], sandbox.key_named("node-signing"));
    let after = sandbox.json(["keys", "list"]);
    let count = |list: &Value| list["keys"].as_array().unwrap().len();
    assert_eq!(
        count(&after),
        count(&listed) + 1,
        "only the encryption key is new"
    );
}

#[test]
fn a_sequencer_with_an_intermediate_key_lets_its_root_key_rest() {
    let sandbox = Sandbox::new();
    let document = sandbox.json([
        "init",
        "--unprotected-key-file",
        "--kind",
        "sequencer",
        "--identifier",
        "sequencer one",
        "--intermediate-key",
        "--signing-spec",
        "ec-p-256",
    ]);
    let identity = &document["identity"];
    let root = sandbox.key_named("node-namespace");
    assert_eq!(identity["member"], format!("SEQ::sequencer one::{root}"));
    assert_eq!(
        identity["namespace_signer"],
        sandbox.key_named("node-intermediate-namespace")
    );
    let keys = identity["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2, "a sequencer has no encryption key");
    assert!(keys.iter().all(|key| key["spec"] == "ec-p-256"));
}

#[test]
fn options_do_what_they_say_or_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.run(PARTICIPANT).succeeded();
    let with = |more: &[&'static str]| [&PARTICIPANT[..], more].concat();
    for (more, option) in [
        (["--signing-spec", "ec-p-384"], "--signing-spec"),
        (["--encryption-spec", "rsa-2048"], "--encryption-spec"),
    ] {
        let ran = sandbox.refuses(with(&more), "OPTION_WITHOUT_EFFECT", 3);
        assert!(ran.stderr.contains(option), "{}", ran.stderr);
    }
    // What says how it is already is no mistake.
    let same = with(&["--signing-spec", "ec-curve-25519"]);
    assert_eq!(
        sandbox.json(same)["identity_changes"],
        Value::Array(Vec::new())
    );
    let intermediate = with(&["--intermediate-key"]);
    let ran = sandbox.run(&intermediate).succeeded();
    let key = sandbox.key_named("node-intermediate-namespace");
    let told = format!("\nintermediate key added: {key} signs for the namespace\n");
    assert!(ran.text().contains(&told), "{}", ran.text());
    let again = sandbox.run(&intermediate).succeeded();
    assert!(
        again.text().contains("\nThe identity was complete already"),
        "{}",
        again.text()
    );
    let mediator = ["init", "--unprotected-key-file", "--kind", "mediator"];
    let mediator = [&mediator[..], &["--encryption-spec", "ec-p-256"]].concat();
    sandbox.refuses(mediator, "OPTION_WITHOUT_EFFECT", 3);
}

#[test]
fn one_vault_is_one_node() {
    let sandbox = Sandbox::new();
    sandbox.run(PARTICIPANT).succeeded();
    let base = ["init", "--unprotected-key-file", "--kind"];
    sandbox.refuses([&base[..], &["mediator"]].concat(), "OTHER_IDENTITY", 3);
    let other = [&base[..], &["participant", "--identifier", "bob"]].concat();
    sandbox.refuses(other, "OTHER_IDENTITY", 3);
}

#[test]
fn what_is_wrong_with_an_identity_is_told_before_a_vault_is_made() {
    let sandbox = Sandbox::new();
    let truncated = sandbox.write("truncated.cert", [10, 200, 1, 10]);
    let truncated = truncated.to_str().unwrap();
    let with = |more: &[&'static str]| [&PARTICIPANT[..], more].concat();
    for (args, code, status) in [
        (
            with(&["--identifier", "a::b"]),
            "TOPOLOGY_IDENTIFIER_INVALID",
            2,
        ),
        (
            with(&["--identifier", "über"]),
            "TOPOLOGY_IDENTIFIER_INVALID",
            2,
        ),
        (
            with(&["--certificate", "missing.cert"]),
            "FILE_NOT_FOUND",
            3,
        ),
        (with(&["--namespace", "1220"]), "WRONG_USAGE", 2),
        (
            with(&["--intermediate-key", "--certificate", "x"]),
            "WRONG_USAGE",
            2,
        ),
        (
            vec!["init", "--unprotected-key-file", "--kind", "domain"],
            "TOPOLOGY_MEMBER_KIND_UNKNOWN",
            2,
        ),
        (
            vec!["init", "--unprotected-key-file", "--identifier", "x"],
            "WRONG_USAGE",
            2,
        ),
    ] {
        sandbox.refuses(args, code, status);
        assert!(!sandbox.vault().exists());
    }
    let named = |node: &'static str| [&PARTICIPANT[..], &["--node", node]].concat();
    sandbox.refuses(named("über"), "TOPOLOGY_IDENTIFIER_INVALID", 2);
    assert!(!sandbox.vault().exists());
    let args = [&PARTICIPANT[..], &["--certificate", truncated]].concat();
    sandbox.refuses(args, "TOPOLOGY_INPUT_UNKNOWN", 2);
    assert!(!sandbox.vault().exists());
}

#[test]
fn an_announced_key_is_deleted_only_by_force() {
    let sandbox = Sandbox::new();
    sandbox.run(PARTICIPANT).succeeded();
    let key = sandbox.key_named("node-signing");
    let ran = sandbox.refuses(["keys", "delete", &key, "--yes"], "KEY_ANNOUNCED", 3);
    let place = format!(
        "the keys of PAR::node::{}",
        sandbox.key_named("node-namespace")
    );
    assert!(ran.stderr.contains(&place), "{}", ran.stderr);
    let forced = ["keys", "delete", &key, "--danger-even-if-announced"];
    sandbox.refuses(forced, "NOT_CONFIRMED", 3);
    let document = sandbox.json([&forced[..], &["--yes"]].concat());
    assert_eq!(document["deleted"], key);
    assert_eq!(document["announced"][0], format!("{place} in authorized"));
    // Told in words too; and a key that nobody refers to needs no force.
    let other = sandbox.signing_key("ec-p-256", "protocol");
    let ran = sandbox.run(["keys", "delete", &other, "--yes"]).succeeded();
    assert_eq!(ran.text(), format!("deleted {other}\n"));
    let root = sandbox.key_named("node-namespace");
    let forced = [
        "keys",
        "delete",
        &root,
        "--danger-even-if-announced",
        "--yes",
    ];
    let ran = sandbox.run(forced).succeeded();
    assert!(
        ran.text()
            .contains("still announced: a delegation of namespace")
    );
    // Who the node is is not made anew in passing.
    sandbox.refuses(PARTICIPANT, "NAMESPACE_KEY_GONE", 3);
}

#[test]
fn a_key_says_where_it_is_announced() {
    let sandbox = Sandbox::new();
    sandbox.run(PARTICIPANT).succeeded();
    let other = sandbox.signing_key("ec-p-256", "protocol");
    let key = sandbox.key_named("node-signing");
    let shown = sandbox.run(["keys", "show", &key]).succeeded();
    assert!(
        shown
            .text()
            .contains("\nannounced    the keys of PAR::node::1220")
    );
    let shown = sandbox.json(["keys", "show", &other]);
    assert_eq!(shown["announced"], Value::Array(Vec::new()));
    let table = sandbox.run(["keys", "list"]).succeeded();
    let line = |key: &str| {
        let mut lines = table.text().lines();
        lines.find(|line| line.contains(key)).unwrap().to_owned()
    };
    assert!(line(&key).contains(" yes "), "{}", table.text());
    assert!(!line(&other).contains(" yes "), "{}", table.text());
    assert_eq!(
        text(&sandbox.json(["keys", "show", &key]), "state"),
        "active"
    );
}

/// The kernel ends a process that writes past a limit of file sizes: at another write for each limit.
#[test]
fn an_init_that_was_killed_at_any_write_is_finished_by_the_same_command() {
    let sandbox = Sandbox::with_vault();
    let program = crate::support::STRONGROOM;
    let (mut killed, mut keys_seen) = (0, BTreeSet::new());
    for kibibytes in (4..).step_by(2) {
        let line = format!(
            "ulimit -c 0 -f {kibibytes}; {program} {}; exit $?",
            PARTICIPANT.join(" ")
        );
        let ran = Ran::of(sandbox.program("bash", ["-c", &line]));
        let listed = sandbox.json(["keys", "list"]);
        keys_seen.insert(listed["keys"].as_array().unwrap().len());
        if ran.status == 0 {
            break;
        }
        killed += 1;
        assert_eq!(sandbox.run(["doctor"]).status, 0, "after {kibibytes} KiB");
    }
    assert!(killed > 10, "killed {killed} times");
    assert!(keys_seen.len() > 2, "{keys_seen:?}");
    let document = sandbox.json(PARTICIPANT);
    assert_eq!(document["identity"]["keys"].as_array().unwrap().len(), 3);
    assert_eq!(keys_seen.last(), Some(&4), "no key was made twice");
    let history = sandbox.json(["topology", "list", "--history"]);
    assert_eq!(
        history["transactions"].as_array().unwrap().len(),
        2,
        "{history}"
    );
}
