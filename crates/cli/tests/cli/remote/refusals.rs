//! What goes wrong with a server.

use super::{There, used};
use crate::support::{Sandbox, text};

#[test]
fn a_refusal_has_the_code_and_the_status_that_it_has_here() {
    let sandbox = used();
    let unknown = format!("1220{}", "ab".repeat(32));
    let receiving = sandbox.encryption_key("ec-p-256");
    let retired = sandbox.json(["keys", "list"]);
    let keys = retired["keys"].as_array().unwrap();
    let state = |wanted: &str| {
        let found = keys
            .iter()
            .find(|key| key["state"] == wanted && key["purpose"] == "signing");
        text(found.unwrap(), "fingerprint")
    };
    let (retired, active) = (state("retired"), state("active"));
    let announced = keys.iter().find(|key| key["announced"][0].is_string());
    let announced = text(announced.unwrap(), "fingerprint");
    let namespace = keys.iter().find(|key| key["usage"][0] == "namespace");
    let namespace = text(namespace.unwrap(), "fingerprint");
    let message = sandbox.path("message").display().to_string();
    let commands: &[&[&str]] = &[
        &["keys", "show", &unknown],
        &["keys", "delete", &unknown, "--yes"],
        &["keys", "delete", &announced, "--yes"],
        &["keys", "delete", &active],
        &[
            "keys",
            "list",
            "--purpose",
            "encryption",
            "--usage",
            "protocol",
        ],
        &[
            "keys",
            "export",
            &unknown,
            "--unprotected",
            "--out",
            "never",
        ],
        &["keys", "register-signing", "key-1", "--usage", "protocol"],
        &["sign", &message, "--key", &retired],
        &["sign", &message, "--key", &receiving],
        &["sign", &message, "--key", &namespace, "--usage", "protocol"],
        &["sign", &message, "--key", &unknown],
        &["encrypt", &message, "--to", &active],
        &["decrypt", &message, "--key", &active],
        &["decrypt", &message, "--key", &receiving],
        &["wrapper-key", "rotate", "--to", "no-such-key"],
        &["wrapper-key", "rotate", "--resume"],
        &["topology", "list", "--store", "temporary:nowhere"],
    ];
    sandbox.edit_config(|config| format!("{config}\n[server]\nexport-private-keys = true\n"));
    let here: Vec<_> = commands
        .iter()
        .map(|command| sandbox.run(*command))
        .collect();
    let there = There::start(&sandbox);
    for (command, here) in commands.iter().zip(here) {
        let there = there.run(command);
        let said = format!("{command:?}\n{}\n{}", here.stderr, there.stderr);
        assert_eq!(
            (here.status, here.code()),
            (there.status, there.code()),
            "{said}"
        );
        assert!(there.stdout.is_empty(), "{said}");
        assert_eq!(here.status == 0, here.code().is_none(), "{said}");
    }
}

#[test]
fn a_server_names_the_call_by_which_its_log_finds_it() {
    let sandbox = used();
    let there = There::start(&sandbox);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut command = sandbox.command(["keys", "show", &format!("1220{}", "ab".repeat(32))]);
    command.env("STRONGROOM_ENDPOINT", there.endpoint());
    command.env("STRONGROOM_TRACE_ID", trace);
    let ran = crate::support::Ran::of(command).failed("KEY_NOT_FOUND", 3);
    // It was found not to be there by this side.
    assert!(!ran.stderr.contains("request: "), "{}", ran.stderr);
    let mut command = sandbox.command([
        "keys",
        "delete",
        &format!("1220{}", "ab".repeat(32)),
        "--yes",
    ]);
    command.env("STRONGROOM_ENDPOINT", there.endpoint());
    command.env("STRONGROOM_TRACE_ID", trace);
    let ran = crate::support::Ran::of(command).failed("KEY_NOT_FOUND", 3);
    assert!(
        ran.stderr.contains(&format!("request: {trace}")),
        "{}",
        ran.stderr
    );
}

#[test]
fn private_keys_stay_where_the_server_does_not_let_them_leave() {
    let sandbox = used();
    let key = sandbox.signing_key("ec-p-256", "protocol");
    let there = There::start(&sandbox);
    let export = ["keys", "export", &key, "--unprotected", "--out", "never"];
    there.run(&export).failed("EXPORT_DISABLED", 3);
    assert!(!sandbox.path("never").exists());
}

#[test]
fn what_no_server_does_is_refused_before_anything_happens() {
    let sandbox = used();
    let there = There::start(&sandbox);
    let before = sandbox.snapshot();
    for line in [
        "init --unprotected-key-file",
        "quickstart",
        "serve",
        "anchor show",
        "anchor accept",
        "config check",
        "incident --root",
        "kms show",
        "kms orphans",
        "kms policy aws",
        "kms protect --passphrase-prompt",
        "replicas join message --i-know-this-database-is-the-right-one",
        "import canton-db --url postgres:///participant --dry-run",
        "backup create vault.backup --unencrypted",
        "backup verify vault.backup",
        "backup restore vault.backup",
        "backup schedule --once --to . --recipient age1...",
        "backup schedule --to . --recipient age1...",
        "vault move --to postgres://strongroom@db.example:5432/ledger",
    ] {
        let words: Vec<_> = line.split(' ').collect();
        let ran = there.run(&words);
        assert_eq!(
            ran.code(),
            Some("NOT_OVER_THE_NETWORK"),
            "{line}: {}",
            ran.stderr
        );
        assert_eq!(ran.status, 7, "{line}");
    }
    sandbox.assert_unchanged(&before);
    assert!(!sandbox.path("nowhere").exists());
}

#[test]
fn an_endpoint_that_is_none_is_refused() {
    let sandbox = Sandbox::new();
    for (endpoint, code, status) in [
        ("vault.example:5012", "ENDPOINT_INVALID", 2),
        ("https://vault.example", "ENDPOINT_INVALID", 2),
        ("http://vault.example:5012", "ENDPOINT_UNPROTECTED", 2),
        ("https://127.0.0.1:5012", "CLIENT_TLS_UNUSABLE", 2),
        ("http://127.0.0.1:1", "SERVER_UNREACHABLE", 6),
        ("unix:/nowhere/strongroom.sock", "SERVER_UNREACHABLE", 6),
    ] {
        let args = ["keys", "list", "--endpoint", endpoint];
        let ran = sandbox.run(args);
        assert_eq!(ran.code(), Some(code), "{endpoint}: {}", ran.stderr);
        assert_eq!(ran.status, status, "{endpoint}");
    }
}

#[test]
fn a_server_that_is_gone_is_told_from_one_that_refuses() {
    let sandbox = used();
    let there = There::start(&sandbox);
    let endpoint = there.endpoint();
    there.run(&["keys", "list"]).succeeded();
    assert!(there.serving.end().success());
    let ran = sandbox.run(["keys", "list", "--endpoint", &endpoint]);
    ran.failed("SERVER_UNREACHABLE", 6);
}
