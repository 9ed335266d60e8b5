//! `topology verify`: files of topology, replayed.

use std::{fs, io::Write};

use serde_json::Value;

use super::gzipped;
use crate::support::{Ran, Sandbox};

/// A participant that rotated its keys once, and its topology as files of every kind.
fn exported() -> Sandbox {
    let sandbox = Sandbox::with_participant("alice");
    sandbox.json(["keys", "rotate-all"]);
    for format in ["snapshot-v2", "snapshot-v1", "transactions"] {
        let export = ["topology", "export", "--format", format, "--out", format];
        sandbox.run(export).succeeded();
    }
    sandbox
}

fn verify(sandbox: &Sandbox, args: &[&str]) -> Value {
    let line = [&["topology", "verify"], args].concat();
    sandbox.json(line)
}

#[test]
fn topology_that_a_node_authorized_is_sound_in_every_form() {
    let sandbox = exported();
    // Of its history, a list has only what is in force: nobody sees in it that each key proved itself when it was new.
    for (file, rules, count) in [
        ("snapshot-v2", "genesis", 8),
        ("snapshot-v1", "authorized", 8),
        ("transactions", "temporary", 2),
    ] {
        let path = sandbox.path(file);
        let document = verify(&sandbox, &[path.to_str().unwrap(), "--rules", rules]);
        assert_eq!(document["files"][0]["container"], file);
        assert_eq!(document["files"][0]["rules"], rules);
        assert_eq!(document["transactions"], count);
        assert_eq!(
            (&document["accepted"], &document["rejected"]),
            (&count.into(), &0.into())
        );
        assert_eq!(document["signatures"]["invalid"], 0);
        assert_eq!(document["signatures"]["unknown_key"], 0);
        assert_eq!(
            document["signatures"]["by_algorithm"]["ed-25519"],
            document["signatures"]["valid"]
        );
        assert_eq!(document["by_mapping"]["OWNER_TO_KEY_MAPPING"], count - 1);
        assert_eq!(document["rejections"], Value::Array(Vec::new()));
        let [namespace] = document["namespaces"].as_array().unwrap().as_slice() else {
            panic!("{document}");
        };
        assert_eq!(namespace["has_root"], true);
        assert_eq!(namespace["members"][0]["keys"].as_array().unwrap().len(), 3);
    }
}

#[test]
fn rules_follow_from_the_kind_of_file() {
    let sandbox = exported();
    for (file, rules) in [("snapshot-v2", "genesis"), ("transactions", "authorized")] {
        let path = sandbox.path(file);
        let line = ["topology", "verify", path.to_str().unwrap()];
        let ran = sandbox.run([&line[..], &["--output", "json"]].concat());
        assert_eq!(ran.json()["files"][0]["rules"], rules);
    }
}

#[test]
fn compressed_input_and_standard_input_are_read_as_well() {
    let sandbox = exported();
    let plain = sandbox.read("snapshot-v2");
    let packed = sandbox.write("state.gz", gzipped(&plain));
    let from_file = verify(&sandbox, &[packed.to_str().unwrap()]);
    let line = ["topology", "verify", "-", "--output", "json"];
    let from_stdin = Ran::with_input(sandbox.command(line), &plain)
        .succeeded()
        .json();
    for field in ["transactions", "signatures", "accepted", "namespaces"] {
        assert_eq!(from_file[field], from_stdin[field], "{field}");
    }
}

