//! Help, completions, the list of errors: what the program says about itself.

use std::{collections::BTreeSet, fs};

use crate::support::{Ran, Sandbox, text};

/// Every command, found by walking the lists of commands in the help.
fn commands(sandbox: &Sandbox) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut waiting = vec![Vec::new()];
    while let Some(path) = waiting.pop() {
        for name in children(&help(sandbox, &path)) {
            waiting.push([path.clone(), vec![name]].concat());
        }
        found.push(path);
    }
    found
}

fn help(sandbox: &Sandbox, path: &[String]) -> String {
    let args = [path, &["--help".to_owned()]].concat();
    let ran = sandbox.run(args).succeeded();
    assert_eq!(ran.stderr, "");
    ran.text().to_owned()
}

fn children(help: &str) -> Vec<String> {
    let listed = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| {
        let name = line.strip_prefix("  ")?.split(' ').next()?;
        (!name.is_empty() && name != "help").then(|| name.to_owned())
    });
    names.collect()
}

#[test]
fn every_command_shows_examples_in_its_help() {
    let sandbox = Sandbox::new();
    let commands = commands(&sandbox);
    assert!(commands.len() >= 30, "{commands:?}");
    for path in &commands {
        let help = help(&sandbox, path);
        let (_, examples) = help
            .split_once("\nExamples:\n")
            .unwrap_or_else(|| panic!("{path:?} has no example\n{help}"));
        let mut lines = examples.lines().take_while(|line| line.starts_with("  "));
        let command = ["strongroom".to_owned(), path.join(" ")].join(" ");
        let command = command.trim_end();
        assert!(
            lines.any(|line| line.contains(command)),
            "no example of {path:?} shows {command}"
        );
    }
}

#[test]
fn the_examples_name_only_flags_that_there_are() {
    let sandbox = Sandbox::new();
    for path in commands(&sandbox) {
        let help = help(&sandbox, &path);
        let (_, examples) = help.split_once("\nExamples:\n").unwrap();
        let examples = examples.replace(" \\\n    ", " ");
        for line in examples.lines().filter(|line| line.contains("strongroom ")) {
            let (_, call) = line.split_once("strongroom ").unwrap();
            let call = call.split(['|', '>', '\'']).next().unwrap();
            let words: Vec<_> = call.split_whitespace().collect();
            let command: Vec<_> = words
                .iter()
                .take_while(|word| !word.starts_with('-'))
                .map(|word| (*word).to_owned())
                .collect();
            // The help of the command in the example, not of the group that shows it.
            let named = (1..=command.len())
                .rev()
                .find_map(|length| {
                    let args = [&command[..length], &["--help".to_owned()]].concat();
                    let ran = sandbox.run(args);
                    (ran.status == 0).then(|| ran.text().to_owned())
                })
                .unwrap_or_else(|| panic!("no such command: {line}"));
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                assert!(named.contains(*flag), "{flag} in: {line}");
            }
        }
    }
}

/// On a terminal of eighty columns; a narrower one has its own way to break lines.
#[test]
fn examples_can_be_pasted_as_they_stand() {
    let sandbox = Sandbox::new();
    for path in commands(&sandbox) {
        let help = help(&sandbox, &path);
        let (_, examples) = help.split_once("\nExamples:\n").unwrap();
        let examples = examples.split("\n\n").next().unwrap();
        let mut goes_on = false;
        for line in examples.lines() {
            assert!(line.chars().count() <= 80, "{line}");
            let begins = line.starts_with("  ") && !line.starts_with("    ");
            assert!(begins || goes_on, "{path:?} broke a line: {line}");
            goes_on = line.ends_with(" \\");
        }
        assert!(!goes_on, "{path:?}: {examples}");
    }
}

#[test]
fn the_help_documents_the_exit_statuses() {
    let sandbox = Sandbox::new();
    let help = help(&sandbox, &[]);
    assert!(help.contains("\nExit status:\n  0   done\n  1   the answer is no\n  2   wrong usage"));
    let ran = sandbox.run(["--version"]).succeeded();
    assert!(ran.text().starts_with("strongroom "), "{}", ran.text());
}

#[test]
fn the_long_help_says_what_the_short_one_leaves_out() {
    let sandbox = Sandbox::new();
    for (args, told) in [
        ("keys generate-signing", "Specs: ec-curve-25519 (Ed25519)"),
        ("keys import", "a container says itself"),
        ("encrypt", "RSA-2048 takes at most 190 bytes"),
        ("verify", "Exit status 0: it verifies"),
        ("doctor", "Exit status 0: nothing is"),
        ("init", "Interrupted, it is simply repeated"),
        ("topology root", "none of these commands needs a vault"),
        (
            "topology root prepare",
            "PARTY_TO_PARTICIPANT, SYNCHRONIZER_PARAMETERS_STATE",
        ),
        ("topology root inspect", "Exit status 0: nothing is wrong"),
    ] {
        let path: Vec<_> = args.split(' ').map(str::to_owned).collect();
        let help = help(&sandbox, &path);
        // However the lines break.
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(told), "{args}: {help}");
    }
}

#[test]
fn without_a_command_the_help_is_shown_and_the_status_says_wrong_usage() {
    let sandbox = Sandbox::new();
    for args in [&[][..], &["keys"]] {
        let mut command = sandbox.command(args);
        command.env_remove("STRONGROOM_DIR");
        let ran = Ran::of(command);
        assert_eq!(ran.status, 2);
        assert!(ran.stderr.contains("Commands:"), "{}", ran.stderr);
    }
}

