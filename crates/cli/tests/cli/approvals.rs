//! What needs a second person, on a vault of one's own. The other person is another user of the machine; that one's yes is
//! tested in the vault and over the network.

use serde_json::Value;

use crate::support::{Sandbox, text};

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
    sandbox.run(delete).failed("APPROVAL_REJECTED", 3);
    // What is not named needs nobody.
    sandbox.run(["keys", "retire", &key, "--yes"]).succeeded();
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
