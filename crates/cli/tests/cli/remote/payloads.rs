//! Payloads over the network: of any size, piece by piece.

use std::{
    io::{Read, Write},
    process::Stdio,
};

use serde_json::Value;

use super::There;
use crate::support::{Ran, Sandbox, text};

/// A participant, and its name as a member.
fn participant() -> (Sandbox, String) {
    let sandbox = Sandbox::with_participant("node");
    let member = text(&sandbox.json(["topology", "stores"]), "member");
    (sandbox, member)
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

fn without_time(mut report: Value) -> Value {
    report.as_object_mut().unwrap().remove("at").unwrap();
    report
}

#[test]
fn what_is_encrypted_there_is_decrypted_here_and_the_other_way_round() {
    let (sandbox, member) = participant();
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    sandbox.write("content", &content);
    let encrypt = |out: &str| format!("encrypt content --to {member} --sign --out {out}");
    let decrypt = |file: &str, out: &str| format!("decrypt {file} --from {member} --out {out}");
    let sealed_here = sandbox.json(words(&encrypt("from-here")));
    let there = There::start(&sandbox);
    let sealed_there = there.json(&words(&encrypt("from-there")));
    assert_eq!(without_time(sealed_here), without_time(sealed_there));
    let opened_there = there.json(&words(&decrypt("from-here", "back-there")));
    let told = there.run(&words("decrypt from-here --quiet --out told"));
    let signer = text(&opened_there, "signed_by");
    let expected = format!("signed by {member} with {signer}");
    assert!(told.succeeded().text().contains(&expected));
    assert!(sandbox.read("back-there") == content);
    // From standard input to standard output.
    let encrypt = there.command(&["encrypt", "--to", &member]);
    let encrypted = Ran::with_input(encrypt, b"short").succeeded();
    let decrypted = Ran::with_input(there.command(&["decrypt"]), &encrypted.stdout);
    assert_eq!(decrypted.succeeded().stdout, b"short");
    // Nothing at all is content as well.
    let encrypted = Ran::with_input(there.command(&["encrypt", "--to", &member]), b"");
    let encrypted = encrypted.succeeded().stdout;
    let decrypted = Ran::with_input(there.command(&["decrypt"]), &encrypted);
    assert_eq!(decrypted.succeeded().stdout, b"");
    assert!(there.serving.end().success());
    let opened_here = sandbox.json(words(&decrypt("from-there", "back-here")));
    assert!(sandbox.read("back-here") == content);
    assert_eq!(without_time(opened_here), without_time(opened_there));
}

#[test]
fn a_payload_is_refused_there_as_it_is_here_and_nothing_of_it_is_left() {
    let (sandbox, member) = participant();
    sandbox.write("content", vec![7; 200_000]);
    let encrypt = format!("encrypt content --to {member} --purpose audit --out payload");
    sandbox.run(words(&encrypt)).succeeded();
    let whole = sandbox.read("payload");
    let mut changed = whole.clone();
    changed[150_000] ^= 1;
    sandbox.write("changed", &changed);
    sandbox.write("cut", &whole[..whole.len() - 100_000]);
    sandbox.write("front", &whole[..100]);
    sandbox.write("mine", "mine");
    let (_, namespace) = member.rsplit_once("::").unwrap();
    let old = "--at 2001-01-01T00:00:00Z";
    let commands = [
        "decrypt changed --purpose audit --out back".to_owned(),
        "decrypt cut --purpose audit --out back".to_owned(),
        "decrypt cut --purpose audit --out mine --force".to_owned(),
        "decrypt front --purpose audit --out back".to_owned(),
        "decrypt payload --out back".to_owned(),
        format!("decrypt payload --purpose audit --from {member} --out back"),
        format!("encrypt content --to {member} --to {member} --out back"),
        format!("encrypt content --to PAR::stranger::{namespace} --out back"),
        format!("encrypt content --to {member} {old} --out back"),
        format!("encrypt nothing --to {member} --out back"),
        // A folder is no content, and is found out in the middle of the call.
        format!("encrypt . --to {member} --out back"),
        format!("encrypt content --to {member} --out payload"),
    ];
    let here: Vec<_> = commands
        .iter()
        .map(|command| sandbox.run(words(command)))
        .collect();
    let there = There::start(&sandbox);
    for (command, here) in commands.iter().zip(here) {
        let there = there.run(&words(command));
        let said = format!("{command}\n{}\n{}", here.stderr, there.stderr);
        assert!(here.code().is_some(), "{said}");
        assert_eq!(
            (here.status, here.code()),
            (there.status, there.code()),
            "{said}"
        );
        assert!(!sandbox.path("back").exists(), "{said}");
        assert_eq!(sandbox.read("mine"), b"mine", "{said}");
    }
    assert_eq!(sandbox.read("payload"), whole);
    assert!(there.serving.end().success());
}

#[test]
fn a_file_is_encrypted_over_the_network_to_the_key_that_a_member_had_at_a_time() {
    let (sandbox, member) = participant();
    let old = sandbox.key_named("node-encryption");
    let new = sandbox.encryption_key("ec-p-256");
    sandbox.run(["keys", "announce", &new]).succeeded();
    sandbox.run(["keys", "withdraw", &old, "--yes"]).succeeded();
    let history = ["topology", "list", "--mapping", "otk", "--history"];
    let then = text(&sandbox.json(history)["transactions"][1], "valid_from");
    sandbox.write("content", "content");
    let there = There::start(&sandbox);
    let encrypt = format!("encrypt content --to {member} --force --out payload");
    for (at, key) in [(format!(" --at {then}"), &old), (String::new(), &new)] {
        let report = there.json(&words(&format!("{encrypt}{at}")));
        assert_eq!(report["recipients"][0]["fingerprint"], **key, "{at}");
        assert_eq!(report["recipients"][0]["member"], *member);
        assert_eq!(report["at"] == then.as_str(), !at.is_empty(), "{report}");
        let decrypted = there.json(&["decrypt", "payload", "--out", "back", "--force"]);
        assert_eq!(decrypted["decrypted_by"], **key);
    }
    assert!(there.serving.end().success());
}

#[test]
fn a_server_that_dies_on_the_way_leaves_nothing_that_looks_like_a_payload() {
    let (sandbox, member) = participant();
    let there = There::start(&sandbox);
    let mut command = there.command(&["encrypt", "--to", &member, "--out", "payload"]);
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // So much that it has gone through the server.
    input.write_all(&vec![7; 8_000_000]).unwrap();
    there.serving.kill();
    // It may end before it has read this.
    let _broken = input.write_all(&vec![7; 8_000_000]);
    drop(input);
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(6), "{stderr}");
    assert!(stderr.contains("code: SERVER_GONE"), "{stderr}");
    assert!(!sandbox.path("payload").exists());
}

