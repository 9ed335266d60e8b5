//! What is refused, and changes nothing.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::{STORE, gzipped, hash_of, namespace_key};
use crate::support::{Ran, Sandbox};

#[test]
fn dangerous_commands_need_to_be_meant() {
    let sandbox = Sandbox::with_participant("alice");
    let root = sandbox.key_named("alice-namespace");
    let key = namespace_key(&sandbox, "extra");
    sandbox.run(["topology", "delegate", &key]).succeeded();
    sandbox.refuses(["topology", "revoke", &key], "NOT_CONFIRMED", 3);
    let ran = sandbox.refuses(
        ["topology", "revoke", &root, "--yes"],
        "TOPOLOGY_BURNS_NAMESPACE",
        3,
    );
    assert!(ran.stderr.contains("burns the namespace"), "{}", ran.stderr);
    let only_that = ["topology", "revoke", &root, "--danger-burn-namespace"];
    sandbox.refuses(only_that, "NOT_CONFIRMED", 3);
    let by_hash = ["topology", "revoke", &hash_of(&sandbox, "otk")];
    sandbox.refuses(by_hash, "NOT_CONFIRMED", 3);
}

#[test]
fn the_beginning_of_a_hash_is_not_taken_for_the_whole() {
    let sandbox = Sandbox::with_participant("alice");
    let hash = hash_of(&sandbox, "otk");
    let part = &hash[..12];
    for command in [
        &["show", part][..],
        &["delegate", part],
        &["revoke", part, "--yes"],
    ] {
        let args = [&["topology"], command].concat();
        let ran = sandbox.refuses(args, "HASH_SHORTENED", 2);
        assert!(ran.stderr.contains("the whole is needed"), "{}", ran.stderr);
    }
    for (command, code) in [("authorize", "HASH_INVALID"), ("export", "HASH_INVALID")] {
        let ran = sandbox.refuses(["topology", command, part], code, 2);
        assert!(
            ran.stderr.contains("68 hexadecimal digits"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn a_burned_namespace_signs_nothing_any_more() {
    let sandbox = Sandbox::with_participant("alice");
    let root = sandbox.key_named("alice-namespace");
    let burn = [
        "topology",
        "revoke",
        &root,
        "--yes",
        "--danger-burn-namespace",
    ];
    let document = sandbox.json(burn);
    assert_eq!(document["operation"], "REMOVE");
    assert_eq!(document["warnings"][0]["code"], "root_revocation");
    let key = namespace_key(&sandbox, "extra");
    let delegate = sandbox.run(["topology", "delegate", &key]);
    delegate.failed("TOPOLOGY_NO_APPROPRIATE_SIGNING_KEY_IN_STORE", 3);
    let doctor = sandbox.run(["doctor"]).succeeded();
    assert!(
        doctor
            .text()
            .contains("warning  delegations   no root certificate")
    );
}

#[test]
fn a_statement_is_revoked_by_its_hash() {
    let sandbox = Sandbox::with_participant("alice");
    let hash = hash_of(&sandbox, "otk");
    let document = sandbox.json(["topology", "revoke", &hash, "--yes"]);
    assert_eq!(document["operation"], "REMOVE");
    assert_eq!(document["serial"], 2);
    sandbox.refuses(
        ["topology", "revoke", &hash, "--yes"],
        "TOPOLOGY_TRANSACTION_NOT_FOUND",
        3,
    );
}

#[test]
fn a_delegation_that_cannot_be_is_refused() {
    let sandbox = Sandbox::with_participant("alice");
    let (signing, encryption) = (
        sandbox.key_named("alice-signing"),
        sandbox.key_named("alice-encryption"),
    );
    let key = namespace_key(&sandbox, "extra");
    let nobody = format!("1220{}", "00".repeat(32));
    for (args, code, status) in [
        (&[signing.as_str()][..], "TOPOLOGY_INVALID_MAPPING", 2),
        (&[&encryption], "WRONG_KEY_PURPOSE", 3),
        (&[&nobody], "KEY_NOT_FOUND", 3),
        (&["missing.pem"], "FILE_NOT_FOUND", 3),
        (
            &[&key, "--restriction", "none"],
            "ROOT_RESTRICTION_UNKNOWN",
            2,
        ),
        (&[&key, "--serial", "0"], "TOPOLOGY_INVALID_MAPPING", 2),
        (&[&key, "--serial", "7"], "TOPOLOGY_SERIAL_MISMATCH", 3),
        (
            &[&key, "--signed-by", &signing],
            "TOPOLOGY_NO_APPROPRIATE_SIGNING_KEY_IN_STORE",
            3,
        ),
        (
            &[&key, "--namespace", &nobody],
            "TOPOLOGY_NO_APPROPRIATE_SIGNING_KEY_IN_STORE",
            3,
        ),
        (
            &[&key, "--danger", "everything"],
            "TOPOLOGY_FORCE_FLAG_UNKNOWN",
            2,
        ),
        (
            &[&key, "--store", "somewhere"],
            "TOPOLOGY_STORE_ID_INVALID",
            2,
        ),
        (&[&key, "--store", STORE], "TOPOLOGY_STORE_NOT_FOUND", 3),
        (&[&key, "--out", "-"], "BAD_ARGUMENT", 2),
    ] {
        let args = [&["topology", "delegate"], args].concat();
        sandbox.refuses(args, code, status);
    }
    // The same statement twice is none.
    sandbox.run(["topology", "delegate", &key]).succeeded();
    let again = ["topology", "delegate", &key];
    sandbox.refuses(again, "TOPOLOGY_MAPPING_ALREADY_EXISTS", 3);
    let empty = Sandbox::with_vault();
    let key = namespace_key(&empty, "extra");
    empty.refuses(["topology", "delegate", &key], "NOT_IDENTIFIED", 3);
}

#[test]
fn wrong_stores_and_times_are_refused() {
    let sandbox = Sandbox::with_participant("alice");
    sandbox
        .run([
            "topology",
            "export",
            "--format",
            "transactions",
            "--out",
            "all.bin",
        ])
        .succeeded();
    sandbox
        .run(["topology", "export", "--out", "snapshot.bin"])
        .succeeded();
    for (args, code, status) in [
        (
            &["list", "--store", STORE][..],
            "TOPOLOGY_STORE_NOT_FOUND",
            3,
        ),
        (
            &["list", "--store", "synchronizer:da"],
            "TOPOLOGY_SYNCHRONIZER_INVALID",
            2,
        ),
        (&["list", "--at", "yesterday"], "BAD_ARGUMENT", 2),
        (
            &["list", "--mapping", "xyz"],
            "TOPOLOGY_MAPPING_KIND_UNKNOWN",
            2,
        ),
        (&["active-keys", "PAR::"], "TOPOLOGY_IDENTIFIER_INVALID", 2),
        (
            &["graph", "--store", "temporary:x"],
            "TOPOLOGY_STORE_NOT_FOUND",
            3,
        ),
        (
            &["apply", "all.bin", "--store", STORE],
            "TOPOLOGY_STORE_NOT_FOUND",
            3,
        ),
        (
            &["apply", "all.bin", "--sequenced", "2024-01-01T00:00:00Z"],
            "BAD_ARGUMENT",
            2,
        ),
        (
            &["apply", "all.bin", "--effective", "2024-01-01T00:00:00Z"],
            "WRONG_USAGE",
            2,
        ),
        (
            &[
                "apply",
                "all.bin",
                "--store",
                STORE,
                "--sequenced",
                "2024-01-02T00:00:00Z",
                "--effective",
                "2024-01-01T00:00:00Z",
            ],
            "BAD_ARGUMENT",
            2,
        ),
        (&["apply", "-", "-"], "STDIN_TWICE", 2),
        (
            &["apply", "snapshot.bin"],
            "TOPOLOGY_INPUT_OF_OTHER_KIND",
            2,
        ),
        (
            &["import", "all.bin", "--store", STORE],
            "TOPOLOGY_INPUT_OF_OTHER_KIND",
            2,
        ),
        (
            &["import", "snapshot.bin", "--store", "authorized"],
            "BAD_ARGUMENT",
            2,
        ),
        (
            &["import", "snapshot.bin", "--store", STORE, "--as", "zip"],
            "WRONG_USAGE",
            2,
        ),
        (
            &["export", "--format", "certificate", "--out", "x"],
            "TOPOLOGY_NOT_ONE_TRANSACTION",
            2,
        ),
        (&["root", "import", "all.bin"], "ROOT_NOT_A_DELEGATION", 2),
    ] {
        sandbox.refuses([&["topology"], args].concat(), code, status);
    }
}

#[test]
fn files_that_are_cut_or_damaged_are_refused_as_a_whole() {
    let sandbox = Sandbox::with_participant("alice");
    sandbox
        .run([
            "topology",
            "export",
            "--format",
            "transactions",
            "--out",
            "all.bin",
        ])
        .succeeded();
    let plain = sandbox.read("all.bin");
    let packed = gzipped(&plain);
    let mut flipped = packed.clone();
    let end = flipped.len() - 6;
    flipped[end] ^= 1;
    for (name, contents, code, status) in [
        ("empty", &[][..], "TOPOLOGY_INPUT_UNKNOWN", 2),
        ("text", b"hello\n", "TOPOLOGY_INPUT_UNKNOWN", 2),
        (
            "cut",
            &plain[..plain.len() - 9],
            "TOPOLOGY_INPUT_UNKNOWN",
            2,
        ),
        (
            "cut.gz",
            &packed[..packed.len() - 20],
            "TOPOLOGY_INPUT_TRUNCATED",
            2,
        ),
        ("flipped.gz", &flipped, "TOPOLOGY_INPUT_MALFORMED", 2),
        ("magic.gz", &[0x1f, 0x8b], "TOPOLOGY_INPUT_TRUNCATED", 2),
    ] {
        sandbox.write(name, contents);
        let ran = sandbox.refuses(["topology", "apply", name], code, status);
        assert!(ran.stderr.contains(name), "{}", ran.stderr);
    }
    sandbox.refuses(["topology", "apply", "missing"], "FILE_NOT_FOUND", 3);
    sandbox.refuses(["topology", "apply", "vault"], "FILE_NOT_A_FILE", 2);
}

/// Four hundred megabytes of the same few transactions, which compress to less than one, in less memory than that.
#[test]
fn a_compressed_file_that_swells_is_refused_in_bounded_memory() {
    let sandbox = Sandbox::with_participant("alice");
    sandbox
        .run(["topology", "export", "--out", "snapshot.bin"])
        .succeeded();
    let list = [
        "topology",
        "export",
        "--format",
        "transactions",
        "--out",
        "all.bin",
    ];
    sandbox.run(list).succeeded();
    let whole = sandbox.read("all.bin");
    // The data of the envelope, between its tag and its version.
    let item = inner(&whole);
    let times = 400 * 1024 * 1024 / item.len();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&[0x0a]).unwrap();
    packed.write_all(&varint(item.len() * times)).unwrap();
    for _ in 0..times {
        packed.write_all(item).unwrap();
    }
    let packed = packed.finish().unwrap();
    assert!(packed.len() < 16 * 1024 * 1024, "{}", packed.len());
    sandbox.write("bomb.gz", packed);
    let line = format!(
        "ulimit -v 4000000; {} topology apply bomb.gz",
        crate::support::STRONGROOM
    );
    let ran = Ran::of(sandbox.program("bash", ["-c", &line]));
    ran.failed("INPUT_TOO_LONG", 2);
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

/// What stands between the tag and length of an envelope's data, and its version.
fn inner(envelope: &[u8]) -> &[u8] {
    assert_eq!(envelope[0], 0x0a);
    let length = envelope[1..]
        .iter()
        .position(|byte| byte & 0x80 == 0)
        .unwrap()
        + 1;
    &envelope[1 + length..envelope.len() - 2]
}
