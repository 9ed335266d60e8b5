//! Another file for a server, which another person approves while it runs.

use std::fs;

use super::approvals::{by, of_two_for, waiting};
use crate::{
    serving::Serving,
    support::{Ran, Sandbox, text},
};

const LIST: [&str; 4] = ["approvals", "list", "--output", "json"];
const PROPOSE: [&str; 4] = ["config", "propose", "--file", "new.toml"];

/// A server began with its file once, and `new.toml` is one by which nothing needs a second person any more.
fn begun() -> Sandbox {
    let sandbox = of_two_for("\"keys.delete\", \"configuration.change\"");
    Serving::start(&sandbox).end();
    let old = fs::read_to_string(sandbox.config()).unwrap();
    let (before, rest) = old.split_once("[approvals]").unwrap();
    let (_approvals, after) = rest.split_once("[server]").unwrap();
    sandbox.write("new.toml", format!("{before}[server]{after}"));
    sandbox.write("old.toml", old);
    sandbox
}

fn put(sandbox: &Sandbox, file: &str) {
    fs::copy(sandbox.path(file), sandbox.config()).unwrap();
}

fn serve(sandbox: &Sandbox) -> Ran {
    sandbox.run(["serve", "--address", "127.0.0.1:0"])
}

#[test]
fn a_server_begins_with_another_file_once_another_person_has_approved_it_and_not_before() {
    let sandbox = begun();
    let key = sandbox.signing_key("ed25519", "protocol");
    put(&sandbox, "new.toml");
    let refused = "CONFIGURATION_NOT_APPROVED";
    let ran = serve(&sandbox).failed(refused, 3);
    assert!(ran.stderr.contains("approvals"), "{}", ran.stderr);

    put(&sandbox, "old.toml");
    let serving = Serving::start(&sandbox);
    let who = |name, words: &[&str]| by(&sandbox, &serving, name, words);
    let proposed = who("alice", &[&PROPOSE[..], &["--output", "json"]].concat());
    let proposed = proposed.succeeded().json();
    assert_eq!(proposed["guard"], "record");
    let [asked] = waiting(who("bob", &LIST)).try_into().unwrap();
    assert_eq!(text(&asked, "operation"), "configuration.change");
    assert_eq!(text(&asked, "requester"), "alice");
    // Bob sees which file it is, if he was given it, and that it is the last one that he is asked about.
    let hash = sandbox.run(["config", "hash", "--file", "new.toml"]);
    let hash = hash.succeeded().text().trim().to_owned();
    assert_eq!(text(&proposed, "hash"), hash);
    let summary = text(&asked, "summary");
    assert!(summary.contains(&format!("to {hash}")), "{summary}");
    assert!(summary.contains("no later change needs"), "{summary}");
    let id = text(&asked, "id");
    who("alice", &["approvals", "approve", &id]).failed("APPROVAL_OWN", 3);
    who("bob", &["approvals", "approve", &id]).succeeded();
    // The server goes by the old file until it ends.
    let delete = ["keys", "delete", &key, "--yes"];
    who("alice", &delete).failed("APPROVAL_REQUIRED", 3);
    serving.end();

    put(&sandbox, "new.toml");
    let serving = Serving::start(&sandbox);
    by(&sandbox, &serving, "alice", &delete).succeeded();
    serving.end();
    let log = sandbox.json(["audit", "list", "--last", "1000"]);
    let records = log["records"].as_array().unwrap();
    let used = records.iter().find(|it| it["operation"] == "use_approval");
    assert_eq!(used.unwrap()["details"]["approved_by"], "bob");
    let last = records
        .iter()
        .rfind(|it| it["operation"] == "change_configuration");
    let details = &last.unwrap()["details"];
    assert_eq!(text(details, "sections"), "approvals");
    assert_eq!(text(details, "guard_after"), "record");
    // What needs nobody any more is on record only.
    put(&sandbox, "old.toml");
    Serving::start(&sandbox).end();
}

