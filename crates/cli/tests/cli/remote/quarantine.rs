//! A vault that was restored, or accepted against its anchor, signs nothing until another person lets it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::approvals::{by, of_two_for, waiting};
use crate::{
    serving::Serving,
    support::{Sandbox, text},
};

const RELEASE: [&str; 3] = [
    "backup",
    "release",
    "--i-have-retired-what-is-no-longer-announced",
];

/// The files of the database.
fn database(sandbox: &Sandbox) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(sandbox.vault()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_database = |path: &PathBuf| {
        let name = Path::file_name(path).unwrap().to_str().unwrap();
        name.starts_with("vault.db")
    };
    paths
        .filter(is_database)
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

fn lose(database: &BTreeMap<PathBuf, Vec<u8>>) {
    for path in database.keys() {
        fs::remove_file(path).unwrap();
    }
}

/// A vault of two persons whose server began with this file, and a key of it.
fn of_two() -> (Sandbox, String) {
    let sandbox = of_two_for("\"backup.release\", \"configuration.change\"");
    let key = sandbox.signing_key("ed25519", "protocol");
    sandbox.write("message", "pay 7");
    Serving::start(&sandbox).end();
    (sandbox, key)
}

/// Nobody signs, at the vault or over the network, until alice asked for it and bob agreed.
fn check_release(sandbox: &Sandbox, key: &str) {
    let sign = ["sign", "message", "--key", key, "--out", "signature"];
    sandbox.run(sign).failed("VAULT_IN_QUARANTINE", 3);
    sandbox.run(RELEASE).failed("APPROVAL_REQUIRED", 3);
    // Whoever takes the rule out of the file has nothing from it.
    let file = fs::read_to_string(sandbox.config()).unwrap();
    sandbox.edit_config(|text| text.replace("\"backup.release\", ", ""));
    sandbox.run(RELEASE).failed("CONFIGURATION_NOT_APPROVED", 3);
    fs::write(sandbox.config(), file).unwrap();

    let serving = Serving::start(sandbox);
    let who = |name, words: &[&str]| by(sandbox, &serving, name, words);
    who("alice", &RELEASE).failed("APPROVAL_REQUIRED", 3);
    who("alice", &sign).failed("VAULT_IN_QUARANTINE", 3);
    let listed = waiting(who("bob", &["approvals", "list", "--output", "json"]));
    let asked = listed.iter().find(|it| text(it, "requester") == "alice");
    let id = text(asked.unwrap(), "id");
    who("alice", &["approvals", "approve", &id]).failed("APPROVAL_OWN", 3);
    who("bob", &["approvals", "approve", &id]).succeeded();
    who("alice", &sign).failed("VAULT_IN_QUARANTINE", 3);
    who("alice", &RELEASE).succeeded();
    who("alice", &sign).succeeded();
    serving.end();
}

#[test]
fn a_restored_vault_signs_nothing_until_another_person_lets_it() {
    let (sandbox, key) = of_two();
    let create = ["backup", "create", "b", "--unencrypted"];
    sandbox.run(create).succeeded();
    lose(&database(&sandbox));
    // Nor does whoever restores it let it sign in the same breath.
    let restore = ["backup", "restore", "b", "--accept-older", "--accept"];
    sandbox.run(restore).failed("APPROVAL_REQUIRED", 3);
    check_release(&sandbox, &key);
}

#[test]
fn a_vault_that_was_accepted_against_its_anchor_signs_nothing_until_another_person_lets_it() {
    let (sandbox, key) = of_two();
    let before = database(&sandbox);
    sandbox.signing_key("ed25519", "protocol");
    lose(&database(&sandbox));
    for (path, bytes) in before {
        let name = path.file_name().unwrap().to_str().unwrap();
        sandbox.write(&format!("vault/{name}"), bytes);
    }
    let sign = ["sign", "message", "--key", &key, "--out", "signature"];
    sandbox.run(sign).failed("ROLLED_BACK", 5);
    let accept = [
        "anchor",
        "accept",
        "--i-know-this-database-is-the-right-one",
    ];
    sandbox.run(accept).succeeded();
    check_release(&sandbox, &key);
}
