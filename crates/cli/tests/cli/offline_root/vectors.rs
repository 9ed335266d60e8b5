//! What Canton's scripts wrote comes out byte for byte.
//!
//! The vectors lie in the folder that `STRONGROOM_REFERENCE` names, or else beside the repository in
//! `../shared/reference`. Where they are absent the test says so in one line; with `CI` set that is a failure.

use std::{io::Write, path::PathBuf};

use data_encoding::{BASE64, HEXLOWER};
use serde_json::Value;

use super::words;
use crate::support::{Sandbox, text};

fn section() -> Option<Value> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference");
    let folder = std::env::var_os("STRONGROOM_REFERENCE").map_or_else(beside, PathBuf::from);
    let file = folder.join("topology-vectors.json");
    if file.is_file() {
        let vectors: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        return Some(vectors["offline_script_set_A"].clone());
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "the vectors of the reference are not in {}: set STRONGROOM_REFERENCE to the folder that holds topology-vectors.json",
        folder.display()
    );
    // Not `println!`: of a test that passes nobody would see it.
    let _ = writeln!(
        std::io::stderr(),
        "the files of Canton's scripts were not compared: no topology-vectors.json in {}",
        folder.display()
    );
    None
}

fn hex(vector: &Value, field: &str) -> Vec<u8> {
    HEXLOWER.decode(text(vector, field).as_bytes()).unwrap()
}

/// Writes both halves of a key of the reference.
fn write_key(sandbox: &Sandbox, section: &Value, name: &str, file: &str) {
    let keys = section["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["name"] == name).unwrap();
    for (field, suffix) in [
        ("public_key_spki_der_base64", "der"),
        ("private_key_pkcs8_der_base64", "key"),
    ] {
        let bytes = BASE64.decode(text(key, field).as_bytes()).unwrap();
        sandbox.write(&format!("{file}.{suffix}"), bytes);
    }
}

/// Our words for those that the script was given.
fn prepare(vector: &Value) -> String {
    let given = text(vector, "prepare_cert_args");
    let given: Vec<_> = given.split(' ').collect();
    let target = match vector.get("canton_target_pub_key_file_hex") {
        Some(_) => "--root-key root.der --target-key target.pub",
        None => "--root-key root.der --target-key target.der",
    };
    match given.as_slice() {
        ["--root-delegation", ..] => "--root --root-key root.der".to_owned(),
        ["--intermediate-delegation", ..] => target.to_owned(),
        ["--delegation-restrictions", kinds, ..] => format!("{target} --restriction {kinds}"),
        ["--revoke-delegation", ..] => "--revoke revoked.prep".to_owned(),
        other => panic!("unknown arguments of the script: {other:?}"),
    }
}

fn check(section: &Value, vector: &Value) {
    let sandbox = Sandbox::new();
    write_key(&sandbox, section, &text(vector, "root_key"), "root");
    write_key(&sandbox, section, &text(vector, "target_key"), "target");
    for (field, file) in [
        ("canton_target_pub_key_file_hex", "target.pub"),
        ("revokes_prep_hex", "revoked.prep"),
        ("signature_hex", "x.signature"),
    ] {
        if vector.get(field).is_some() {
            sandbox.write(file, hex(vector, field));
        }
    }
    let run = |line: &str| sandbox.run(words(line)).succeeded();
    run(&format!("prepare {} --out x", prepare(vector)));
    assert_eq!(sandbox.read("x.prep"), hex(vector, "prep_hex"));
    assert_eq!(sandbox.read("x.hash"), hex(vector, "hash_hex"));

    let algorithm = text(vector, "signature_algorithm");
    for verification in [
        "--root-key root.der".to_owned(),
        format!("--root-key root.der --algorithm {algorithm}"),
        format!("--unverified --algorithm {algorithm}"),
    ] {
        run(&format!(
            "assemble --prepared x.prep --signature x.signature {verification} --out x.cert --force"
        ));
        assert_eq!(
            sandbox.read("x.cert"),
            hex(vector, "cert_hex"),
            "{verification}"
        );
    }

    run("sign --prepared x.prep --key root.key --out ours.signature");
    run("sign --hash x.hash --blind --key root.key --out blind.signature");
    if algorithm == "ed25519" {
        // The one algorithm here of which each signature is the same.
        assert_eq!(sandbox.read("ours.signature"), hex(vector, "signature_hex"));
    }
    let inspected = sandbox.json(words(
        "inspect x.cert x.prep x.hash x.signature ours.signature blind.signature root.der",
    ));
    let files = inspected["files"].as_array().unwrap();
    assert_eq!(
        files[0]["transactions"][0]["signatures"][0]["status"],
        "valid"
    );
    assert_eq!(files[2]["belongs"], "yes");
    for signature in &files[3..6] {
        assert_eq!(signature["status"], "valid", "{signature}");
    }
}

#[test]
fn the_files_of_canton_s_scripts_come_out_byte_for_byte() {
    let Some(section) = section() else { return };
    let vectors = section["vectors"].as_array().unwrap();
    assert!(vectors.len() >= 10, "only {} vectors", vectors.len());
    vectors.iter().for_each(|vector| check(&section, vector));
}
