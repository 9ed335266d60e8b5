//! What a start does when the configuration names another custody than the keys have.

use crate::support::{Sandbox, text};

/// A vault with one key whose custody is `clear`, and its fingerprint.
fn with_clear_key() -> (Sandbox, String) {
    let sandbox = Sandbox::with_vault();
    custody(&sandbox, "envelope", "clear");
    let args = [
        "keys",
        "generate-signing",
        "--usage",
        "protocol",
        "--output",
        "json",
    ];
    let key = text(&sandbox.run(args).succeeded().json(), "fingerprint");
    (sandbox, key)
}

fn custody(sandbox: &Sandbox, from: &str, to: &str) {
    let line = |name| format!("default = \"{name}\"");
    sandbox.edit_config(|text| text.replace(&line(from), &line(to)));
}

fn custody_of(sandbox: &Sandbox, key: &str) -> String {
    let shown = sandbox.run(["keys", "show", key, "--output", "json"]);
    text(&shown.succeeded().json(), "custody")
}

#[test]
fn a_readable_key_is_sealed_by_the_first_command_once_its_custody_is_envelope() {
    let (sandbox, key) = with_clear_key();
    custody(&sandbox, "clear", "envelope");
    // Who only looks changes nothing.
    let doctor = sandbox.run(["doctor"]).succeeded();
    assert!(
        doctor.text().contains("stored readable"),
        "{}",
        doctor.text()
    );
    let first = sandbox.run(["keys", "list"]).succeeded();
    let told = "sealed private keys that were stored readable";
    assert!(first.stderr.contains(told), "{}", first.stderr);
    assert_eq!(sandbox.run(["keys", "list"]).succeeded().stderr, "");
    let shown = sandbox.json(["keys", "show", &key]);
    assert_eq!(
        (&shown["custody"], &shown["exposed"]),
        (&"envelope".into(), &true.into())
    );
    let audit = sandbox.run(["audit", "list"]).succeeded();
    assert!(audit.text().contains("seal_key"), "{}", audit.text());
}

#[test]
fn a_sealed_key_is_stored_readable_only_when_that_is_said_twice() {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.signing_key("ed25519", "protocol");
    custody(&sandbox, "envelope", "clear");
    assert_eq!(custody_of(&sandbox, &key), "envelope");
    let doctor = sandbox.run(["doctor"]).succeeded();
    assert!(
        doctor.text().contains("'reverted = true'"),
        "{}",
        doctor.text()
    );

    sandbox.edit_config(|text| text.replace("[custody]", "[custody]\nreverted = true"));
    let check = sandbox.json(["config", "check"]);
    assert!(check.to_string().contains("'reverted' stores"), "{check}");
    let loud = sandbox.run(["keys", "list"]).succeeded();
    let told = "private keys that were sealed are stored readable now";
    assert!(loud.stderr.contains(told), "{}", loud.stderr);
    assert_eq!(custody_of(&sandbox, &key), "clear");
    let audit = sandbox.run(["audit", "list"]).succeeded();
    assert!(audit.text().contains("unseal_key"), "{}", audit.text());

    // And the way back.
    sandbox.edit_config(|text| text.replace("reverted = true\n", ""));
    custody(&sandbox, "clear", "envelope");
    assert_eq!(custody_of(&sandbox, &key), "envelope");
}

#[test]
fn a_reversal_without_a_custody_to_revert_to_is_refused() {
    let sandbox = Sandbox::with_vault();
    sandbox.edit_config(|text| text.replace("[custody]", "[custody]\nreverted = true"));
    let refused = sandbox.run(["keys", "list"]);
    assert!(refused.stderr.contains("reverted"), "{}", refused.stderr);
    assert_eq!(refused.status, 2);
}
