//! `vault move`: from a file into PostgreSQL, and back.

use std::fs;

use super::House;
use crate::support::{Sandbox, text};

/// A vault in a file, and an empty database.
fn house(name: &str) -> House {
    let house = House {
        sandbox: Sandbox::with_participant("node"),
        ..House::empty(name)
    };
    house.sandbox.signing_key("ec-p256", "protocol");
    house
}

fn database_of(sandbox: &Sandbox) -> std::path::PathBuf {
    sandbox.vault().join("vault.db")
}

#[test]
fn a_vault_moves_into_postgresql_and_back_and_is_the_same() {
    let house = house("cli_moved");
    let sandbox = &house.sandbox;
    sandbox.edit_config(|text| format!("# mine\n{text}"));
    let key = sandbox.signing_key("ec-p256", "protocol");
    let keys = sandbox.json(["keys", "list"])["keys"].clone();
    let url = house.database.url();
    let folder = format!("sqlite:{}", sandbox.vault().display());
    let moved = sandbox.json([
        "vault", "move", "--from", &folder, "--to", &url, "--schema", "one",
    ]);
    assert_eq!(moved["keys"], keys.as_array().unwrap().len(), "{moved}");
    assert_eq!(moved["finished_earlier"], false);
    assert!(text(&moved, "to").starts_with("schema one of postgres://"));
    let config = fs::read_to_string(sandbox.config()).unwrap();
    assert!(
        config.starts_with("# mine\n") && config.contains("schema = \"one\""),
        "{config}"
    );
    assert_eq!(sandbox.json(["keys", "list"])["keys"], keys);
    assert_eq!(house.sql("select count(*) from one.vault"), "1");
    sandbox.run(["audit", "verify"]).succeeded();
    assert_eq!(sandbox.json(["doctor"])["healthy"], true);
    sandbox.write("message", "pay 7");
    let sign = ["sign", "message", "--key", &key, "--out", "signature"];
    sandbox.run(sign).succeeded();
    sandbox.signing_key("ec-p256", "protocol");
    let audit = sandbox.run(["audit", "list"]).succeeded();
    assert!(audit.text().contains("move_vault"), "{}", audit.text());

    // What was left there is in the way of the way back.
    let back = ["vault", "move", "--to", &folder];
    sandbox.run(back).failed("STORE_ALREADY_A_VAULT", 3);
    fs::rename(database_of(sandbox), sandbox.path("old.db")).unwrap();
    let moved = sandbox.json(back);
    assert_eq!(moved["to"], sandbox.vault().to_str().unwrap());
    assert!(
        !fs::read_to_string(sandbox.config())
            .unwrap()
            .contains("[store]")
    );
    assert_eq!(house.sql("select count(*) from one.moved"), "1");
    let more = sandbox.json(["keys", "list"])["keys"].clone();
    assert_eq!(
        more.as_array().unwrap().len(),
        keys.as_array().unwrap().len() + 1
    );
    sandbox.run(["audit", "verify"]).succeeded();
    sandbox.signing_key("ec-p256", "protocol");
}

#[test]
fn what_was_left_takes_nothing_more_and_says_where_the_vault_is() {
    let house = house("cli_left");
    let sandbox = &house.sandbox;
    let before = fs::read_to_string(sandbox.config()).unwrap();
    let url = house.database.url();
    let to = ["vault", "move", "--to", &url];
    let moved = sandbox.json([&to[..], &["--keep-config"]].concat());
    assert!(text(&moved, "section").starts_with("[store]"), "{moved}");
    assert_eq!(fs::read_to_string(sandbox.config()).unwrap(), before);
    for command in [
        &["keys", "list"][..],
        &["backup", "create", "b", "--unencrypted"],
    ] {
        let refused = sandbox.run(command).failed("STORE_MOVED", 3);
        assert!(
            refused.stderr.contains("schema strongroom of postgres://"),
            "{}",
            refused.stderr
        );
    }
    let doctor = sandbox.run(["doctor"]);
    assert!(doctor.text().contains("STORE_MOVED"), "{}", doctor.text());
    // A configuration that was left behind, as after a crash, is brought along by the same command.
    let finished = sandbox.json(to);
    assert_eq!(finished["finished_earlier"], true);
    sandbox.run(["keys", "list"]).succeeded();
    sandbox.run(to).failed("OPTION_WITHOUT_EFFECT", 3);
}

