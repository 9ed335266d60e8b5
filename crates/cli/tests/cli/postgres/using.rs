//! One process at a time: everything that a vault in a file can do.

use std::fs;

use super::House;
use crate::support::text;

/// The names of what the vault's folder holds.
fn contents(house: &House) -> Vec<String> {
    let entries = fs::read_dir(house.sandbox.vault()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != "lock").collect();
    names.sort_unstable();
    names
}

#[test]
fn a_vault_is_made_and_used_and_its_folder_holds_the_configuration_only() {
    let house = House::with_vault("cli_using", &["--kind", "participant"]);
    let sandbox = &house.sandbox;
    assert_eq!(contents(&house), ["strongroom.toml"]);
    assert_eq!(house.sql("select count(*) from strongroom.vault"), "1");
    let key = sandbox.signing_key("ec-p256", "protocol");
    let message = sandbox.write("message", "pay 7");
    let message = message.to_str().unwrap();
    sandbox
        .run(["sign", message, "--key", &key, "--out", "signature"])
        .succeeded();
    let verify = ["verify", message, "--key", &key, "--signature", "signature"];
    sandbox.run(verify).succeeded();
    let rotated = sandbox.json(["wrapper-key", "rotate"]);
    assert!(rotated.is_object(), "{rotated}");
    sandbox.run(verify).succeeded();
    sandbox.run(["audit", "verify"]).succeeded();
    sandbox.run(["topology", "graph"]).succeeded();
    assert!(house.lease_is_free(), "a command left the lease behind");
    assert_eq!(house.sql("select count(*) from strongroom.replicas"), "0");
    assert_eq!(contents(&house), ["strongroom.toml"]);
    let doctor = sandbox.run(["doctor"]).succeeded();
    assert!(!doctor.text().contains("FAILED"), "{}", doctor.text());
}

#[test]
fn a_command_that_fails_leaves_no_lease_behind() {
    let house = House::with_vault("cli_failing", &[]);
    let sandbox = &house.sandbox;
    let key = ["keys", "generate-signing", "--usage", "protocol"];
    sandbox
        .run([&key[..], &["--name", "one"]].concat())
        .succeeded();
    let nobody = format!("1220{}", "00".repeat(32));
    let retire = ["keys", "retire", &nobody, "--yes"];
    sandbox.run(retire).failed("KEY_NOT_FOUND", 3);
    assert!(house.lease_is_free());
    assert_eq!(house.sql("select count(*) from strongroom.replicas"), "0");
}

#[test]
fn an_interrupted_making_is_repeated() {
    let house = House::with_vault("cli_repeated", &[]);
    let sandbox = &house.sandbox;
    let (url, id) = (
        house.database.url(),
        house.sql("select vault_id from strongroom.vault"),
    );
    let init = ["init", "--unprotected-key-file", "--store-url", &url];
    let refused = sandbox.run(init).failed("STORE_ALREADY_A_VAULT", 3);
    assert!(
        refused.stderr.contains("schema strongroom of postgres://"),
        "{}",
        refused.stderr
    );
    // As if it had ended before the commit: tables without a vault, and an anchor that remembers nothing.
    house.sql("truncate strongroom.vault, strongroom.data_keys, strongroom.audit cascade");
    let anchor = sandbox.keys_folder().join("anchor.json");
    fs::remove_file(anchor).unwrap();
    sandbox.run(init).succeeded();
    assert_eq!(house.sql("select vault_id from strongroom.vault"), id);
    sandbox.signing_key("ec-p256", "protocol");
}

#[test]
fn a_vault_whose_schema_was_emptied_is_not_made_anew() {
    let house = House::with_vault("cli_emptied", &[]);
    house.sql("drop schema strongroom cascade");
    let url = house.database.url();
    let init = ["init", "--unprotected-key-file", "--store-url", &url];
    house.sandbox.run(init).failed("DATABASE_GONE", 5);
    house
        .sandbox
        .run(["keys", "list"])
        .failed("DATABASE_GONE", 5);
}

#[test]
fn a_backup_is_restored_into_another_schema() {
    let house = House::with_vault("cli_restored", &["--kind", "participant"]);
    let sandbox = &house.sandbox;
    let key = sandbox.signing_key("ec-p256", "protocol");
    let create = ["backup", "create", "monday.backup", "--unencrypted"];
    sandbox.run(create).succeeded();
    let verified = sandbox.json(["backup", "verify", "monday.backup"]);
    assert_eq!(verified["recorded"], true, "{verified}");
    sandbox.edit_config(|text| text.replace("schema = \"strongroom\"", "schema = \"second\""));
    let restore = [
        "backup",
        "restore",
        "monday.backup",
        "--accept-older",
        "--accept",
    ];
    let restored = sandbox.json(restore);
    assert_eq!(restored["quarantine"], false, "{restored}");
    assert_eq!(house.sql("select count(*) from second.vault"), "1");
    let shown = sandbox.json(["keys", "show", &key]);
    assert_eq!(text(&shown, "state"), "active");
    sandbox.run(restore).failed("STORE_ALREADY_A_VAULT", 3);
}