#[test]
fn people_see_counts_and_the_tree() {
    let sandbox = exported();
    let path = sandbox.path("snapshot-v2");
    let ran = sandbox
        .run(["topology", "verify", path.to_str().unwrap()])
        .succeeded();
    let text = ran.text();
    for part in [
        "8 transactions: 8 accepted",
        "0 not valid",
        "OWNER_TO_KEY_MAPPING",
        "└─",
        "PAR::alice::",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_changed_signature_is_told_and_the_answer_is_no() {
    let sandbox = exported();
    let mut bytes = sandbox.read("transactions");
    // The file ends with the last signature's message, and its signature in front of the signer's name and the algorithm.
    let place = bytes.len() - 100;
    bytes[place] ^= 1;
    let path = sandbox.write("changed", &bytes);
    let line = [
        "topology",
        "verify",
        path.to_str().unwrap(),
        "--rules",
        "temporary",
    ];
    let ran = sandbox.run([&line[..], &["--output", "json"]].concat());
    assert_eq!(ran.status, 1);
    let document = ran.json();
    assert_eq!(document["signatures"]["invalid"], 1);
    assert_eq!(document["rejected"], 1);
    assert_eq!(document["unexpected"], 1);
    let rejection = &document["rejections"][0];
    assert_eq!(rejection["number"], 2);
    assert_eq!(rejection["code"], "TOPOLOGY_INVALID_TX_SIGNATURE");
    let table = sandbox.run(line);
    assert_eq!(table.status, 1);
    assert!(
        table.text().contains("Signature check failed"),
        "{}",
        table.text()
    );
}

#[test]
fn the_rules_decide_what_is_rejected() {
    let sandbox = Sandbox::with_participant("alice");
    // A snapshot without the certificate that everything hangs on.
    let hash = super::hash_of(&sandbox, "OWNER_TO_KEY_MAPPING");
    let export = [
        "topology",
        "export",
        "--format",
        "certificate",
        "--out",
        "otk.cert",
    ];
    sandbox
        .run([&export[..], &[hash.as_str()]].concat())
        .succeeded();
    let path = sandbox.path("otk.cert");
    for rules in ["authorized", "temporary", "synchronizer", "genesis"] {
        let line = [
            "topology",
            "verify",
            path.to_str().unwrap(),
            "--rules",
            rules,
        ];
        let ran = sandbox.run([&line[..], &["--output", "json"]].concat());
        assert_eq!(ran.status, 1, "{rules}");
        let document = ran.json();
        assert_eq!(document["files"][0]["rules"], rules);
        assert_eq!(document["signatures"]["unknown_key"], 1);
        assert_eq!(document["signatures"]["valid"], 2);
        assert_eq!(
            document["rejections"][0]["code"],
            "TOPOLOGY_UNAUTHORIZED_TRANSACTION"
        );
    }
}

#[test]
fn what_is_no_topology_is_refused_and_so_is_too_much_of_it() {
    let sandbox = exported();
    let whole = sandbox.read("snapshot-v2");
    let cut = sandbox.write("cut", &whole[..whole.len() - 30]);
    let empty = sandbox.write("empty", []);
    let text_file = sandbox.write("text", "1220abcd\n");
    let bomb = sandbox.write("bomb.gz", gzipped(&vec![0; 30 * 1024 * 1024]));
    let verify = |path: &std::path::Path| {
        vec![
            "topology".to_owned(),
            "verify".to_owned(),
            path.to_str().unwrap().to_owned(),
        ]
    };
    let as_snapshot = ["--as", "snapshot-v2"].map(str::to_owned);
    let cut_snapshot = [&verify(&cut)[..], &as_snapshot].concat();
    sandbox.refuses(verify(&cut), "TOPOLOGY_INPUT_UNKNOWN", 2);
    sandbox.refuses(cut_snapshot, "TOPOLOGY_INPUT_TRUNCATED", 2);
    sandbox.refuses(verify(&empty), "TOPOLOGY_INPUT_UNKNOWN", 2);
    sandbox.refuses(verify(&text_file), "TOPOLOGY_INPUT_UNKNOWN", 2);
    sandbox.refuses(verify(&bomb), "TOPOLOGY_INPUT_UNKNOWN", 2);
    let wrong = [
        verify(&sandbox.path("snapshot-v2")),
        vec!["--as".to_owned(), "transactions".to_owned()],
    ];
    sandbox.refuses(wrong.concat(), "TOPOLOGY_INPUT_MALFORMED", 2);
    let nothing = verify(&sandbox.path("nothing"));
    assert_ne!(sandbox.run(nothing).status, 0);
}

#[test]
fn the_vault_is_left_alone_and_need_not_be_there() {
    let sandbox = exported();
    let path = sandbox.path("snapshot-v2");
    let before = sandbox.snapshot();
    verify(&sandbox, &[path.to_str().unwrap()]);
    sandbox.assert_unchanged(&before);
    fs::remove_dir_all(sandbox.vault()).unwrap();
    verify(&sandbox, &[path.to_str().unwrap()]);
}

/// The snapshot of the reference, which lies where `STRONGROOM_REFERENCE` says, or beside the repository.
#[test]
fn the_snapshot_of_the_reference_is_sound_under_all_rules_of_synchronizers() {
    let beside =
        || std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference");
    let folder = std::env::var_os("STRONGROOM_REFERENCE").map_or_else(beside, Into::into);
    let file = folder.join("data/topology-snapshot-duplicate-signatures.bin");
    if !file.is_file() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{} is not there: set STRONGROOM_REFERENCE",
            file.display()
        );
        // Not `println!`: of a test that passes nobody would see it.
        let _ = writeln!(
            std::io::stderr(),
            "no snapshot of the reference was replayed"
        );
        return;
    }
    let sandbox = Sandbox::new();
    for rules in ["genesis", "synchronizer"] {
        let document = verify(&sandbox, &[file.to_str().unwrap(), "--rules", rules]);
        assert_eq!(
            (&document["accepted"], &document["rejected"]),
            (&8.into(), &0.into())
        );
        assert_eq!(document["signatures"]["valid"], 16);
        assert_eq!(document["signatures"]["by_algorithm"]["ec-dsa-sha-256"], 16);
        assert_eq!(document["namespaces"].as_array().unwrap().len(), 3);
    }
}
