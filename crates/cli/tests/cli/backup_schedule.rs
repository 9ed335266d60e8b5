//! `backup schedule`, and forgetting backups.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    other_kms::Cloud,
    support::{Sandbox, text},
};

const ONCE: [&str; 8] = [
    "backup",
    "schedule",
    "--once",
    "--to",
    "backups",
    "--keep",
    "2",
    "--unencrypted",
];

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_participant("alice");
    fs::create_dir(sandbox.path("backups")).unwrap();
    sandbox
}

fn files(sandbox: &Sandbox) -> usize {
    fs::read_dir(sandbox.path("backups")).unwrap().count()
}

fn remembered(sandbox: &Sandbox) -> usize {
    let listed = sandbox.json(["backup", "list"]);
    listed["backups"].as_array().unwrap().len()
}

#[test]
fn so_many_backups_are_kept_verified_and_remembered() {
    let sandbox = sandbox();
    for round in 1..=3 {
        let args = ONCE.into_iter().chain(["--verify"]);
        let report = sandbox.json(args);
        assert_eq!(
            (&report["verified"], &report["sound"]),
            (&true.into(), &true.into())
        );
        let removed = report["removed"].as_array().unwrap();
        assert_eq!(removed.len(), usize::from(round > 2));
    }
    assert_eq!((files(&sandbox), remembered(&sandbox)), (2, 2));
}

#[test]
fn a_round_that_fails_is_told_by_the_exit_status() {
    let sandbox = sandbox();
    fs::remove_dir(sandbox.path("backups")).unwrap();
    let ran = sandbox.run(ONCE);
    assert_ne!(ran.status, 0);
    assert_eq!(remembered(&sandbox), 0);
    let asking = [
        "backup",
        "schedule",
        "--to",
        "backups",
        "--recipient",
        "age1",
    ];
    let asking = asking.into_iter().chain(["--verify"]);
    sandbox.run(asking).failed("FLAG_MISSING", 2);
}

#[test]
fn the_schedule_runs_until_it_is_told_to_end_and_leaves_the_vault_to_others() {
    let sandbox = sandbox();
    let args = ["backup", "schedule", "--every", "24h", "--to", "backups"];
    let mut command = sandbox.command(args.into_iter().chain(["--unencrypted"]));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    assert!(line.contains(".backup: not verified"), "{line}");
    assert_eq!((files(&sandbox), remembered(&sandbox)), (1, 1));
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(files(&sandbox), 1);
}

#[test]
fn the_kms_is_called_for_backups_and_not_while_the_schedule_waits() {
    let cloud = Cloud::with_vault(&["--kind", "participant"]);
    let sandbox = &cloud.sandbox;
    fs::create_dir(sandbox.path("backups")).unwrap();
    cloud.simulator.reset_calls();
    let args = ["backup", "schedule", "--every", "24h", "--to", "backups"];
    let mut command = sandbox.command(args.into_iter().chain(["--unencrypted"]));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    assert!(line.contains(".backup: not verified"), "{line}");
    // The vault is closed before the line is printed; a vault that is open asks for the state of its wrapper key.
    let of_the_round = cloud.simulator.calls().total();
    assert_eq!(of_the_round, 1, "opening the vault");
    for others in 1..=3 {
        sandbox.run(["keys", "list"]).succeeded();
        let all = cloud.simulator.calls().total();
        assert_eq!(all, of_the_round + others, "one each, by the others");
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(cloud.simulator.calls().total(), of_the_round + 3);
}

#[test]
fn a_forgotten_backup_is_counted_on_no_longer() {
    let sandbox = sandbox();
    let report = sandbox.json(ONCE);
    let id = text(&report, "backup");
    let forget = ["backup", "forget", &id];
    sandbox.run(forget).failed("NOT_CONFIRMED", 3);
    let forget = forget.into_iter().chain(["--yes"]);
    sandbox.run(forget.clone()).succeeded();
    assert_eq!((files(&sandbox), remembered(&sandbox)), (1, 0));
    sandbox.run(forget).failed("STORE_BACKUP_MISSING", 3);
    let wrong = ["backup", "forget", "abc", "--yes"];
    sandbox.run(wrong).failed("WRONG_USAGE", 2);
}
