//! The audit log of a server as it grows, and its wraps, tried.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Stdio},
};

use serde_json::Value;

use super::{There, used};
use crate::support::{Ran, Sandbox, text};

/// `audit tail --follow`, with what else is asked for.
struct Tail {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Tail {
    fn start(there: &There<'_>, more: &[&str]) -> Self {
        let follow = ["audit", "tail", "--follow", "--output", "json"];
        let mut command = there.command(&[&follow[..], more].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> Value {
        let line = self.lines.next().expect("it goes on").unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn interrupt(mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn what_others_do_on_a_server_is_shown_as_it_comes_until_interrupted() {
    let sandbox = used();
    let there = There::start(&sandbox);
    let records = there.json(&["audit", "list"]);
    let newest = records["records"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    let mut tail = Tail::start(&there, &["--last", "1"]);
    // What is there, and from then on everything.
    assert_eq!(tail.next(), newest);
    let mut filtered = Tail::start(&there, &["--last", "0", "--operation", "retire_key"]);
    let key = there.json(&["keys", "generate-signing", "--usage", "protocol"]);
    let key = text(&key, "fingerprint");
    let made = tail.next();
    assert_eq!(
        (&made["operation"], &made["key"]),
        (&"generate_key".into(), &key.as_str().into())
    );
    there.run(&["keys", "retire", &key, "--yes"]).succeeded();
    let retired = tail.next();
    assert_eq!(retired["operation"], "retire_key");
    assert_eq!(filtered.next()["operation"], "retire_key");
    let list = there.json(&["audit", "list", "--last", "2"]);
    assert_eq!(list["records"], Value::Array(vec![made, retired]));
    tail.interrupt();
    filtered.interrupt();
    assert!(there.serving.end().success());
}

#[test]
fn a_tail_says_so_when_its_server_ends() {
    let sandbox = Sandbox::with_vault();
    let there = There::start(&sandbox);
    let mut tail = Tail::start(&there, &["--last", "1"]);
    tail.next();
    assert!(there.serving.end().success());
    let output = tail.child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{stderr}");
    assert!(stderr.contains("code: "), "{stderr}");
}

fn without_latency(mut report: Value) -> Value {
    for wrap in report["wraps"].as_array_mut().unwrap() {
        let latency = wrap.as_object_mut().unwrap().remove("latency_ms");
        assert!(latency.unwrap().is_number());
    }
    report
}

#[test]
fn every_wrap_is_tried_by_a_server_as_it_is_by_a_command() {
    let sandbox = used();
    let check = ["wrapper-key", "check"];
    let here = sandbox.json(check);
    let there = There::start(&sandbox);
    let told = there.json(&check);
    assert_eq!(without_latency(here), without_latency(told));
    let table = there.run(&check).succeeded();
    assert!(table.text().contains("opens"), "{}", table.text());
    assert!(there.serving.end().success());
}

#[test]
fn an_export_that_finds_the_disk_full_fails_as_it_does_here_and_leaves_no_half_file() {
    let sandbox = used();
    // So little that the log does not fit, and more than anything else takes that a command writes.
    let limited = |command: std::process::Command| {
        let limit = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
        let mut shell = sandbox.program("sh", ["-c", limit]);
        shell.arg(command.get_program()).args(command.get_args());
        let envs = command.get_envs();
        shell.envs(envs.filter_map(|(name, value)| Some((name, value?))));
        Ran::of(shell)
    };
    let there = There::start(&sandbox);
    let export = ["audit", "export", "audit.jsonl"];
    let names = || {
        let names = sandbox.snapshot().into_keys();
        // What the running server does with its own files is its own.
        let names = names.filter(|path| !path.starts_with(sandbox.vault()));
        names.collect::<Vec<_>>()
    };
    let before = names();
    let ran = limited(there.command(&export)).failed("FILE_DISK_FULL", 6);
    assert!(ran.stderr.contains("audit.jsonl"), "{}", ran.stderr);
    assert_eq!(names(), before);
    there.run(&export).succeeded();
    assert!(sandbox.read("audit.jsonl").len() > 1024);
    assert!(there.serving.end().success());
}
