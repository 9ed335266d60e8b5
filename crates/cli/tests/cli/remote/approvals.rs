//! A second person who is somewhere else: each is known to the server by a certificate.

use rcgen::ExtendedKeyUsagePurpose;
use serde_json::Value;

use super::access::{certify, endpoint};
use crate::{
    serving::Serving,
    support::{Ran, Sandbox, text},
};

const PERSONS: [&str; 2] = ["alice", "bob"];

const GRANTED: &str = r#"["keys.list", "keys.delete", "keys.export", "approvals.list", "approvals.decide", "audit.read", "backup.release", "backup.list", "wrapper-keys.show", "configuration.change", "sign"]"#;

/// A server at which two administrators need each other to delete or export a key, and alice may break the glass.
fn of_two() -> Sandbox {
    of_two_for("\"keys.delete\", \"keys.export\"")
}

/// The same for these operations.
pub(super) fn of_two_for(operations: &str) -> Sandbox {
    let sandbox = Sandbox::with_vault();
    let client = ExtendedKeyUsagePurpose::ClientAuth;
    let pairs = [
        ("server", "localhost", ExtendedKeyUsagePurpose::ServerAuth),
        ("alice", "alice.example", client.clone()),
        ("bob", "bob.example", client),
    ];
    certify(&sandbox, "authority", &pairs);
    let path = |name: &str| sandbox.path(name).display().to_string();
    let mut rules = format!(
        "\n[approvals]\noperations = [{operations}]\nbreak-glass = true\n\
         [server]\nexport-private-keys = true\n[server.tls]\ncertificate-file = {:?}\nprivate-key-file = {:?}\n\
         client-certificates = \"required\"\nclient-ca-file = {:?}\n",
        path("server.pem"),
        path("server.key"),
        path("authority.pem"),
    );
    for name in PERSONS {
        rules += &format!(
            "[[callers]]\nname = \"{name}\"\ncertificates = [\"dns:{name}.example\"]\n\
             [[callers.grants]]\noperations = {GRANTED}\n"
        );
        if name == "alice" {
            rules += "[[callers.grants]]\noperations = [\"break-glass\"]\n";
        }
    }
    sandbox.edit_config(|config| format!("{config}{rules}"));
    sandbox
}

/// Runs a command as one of the two.
pub(super) fn by(sandbox: &Sandbox, serving: &Serving, name: &str, words: &[&str]) -> Ran {
    let endpoint = endpoint(serving);
    let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
    let flags = [
        "--endpoint",
        &endpoint,
        "--server-ca-file",
        "authority.pem",
        "--client-certificate-file",
        &certificate,
        "--client-key-file",
        &key,
    ];
    sandbox.run([words, &flags].concat())
}

pub(super) fn waiting(ran: Ran) -> Vec<Value> {
    let listed = ran.succeeded().json();
    listed["approvals"].as_array().unwrap().clone()
}

#[test]
fn another_person_says_yes_over_the_network_and_it_is_done_once() {
    let sandbox = of_two();
    let key = sandbox.signing_key("ed25519", "protocol");
    let serving = Serving::start(&sandbox);
    let by = |name, words: &[&str]| by(&sandbox, &serving, name, words);
    let list = ["approvals", "list", "--output", "json"];

    let delete = ["keys", "delete", &key, "--yes"];
    by("alice", &delete).failed("APPROVAL_REQUIRED", 3);
    let [asked] = waiting(by("bob", &list)).try_into().unwrap();
    assert_eq!(text(&asked, "operation"), "keys.delete");
    assert_eq!(text(&asked, "requester"), "alice");
    assert!(text(&asked, "summary").contains(&*key), "{asked}");
    let id = text(&asked, "id");
    by("alice", &["approvals", "approve", &id]).failed("APPROVAL_OWN", 3);
    by("bob", &["approvals", "approve", &id]).succeeded();
    // A yes to alice is none to bob, and none to anything else.
    by("bob", &delete).failed("APPROVAL_REQUIRED", 3);
    let export = ["keys", "export", &key, "--out", "out", "--unprotected"];
    by("alice", &export).failed("APPROVAL_REQUIRED", 3);
    assert!(!sandbox.path("out").exists());
    by("alice", &delete).succeeded();
    by("alice", &["keys", "show", &key]).failed("KEY_NOT_FOUND", 3);
    let left = waiting(by("alice", &list));
    assert!(left.iter().all(|asked| text(asked, "id") != id));

    let log = by("bob", &["audit", "list", "--output", "json"]);
    let log = log.succeeded().json();
    let records = log["records"].as_array().unwrap();
    let used = records.iter().find(|it| it["operation"] == "use_approval");
    let used = used.unwrap();
    assert_eq!(used["caller"], "alice");
    assert_eq!(used["details"]["approved_by"], "bob");
}

#[test]
fn who_is_granted_it_goes_on_alone_over_the_network_and_another_person_acknowledges_it() {
    let sandbox = of_two();
    let key = sandbox.signing_key("ed25519", "protocol");
    let serving = Serving::start(&sandbox);
    let by = |name, words: &[&str]| by(&sandbox, &serving, name, words);
    let delete = ["keys", "delete", &key, "--yes", "--break-glass", "it burns"];
    by("bob", &delete).failed("PERMISSION_DENIED", 4);
    by("bob", &["keys", "show", &key]).succeeded();
    by("alice", &delete).succeeded();
    let list = ["approvals", "list", "--output", "json"];
    let [bypassed] = waiting(by("bob", &list)).try_into().unwrap();
    assert_eq!(text(&bypassed, "state"), "bypassed");
    assert_eq!(text(&bypassed, "reason"), "it burns");
    let id = text(&bypassed, "id");
    by("alice", &["approvals", "acknowledge", &id]).failed("APPROVAL_OWN", 3);
    by("bob", &["approvals", "acknowledge", &id]).succeeded();
    assert_eq!(waiting(by("bob", &list)).len(), 0);
}