#[test]
fn completions_are_there_for_every_shell() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = sandbox.run(["completions", shell]).succeeded();
        for word in [
            "strongroom",
            "quickstart",
            "generate-signing",
            "passphrase-file",
        ] {
            assert!(ran.text().contains(word), "{word} for {shell}");
        }
    }
    for shell in ["bash", "fish", "zsh"] {
        let ran = sandbox.run(["completions", shell]).succeeded();
        for value in ["ec-secp-256k-1", "sequencer-authentication"] {
            assert!(ran.text().contains(value), "{value} for {shell}");
        }
    }
    sandbox.refuses(["completions", "tcsh"], "WRONG_USAGE", 2);
    let script = sandbox.run(["completions", "bash"]).succeeded().stdout;
    let path = sandbox.write("strongroom.bash", script);
    let mut bash = sandbox.program("bash", ["-n"]);
    bash.arg(path);
    Ran::of(bash).succeeded();
}

#[test]
fn every_error_code_is_listed_with_its_advice_and_exit_status() {
    let sandbox = Sandbox::new();
    let document = sandbox.json(["errors"]);
    let mut names = BTreeSet::new();
    for error in document["errors"].as_array().unwrap() {
        let code = text(error, "code");
        let screaming = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        assert!(code.chars().all(screaming), "{code}");
        assert!(text(error, "advice").ends_with('.'), "{error}");
        let status = error["exit_status"].as_u64().unwrap();
        assert!([2, 3, 4, 5, 6, 7, 70].contains(&status), "{error}");
        assert!(names.insert(code), "twice: {error}");
    }
    // One of each crate.
    for code in [
        "NO_CONFIG",
        "CONFIG_INVALID",
        "KEY_HALVES_DIFFER",
        "SIGNATURE_INVALID",
        "FILE_NOT_PRIVATE",
        "KMS_KEY_NOT_FOUND",
        "KMS_LOCAL_WRONG_PASSPHRASE",
        "PROTO_MALFORMED",
        "ROOT_BLIND",
        "TOPOLOGY_INVALID_MAPPING",
        "TOPOLOGY_INPUT_UNKNOWN",
        "STORE_LOCKED",
        "ROLLED_BACK",
        "ANCHOR_DAMAGED",
    ] {
        assert!(names.contains(code), "{code} is not listed");
    }
    let one = sandbox.json(["errors", "rolled_back"]);
    assert_eq!(one["errors"].as_array().unwrap().len(), 1);
    let shown = sandbox.run(["errors", "ROLLED_BACK"]).succeeded();
    assert!(shown.text().starts_with("ROLLED_BACK (exit status 5)\n"));
    sandbox.refuses(["errors", "NO_SUCH_THING"], "NO_SUCH_CODE", 3);
}

#[test]
fn the_example_configuration_passes_the_check() {
    let sandbox = Sandbox::new();
    let example = sandbox.run(["config", "example"]).succeeded().stdout;
    sandbox.write("new.toml", example);
    let document = sandbox.json(["config", "check", "--config", "new.toml"]);
    assert_eq!(document["valid"], true);
    let shown = sandbox
        .run(["config", "check", "--config", "new.toml"])
        .succeeded();
    assert!(shown.text().starts_with("new.toml is valid\n"));
}

#[test]
fn the_configuration_that_init_writes_passes_the_check_and_warns_of_weak_choices() {
    let sandbox = Sandbox::with_vault();
    let warnings = |sandbox: &Sandbox| {
        let document = sandbox.json(["config", "check"]);
        document["warnings"].as_array().unwrap().clone()
    };
    assert_eq!(warnings(&sandbox).len(), 1, "file permissions only");
    sandbox.edit_config(|text| text.replace("envelope", "clear"));
    assert_eq!(warnings(&sandbox).len(), 2, "and readable keys");
    sandbox.edit_config(|text| {
        let lines = text.lines().filter(|line| !line.starts_with("anchor"));
        lines.collect::<Vec<_>>().join("\n")
    });
    assert_eq!(warnings(&sandbox).len(), 3, "and no anchor");
    sandbox.edit_config(|text| {
        let inside = format!("key-file = {:?}", sandbox.path("vault/kms.key"));
        let lines = text.lines().map(|line| {
            if line.starts_with("key-file") {
                inside.clone()
            } else {
                line.to_owned()
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    assert_eq!(
        warnings(&sandbox).len(),
        4,
        "and the key beside the database"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let sandbox = Sandbox::with_quickstart();
    for args in [
        "errors",
        "errors --output json",
        "keys list",
        "keys list --output json",
        "config example",
        "completions bash",
    ] {
        // `true` reads nothing; the status is that of the left side.
        let line = format!(
            "set -o pipefail; {} {args} | true",
            crate::support::STRONGROOM
        );
        let ran = Ran::of(sandbox.program("bash", ["-c", &line]));
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{args}");
    }
}

#[test]
fn a_full_disk_behind_standard_output_is_an_error_with_a_code() {
    let sandbox = Sandbox::with_quickstart();
    for args in [
        &["keys", "list"][..],
        &["config", "example"],
        &["completions", "bash"],
        &["errors", "--output", "json"],
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut command = sandbox.command(args);
        command.stdout(full).stderr(std::process::Stdio::piped());
        let output = command.spawn().unwrap().wait_with_output().unwrap();
        Ran::from(output).failed("OUTPUT_FAILED", 6);
    }
}