/// Commands read the same file.
#[test]
fn whoever_takes_the_approvals_out_of_the_file_deletes_no_key_at_the_vault_by_that() {
    let sandbox = begun();
    let key = sandbox.signing_key("ed25519", "protocol");
    put(&sandbox, "new.toml");
    let refused = "CONFIGURATION_NOT_APPROVED";
    let delete = ["keys", "delete", &key, "--yes"];
    sandbox.run(delete).failed(refused, 3);
    sandbox
        .run([&delete[..], &["--break-glass", "it burns"]].concat())
        .failed(refused, 3);
    // Nor does he propose what is in place here already: whose word counts is told by the old one.
    sandbox.run(["config", "propose"]).failed(refused, 3);
    let doctor = Ran::of(sandbox.command(["doctor", "--output", "json"])).json();
    let checks = doctor["checks"].as_array().unwrap();
    assert!(
        checks.iter().any(|check| check["code"] == refused),
        "{doctor}"
    );
    // Keys are seen and used as before.
    sandbox.write("message", "pay 7");
    sandbox
        .run(["sign", "message", "--key", &key, "--out", "signature"])
        .succeeded();
    put(&sandbox, "old.toml");
    sandbox.run(delete).failed("APPROVAL_REQUIRED", 3);
    let same = sandbox.json(["config", "propose"]);
    assert_eq!(same["unchanged"], true);
}

#[test]
fn it_is_proposed_at_the_vault_as_well_and_approved_over_the_network() {
    let sandbox = begun();
    for _again in 0..2 {
        let ran = sandbox.run(PROPOSE).succeeded();
        assert!(ran.text().contains("approvals approve"), "{}", ran.text());
    }
    let [asked] = waiting(sandbox.run(LIST)).try_into().unwrap();
    let id = text(&asked, "id");
    let own = sandbox.run(["approvals", "approve", &id]);
    own.failed("APPROVAL_OWN", 3);
    let serving = Serving::start(&sandbox);
    by(&sandbox, &serving, "bob", &["approvals", "approve", &id]).succeeded();
    serving.end();
    put(&sandbox, "new.toml");
    Serving::start(&sandbox).end();
    let free = sandbox.json(["config", "propose", "--file", "old.toml"]);
    assert_eq!(
        (&free["unchanged"], &free["approval"]),
        (&false.into(), &().into())
    );
}

#[test]
fn who_is_granted_it_changes_the_file_alone_and_another_person_acknowledges_it() {
    let sandbox = begun();
    let serving = Serving::start(&sandbox);
    let who = |name, words: &[&str]| by(&sandbox, &serving, name, words);
    let alone = [&PROPOSE[..], &["--break-glass", "bob is gone"]].concat();
    who("bob", &alone).failed("PERMISSION_DENIED", 4);
    assert!(waiting(who("bob", &LIST)).is_empty());
    who("alice", &alone).succeeded();
    serving.end();
    put(&sandbox, "new.toml");
    let serving = Serving::start(&sandbox);
    let [bypassed] = waiting(by(&sandbox, &serving, "bob", &LIST))
        .try_into()
        .unwrap();
    assert_eq!(text(&bypassed, "state"), "bypassed");
    assert_eq!(text(&bypassed, "reason"), "bob is gone");
    let id = text(&bypassed, "id");
    by(
        &sandbox,
        &serving,
        "bob",
        &["approvals", "acknowledge", &id],
    )
    .succeeded();
}

#[test]
fn a_file_that_no_server_could_begin_with_is_not_proposed() {
    let sandbox = begun();
    sandbox.write("broken.toml", "surprise = 1\n");
    let file = ["--file", "broken.toml"];
    for command in [["config", "hash"], ["config", "propose"]] {
        sandbox
            .run([&command[..], &file].concat())
            .failed("CONFIG_UNREADABLE", 2);
    }
    let hash = |text: &str| {
        sandbox.write("other.toml", text);
        let ran = sandbox.run(["config", "hash", "--file", "other.toml"]);
        ran.succeeded().text().to_owned()
    };
    let old = fs::read_to_string(sandbox.path("old.toml")).unwrap();
    let same = hash(&format!("# whatever\n{old}"));
    assert_eq!(same, sandbox.run(["config", "hash"]).succeeded().text());
    let other = hash(&old.replace("break-glass = true", "break-glass = false"));
    assert_ne!(same, other);
}