#[test]
fn a_vault_is_not_moved_to_where_something_is_or_from_where_it_is_not() {
    let house = house("cli_not_moved");
    let sandbox = &house.sandbox;
    let url = house.database.url();
    let other = House::with_vault("cli_not_moved_2", &[]);
    let taken = other.database.url();
    let refuses = |args: &[&str], code: &str, status: i32| {
        sandbox
            .run([&["vault", "move"], args].concat())
            .failed(code, status);
    };
    refuses(&["--to", &taken], "STORE_ALREADY_A_VAULT", 3);
    refuses(&["--to", &url, "--from", &taken], "VAULT_ELSEWHERE", 3);
    refuses(&["--to", "mysql://u:p@db/x"], "BAD_ARGUMENT", 2);
    refuses(
        &["--to", "postgres://u@127.0.0.1:1/x"],
        "POSTGRES_UNREACHABLE",
        6,
    );
    refuses(&["--to", "sqlite:elsewhere"], "OTHER_FOLDER", 2);
    refuses(
        &["--to", "sqlite:elsewhere", "--schema", "one"],
        "OPTION_WITHOUT_EFFECT",
        3,
    );
    house.sql("create schema strongroom; create table strongroom.theirs (a int)");
    refuses(&["--to", &url], "STORE_NOT_A_VAULT", 3);
    sandbox.signing_key("ec-p256", "protocol");
}

#[test]
fn a_replica_whose_vault_was_moved_away_is_refused() {
    let house = House::with_vault("cli_moved_away", &[]);
    let sandbox = &house.sandbox;
    let before = fs::read_to_string(sandbox.config()).unwrap();
    let folder = format!("sqlite:{}", sandbox.vault().display());
    sandbox.run(["vault", "move", "--to", &folder]).succeeded();
    sandbox.run(["keys", "list"]).succeeded();
    sandbox.write("vault/strongroom.toml", before);
    sandbox.run(["keys", "list"]).failed("STORE_MOVED", 3);
}

/// Takes the mark from the old file, as if the process had ended before it was written.
fn unmark(sandbox: &Sandbox) {
    let database = rusqlite::Connection::open(database_of(sandbox)).unwrap();
    assert_eq!(database.execute("DELETE FROM moved", ()).unwrap(), 1);
}

#[test]
fn a_move_that_ended_after_the_mark_is_finished_by_the_same_command() {
    let house = house("cli_after_mark");
    let sandbox = &house.sandbox;
    let url = house.database.url();
    let to = ["vault", "move", "--to", &url];
    sandbox
        .run([&to[..], &["--keep-config"]].concat())
        .succeeded();
    house.sql("delete from strongroom.vault");
    sandbox.run(["keys", "list"]).failed("STORE_MOVED", 3);
    // Only where it was going: nobody else can be given the vault.
    let elsewhere = [&to[..], &["--schema", "other"]].concat();
    sandbox.run(elsewhere).failed("STORE_MOVED", 3);
    // A copy that was changed meanwhile does not become the vault.
    house.sql(
        "create table kept as select * from strongroom.backups;
         update strongroom.public_keys set mac = set_byte(mac, 0, get_byte(mac, 0) # 1)",
    );
    let refused = sandbox.run(to);
    assert_eq!(refused.status, 5, "{}", refused.stderr);
    assert_eq!(house.sql("select count(*) from strongroom.vault"), "0");
    house.sql("update strongroom.public_keys set mac = set_byte(mac, 0, get_byte(mac, 0) # 1)");
    let finished = sandbox.json(to);
    assert_eq!(finished["finished_earlier"], true);
    sandbox.signing_key("ec-p256", "protocol");
}

#[test]
fn a_move_that_ended_before_the_mark_goes_on_unless_the_vault_has_changed() {
    let house = house("cli_before_mark");
    let sandbox = &house.sandbox;
    let url = house.database.url();
    let to = ["vault", "move", "--to", &url, "--keep-config"];
    let back_to_before_the_mark = || {
        house.sql("delete from strongroom.vault");
        unmark(sandbox);
    };
    sandbox.run(to).succeeded();
    back_to_before_the_mark();
    assert_eq!(sandbox.json(to)["finished_earlier"], false);
    back_to_before_the_mark();
    sandbox.signing_key("ec-p256", "protocol");
    sandbox.run(to).failed("OTHER_ROWS_THERE", 3);
    house.sql("drop schema strongroom cascade");
    sandbox.run(&to[..4]).succeeded();
    sandbox.signing_key("ec-p256", "protocol");
}

#[test]
fn the_second_anchor_in_the_tag_of_a_wrapper_key_stays_valid_too() {
    let house = house("cli_moved_tag");
    let sandbox = &house.sandbox;
    sandbox.edit_config(|text| text + "\n[anchor]\nkms-tag = \"local\"\n");
    let accept = [
        "anchor",
        "accept",
        "--i-know-this-database-is-the-right-one",
    ];
    sandbox.run(accept).succeeded();
    sandbox.signing_key("ec-p256", "protocol");
    let url = house.database.url();
    sandbox.run(["vault", "move", "--to", &url]).succeeded();
    let doctor = sandbox.json(["doctor"]);
    assert_eq!(doctor["healthy"], true, "{doctor}");
    sandbox.signing_key("ec-p256", "protocol");
    sandbox.run(["anchor", "show"]).succeeded();
}
