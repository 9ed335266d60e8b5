//! What needs a second person, on a vault of one's own. The other person is another user of the machine; that one's yes is
//! tested in the vault and over the network.

use serde_json::Value;

use crate::{
    serving::Serving,
    support::{Sandbox, text},
};

fn with(section: &str) -> (Sandbox, String) {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.signing_key("ed25519", "protocol");
    sandbox.edit_config(|text| format!("{text}\n[approvals]\n{section}\n"));
    (sandbox, key)
}

fn waiting(sandbox: &Sandbox) -> Vec<Value> {
    let listed = sandbox.json(["approvals", "list"]);
    listed["approvals"].as_array().unwrap().clone()
}

#[test]
fn what_needs_a_second_person_waits_and_is_not_done() {
    let (sandbox, key) = with("operations = [\"keys.delete\", \"keys.export\"]");
    let delete = ["keys", "delete", &key, "--yes"];
    for _again in 0..2 {
        let ran = sandbox.run(delete).failed("APPROVAL_REQUIRED", 3);
        assert!(ran.stderr.contains("approvals approve"), "{}", ran.stderr);
    }
    let [asked] = waiting(&sandbox).try_into().unwrap();
    assert_eq!(text(&asked, "operation"), "keys.delete");
    assert_eq!(text(&asked, "state"), "pending");
    assert!(text(&asked, "summary").contains(&*key), "{asked}");
    let id = text(&asked, "id");
    let id = id.as_str();
    sandbox
        .run(["approvals", "approve", id])
        .failed("APPROVAL_OWN", 3);
    sandbox.run(["keys", "show", &key]).succeeded();

    let export = ["keys", "export", &key, "--out", "out", "--unprotected"];
    sandbox.run(export).failed("APPROVAL_REQUIRED", 3);
    assert!(!sandbox.path("out").exists());

    sandbox.run(["approvals", "reject", id]).succeeded();
    // It was taken back, so it can be asked for again.
    sandbox.run(delete).failed("APPROVAL_REQUIRED", 3);
    // What is not named needs nobody.
    sandbox.run(["keys", "retire", &key, "--yes"]).succeeded();
}

#[test]
fn a_command_about_all_keys_is_asked_for_those_that_there_are() {
    let (sandbox, key) = with("operations = [\"keys.migrate\", \"wrapper-keys.prune\"]");
    let migrate = ["keys", "migrate", "--all", "--to", "external"];
    for _again in 0..2 {
        sandbox.run(migrate).failed("APPROVAL_REQUIRED", 3);
    }
    let [asked] = waiting(&sandbox).try_into().unwrap();
    let summary = text(&asked, "summary");
    assert!(summary.ends_with(&format!(" about 1: {key}")), "{summary}");
    sandbox.signing_key("ec-p256", "protocol");
    sandbox.run(migrate).failed("APPROVAL_REQUIRED", 3);
    assert_eq!(waiting(&sandbox).len(), 2, "those are others");
    // No data key is retired: there is nothing to agree to.
    sandbox.run(["wrapper-key", "prune", "--yes"]).succeeded();
    assert_eq!(waiting(&sandbox).len(), 2);
}

#[test]
fn who_goes_on_alone_says_why_and_doctor_warns() {
    let (sandbox, key) = with("operations = [\"keys.delete\"]\nbreak-glass = true");
    let delete = ["keys", "delete", &key, "--yes", "--break-glass", "it burns"];
    let ran = sandbox.run(delete).succeeded();
    assert!(
        ran.stderr.contains("the glass was broken"),
        "{}",
        ran.stderr
    );
    let [bypassed] = waiting(&sandbox).try_into().unwrap();
    assert_eq!(text(&bypassed, "state"), "bypassed");
    assert_eq!(text(&bypassed, "reason"), "it burns");
    let doctor = sandbox.json(["doctor"]);
    let checks = doctor["checks"].as_array().unwrap();
    let warned = checks.iter().find(|check| check["name"] == "break-glass");
    assert_eq!(text(warned.unwrap(), "status"), "warning");
    let id = text(&bypassed, "id");
    let acknowledge = ["approvals", "acknowledge", &id];
    sandbox.run(acknowledge).failed("APPROVAL_OWN", 3);
    let log = sandbox.json(["audit", "list"]);
    let records = log["records"].as_array().unwrap();
    assert!(records.iter().any(|it| it["operation"] == "break_glass"));
}

#[test]
fn approvals_that_could_let_something_through_unseen_are_refused() {
    for (section, code) in [
        ("operations = [\"keys.delet\"]", "APPROVALS_INVALID"),
        ("operations = [\"sign\"]", "APPROVALS_INVALID"),
        ("break-glass = true", "CONFIG_INVALID"),
    ] {
        let (sandbox, _key) = with(section);
        sandbox.run(["keys", "list"]).failed(code, 2);
        sandbox.run(["config", "check"]).failed(code, 2);
    }
    let (sandbox, key) = with("operations = [\"keys.delete\"]");
    let delete = ["keys", "delete", &key, "--yes", "--break-glass", "why"];
    sandbox.run(delete).failed("BREAK_GLASS_OFF", 3);
}

#[test]
fn another_kms_for_the_wrapper_key_is_asked_for_as_one_that_is_named() {
    let (sandbox, _key) = with("operations = [\"wrapper-keys.rotate-to\"]");
    let made = sandbox.json([
        "recovery",
        "create",
        "recovery.key",
        "--shares",
        "3",
        "--threshold",
        "2",
    ]);
    let section = text(&made, "section");
    sandbox.edit_config(|config| format!("{config}\n{section}"));
    let rotate = ["wrapper-key", "rotate", "--kms", "recovery"];
    for how in [&[][..], &["--rewrap-only"]] {
        let ran = sandbox.run([&rotate[..], how].concat());
        ran.failed("APPROVAL_REQUIRED", 3);
    }
    sandbox
        .run(["wrapper-key", "rotate", "--kms", "local"])
        .succeeded();
    sandbox.edit_config(|config| config.replace("wrapper-keys.rotate-to", "keys.delete"));
    // And the vault would not open any more.
    let refused = sandbox.run(rotate);
    assert_eq!(refused.code(), Some("NO_OTHER_WRAP_OPENS"), "{refused:?}");
}

/// By an address, by a socket and by a command one person has three names.
#[test]
fn no_server_begins_that_knows_nobody_and_asks_for_a_second_person() {
    let (sandbox, _key) = with("operations = [\"keys.delete\"]");
    let serve = ["serve", "--address", "127.0.0.1:0"];
    sandbox.run(serve).failed("APPROVALS_INVALID", 2);
    let told = sandbox.json(["config", "check"])["warnings"].to_string();
    assert!(told.contains("no server begins"), "{told}");
    // Commands know the users of the machine.
    sandbox.run(["approvals", "list"]).succeeded();
    sandbox.edit_config(|text| format!("{text}approvers = [\"os-user:uid 1\", \"bob\"]\n"));
    let told = sandbox.json(["config", "check"])["warnings"].to_string();
    assert!(!told.contains("no server begins"), "{told}");
    Serving::start(&sandbox).end();
}