#[test]
fn a_disk_that_is_full_here_ends_the_call_at_once() {
    let (sandbox, member) = participant();
    sandbox.write("content", vec![7; 4_000_000]);
    let there = There::start(&sandbox);
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full");
    let mut encrypt = there.command(&["encrypt", "content", "--to", &member]);
    let encrypt = encrypt.stdout(full().unwrap()).stderr(Stdio::piped());
    let output = encrypt.spawn().unwrap().wait_with_output().unwrap();
    Ran::from(output).failed("OUTPUT_FAILED", 6);
    assert!(there.serving.end().success());
}

#[test]
fn neither_side_holds_what_passes_through_it() {
    const PIECES: usize = 96;
    /// After these each side has all that it needs for what is on its way.
    const FIRST: usize = 8;
    /// A part of what passes through, and more than either needs for what is on its way.
    const GROWS_BY: u64 = 40 * 1024;
    let (sandbox, member) = participant();
    let there = There::start(&sandbox);
    let encrypt = ["encrypt", "--to", &member, "--out", "payload"];
    let mut child = there
        .command(&encrypt)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let piece = vec![7; 1024 * 1024];
    for _piece in 0..FIRST {
        input.write_all(&piece).unwrap();
    }
    let client = most_memory(child.id());
    let server = most_memory(there.serving.id());
    for _piece in 0..PIECES {
        input.write_all(&piece).unwrap();
    }
    let grown = [
        most_memory(child.id()) - client,
        most_memory(there.serving.id()) - server,
    ];
    assert!(grown.iter().all(|grown| *grown < GROWS_BY), "{grown:?} KiB");
    drop(input);
    assert!(child.wait().unwrap().success());
    let decrypt = there.command(&["decrypt", "payload", "--out", "back"]);
    Ran::of(decrypt).succeeded();
    let grown = most_memory(there.serving.id()) - server;
    assert!(grown < GROWS_BY, "{grown} KiB");
    assert_eq!(sandbox.read("back").len(), (FIRST + PIECES) * 1024 * 1024);
    assert!(there.serving.end().success());
}

/// The most memory that a process has had at once, in KiB.
fn most_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap()
        .trim()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}
