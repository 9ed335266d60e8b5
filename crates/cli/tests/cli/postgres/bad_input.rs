//! What a server refuses: each with its code, and nothing left behind.

use strongroom_test_postgres::{GUARDED, shared};

use super::House;
use crate::support::Sandbox;

fn init(url: &str) -> Vec<&str> {
    vec!["init", "--unprotected-key-file", "--store-url", url]
}

/// `init` is refused and neither configuration nor key file is there.
fn refused_before_anything_is_made(url: &str, more: &[&str], code: &str, status: i32) {
    let sandbox = Sandbox::new();
    sandbox.write("password", "wrong");
    sandbox.refuses([init(url), more.to_vec()].concat(), code, status);
    assert!(!sandbox.vault().exists());
}

#[test]
fn addresses_that_are_none_are_refused() {
    let refused = |url, code, status| refused_before_anything_is_made(url, &[], code, status);
    refused("mysql://db/ledger", "CONFIG_INVALID", 2);
    refused("postgres://u:secret@db/ledger", "CONFIG_INVALID", 2);
    refused(
        "postgres://u@db/ledger?sslmode=perhaps",
        "POSTGRES_ADDRESS_INVALID",
        2,
    );
    refused("postgres://u@127.0.0.1:1/ledger", "POSTGRES_UNREACHABLE", 6);
    refused_before_anything_is_made(
        "postgres://u@127.0.0.1:1/ledger",
        &["--store-schema", "pg_mine"],
        "CONFIG_INVALID",
        2,
    );
}

#[test]
fn a_wrong_password_and_a_missing_database_are_refused() {
    let house = House::empty("cli_password");
    house.sql(&format!("create role {GUARDED} login password 'right'"));
    let url = house
        .database
        .url()
        .replace("tester@", &format!("{GUARDED}@"));
    let password = ["--store-password-file", "password"];
    refused_before_anything_is_made(&url, &password, "POSTGRES_CREDENTIALS_REFUSED", 4);
    let missing = house.database.url().replace("cli_password", "cli_nowhere");
    refused_before_anything_is_made(&missing, &[], "POSTGRES_DATABASE_MISSING", 3);
    // The right one, which may not make a schema; and then may.
    let sandbox = &house.sandbox;
    sandbox.write("password", "right\n");
    let right = [init(&url), password.to_vec()].concat();
    sandbox.run(&right).failed("POSTGRES_PERMISSION_DENIED", 4);
    house.sql(&format!("create schema strongroom authorization {GUARDED}"));
    sandbox.run(&right).succeeded();
    assert!(
        !std::fs::read_to_string(sandbox.config())
            .unwrap()
            .contains("right")
    );
    let file = sandbox.path("password").display().to_string();
    sandbox.edit_config(|text| {
        text.replace(
            &format!("file = \"{file}\""),
            "environment = \"DB_PASSWORD\"",
        )
    });
    let mut list = sandbox.command(["keys", "list"]);
    list.env("DB_PASSWORD", "right");
    crate::support::Ran::of(list).succeeded();
    sandbox.run(["keys", "list"]).failed("NO_VARIABLE", 2);
}

#[test]
fn a_schema_of_something_else_is_left_alone() {
    let house = House::empty("cli_foreign");
    house.sql("create schema strongroom; create table strongroom.theirs (a int)");
    let url = house.database.url();
    house.sandbox.run(init(&url)).failed("STORE_NOT_A_VAULT", 3);
    assert_eq!(
        house.sql("select count(*) from pg_tables where schemaname = 'strongroom'"),
        "1"
    );
}

#[test]
fn a_newer_schema_is_refused_by_every_command() {
    let house = House::with_vault("cli_newer", &[]);
    house.sql("update strongroom.strongroom_schema set version = 999");
    for command in [
        &["keys", "list"][..],
        &[
            "anchor",
            "accept",
            "--i-know-this-database-is-the-right-one",
        ],
    ] {
        house.sandbox.run(command).failed("STORE_NEWER_SCHEMA", 3);
    }
    let doctor = house.sandbox.run(["doctor"]);
    assert_eq!(doctor.status, 1);
    assert!(
        doctor.text().contains("STORE_NEWER_SCHEMA"),
        "{}",
        doctor.text()
    );
}

#[test]
fn a_server_that_is_gone_is_told_by_every_command() {
    let house = House::with_vault("cli_gone", &[]);
    let folder = shared().socket().display().to_string();
    house
        .sandbox
        .edit_config(|text| text.replace(&folder, "/nowhere"));
    house
        .sandbox
        .run(["keys", "list"])
        .failed("POSTGRES_UNREACHABLE", 6);
    let doctor = house.sandbox.run(["doctor"]);
    assert!(
        doctor.text().contains("POSTGRES_UNREACHABLE"),
        "{}",
        doctor.text()
    );
}
