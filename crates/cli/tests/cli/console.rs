//! `console`: from a script, and typed at a terminal.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::Value;

use crate::{
    serving::{Serving, python},
    support::{Ran, STRONGROOM, Sandbox},
};

/// Lines typed at a terminal, one after the other.
fn typed(sandbox: &Sandbox, args: &[&str], lines: &[&str]) -> Ran {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/console/typing.py");
    let mut command: Command = sandbox.program(python(), [script]);
    command.arg(STRONGROOM).args(args).env("TERM", "xterm");
    Ran::with_input(command, lines.join("\n").as_bytes())
}

fn documents(ran: &Ran) -> Vec<Value> {
    let documents = serde_json::Deserializer::from_slice(&ran.stdout).into_iter();
    documents.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_script_runs_one_command_after_the_other_and_opens_the_vault_once() {
    let sandbox = Sandbox::with_vault();
    let script = "# Two keys, and what is known of them.\n\
        keys generate-signing --usage protocol --name 'a first'\n\n\
        keys.secret.generate_encryption_key --name second\n\
        strongroom keys.secret.list\n\
        audit verify\n";
    let ran = sandbox
        .run_with(script, ["console", "--output", "json"])
        .succeeded();
    assert_eq!(ran.stderr, "");
    let documents = documents(&ran);
    assert_eq!(documents.len(), 4);
    assert_eq!(documents[0]["name"], "a first");
    assert_eq!(documents[1]["purpose"], "encryption");
    assert_eq!(documents[2]["keys"].as_array().unwrap().len(), 2);
    assert_eq!(documents[3]["valid"], true);
    // As many KMS calls as one command makes.
    let calls = |script: &str, log: &str| {
        let args = ["console", "--kms-log-file-name", log];
        sandbox.run_with(script, args).succeeded();
        String::from_utf8(sandbox.read(log))
            .unwrap()
            .lines()
            .count()
    };
    let of_one = calls("keys list\n", "one.log");
    let of_three = calls("keys list\naudit verify\nwrapper-key show\n", "three.log");
    assert!(of_one > 0);
    assert_eq!(of_one, of_three);
    sandbox.run(["doctor"]).succeeded();
}

#[test]
fn a_script_ends_at_the_first_command_that_fails_with_its_status() {
    let sandbox = Sandbox::with_vault();
    let unknown = format!("1220{}", "ab".repeat(32));
    let script = format!("keys list\nkeys show {unknown}\nkeys generate-encryption\n");
    let ran = sandbox.run_with(script, ["console"]);
    assert_eq!(
        (ran.code(), ran.status),
        (Some("KEY_NOT_FOUND"), 3),
        "{}",
        ran.stderr
    );
    let keys = sandbox.json(["keys", "list"]);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 0);
    for (script, code) in [
        ("keys lst\n", "WRONG_USAGE"),
        ("keys list --dir elsewhere\n", "WRONG_USAGE"),
        ("keys list --name 'open\n", "BAD_ARGUMENT"),
        ("console\n", "BAD_ARGUMENT"),
        ("topology.synchronisation.is_idle\n", "BAD_ARGUMENT"),
    ] {
        let ran = sandbox.run_with(script, ["console"]);
        assert_eq!(
            (ran.code(), ran.status),
            (Some(code), 2),
            "{script}{}",
            ran.stderr
        );
    }
    // What comes after the exit is not run, and help is no failure.
    let ran = sandbox.run_with("help\nhelp aliases\nexit\nkeys lst\n", ["console"]);
    let ran = ran.succeeded();
    assert!(ran.text().contains("wrapper-key"), "{}", ran.text());
    assert!(
        ran.text().contains("keys.secret.rotate_wrapper_key"),
        "{}",
        ran.text()
    );
}

#[test]
fn commands_that_need_the_vault_for_themselves_get_it_from_a_console() {
    let sandbox = Sandbox::with_vault();
    let script = "keys generate-encryption --name one\ndoctor\nwrapper-key rotate\nanchor show\n\
        backup create vault.backup --unencrypted\nkeys list\nbackup list\n";
    let ran = sandbox.run_with(script, ["console", "--output", "json"]);
    let ran = ran.succeeded();
    assert_eq!(documents(&ran).len(), 7);
    sandbox.run(["doctor"]).succeeded();
}

#[test]
fn a_command_of_a_script_does_not_read_the_script() {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.signing_key("ec-curve-25519", "protocol");
    let script = format!("sign - --key {key} --encoding hex\nkeys list\n");
    let ran = sandbox.run_with(script, ["console"]).succeeded();
    let empty = sandbox.run_with("", ["sign", "-", "--key", &key, "--encoding", "hex"]);
    let empty = empty.succeeded();
    assert!(ran.text().starts_with(empty.text()), "{}", ran.text());
}

#[test]
fn a_console_works_on_a_server() {
    let sandbox = Sandbox::with_vault();
    let serving = Serving::start(&sandbox);
    let endpoint = format!("http://{}", serving.grpc());
    let script = "keys generate-signing --usage protocol --name made\nkeys list\naudit verify\n";
    let args = ["console", "--endpoint", &endpoint, "--output", "json"];
    let ran = sandbox.run_with(script, args).succeeded();
    let documents = documents(&ran);
    assert_eq!(documents[1]["keys"][0]["name"], "made");
    let ran = sandbox.run_with("doctor\nanchor show\n", args);
    assert_eq!((ran.code(), ran.status), (Some("NOT_OVER_THE_NETWORK"), 7));
    assert!(serving.end().success());
}

#[test]
fn whoever_types_sees_the_prompt_goes_on_after_a_failure_and_finds_the_lines_again() {
    let sandbox = Sandbox::with_vault();
    let lines = [
        "keys generate-signing --usage protocol --name typed",
        "keys lst",
        " keys list --name hidden-by-a-space",
        "keys list --name password=XYZZY",
        "keys l\t--name typed",
        "exit",
    ];
    let ran = typed(&sandbox, &["console"], &lines).succeeded();
    let shown = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(shown.contains("strongroom "), "{shown}");
    assert!(shown.contains("WRONG_USAGE"), "{shown}");
    assert!(shown.matches("typed").count() >= 4, "{shown}");
    let file = sandbox.path("home/.local/state/strongroom/console-history");
    let kept = fs::read_to_string(&file).unwrap();
    assert_eq!(
        kept.lines().collect::<Vec<_>>(),
        [lines[0], "keys list --name typed", "exit"][..2]
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    // The arrow that points up brings the last line back.
    let ran = typed(&sandbox, &["console"], &["\u{1b}[A", "exit"]).succeeded();
    let shown = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(shown.contains("keys list --name typed"), "{shown}");
}
