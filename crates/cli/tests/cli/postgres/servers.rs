//! Servers that are not as they should be, under a vault that is there: each command says so, and nothing is lost.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use strongroom_test_postgres::{Database, PASSWORD, Server, Setup};

use super::{House, doctor_rows};
use crate::support::Sandbox;

/// An authority, and a certificate and key of its for this machine.
fn authority() -> (String, (String, String)) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let name = format!("authority {:x?}", key.public_key_raw());
    let name_type = rcgen::DnType::CommonName;
    params.distinguished_name.push(name_type, name);
    let pem = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    (pem, (certificate.pem(), key.serialize_pem()))
}

/// A server that listens on a port, with this certificate if there is one.
fn with_port(tls: Option<(String, String)>) -> Server {
    Server::start(&Setup {
        tcp: true,
        tls,
        ..Setup::default()
    })
}

/// The address of the database over TCP.
fn over_tcp(server: &Server, database: &Database<'_>, parameters: &str) -> String {
    format!("{}?{parameters}", database.tcp_url(server.address()))
}

fn verifying(authority: &Path) -> String {
    format!("sslmode=verify-full&sslrootcert={}", authority.display())
}

fn init(url: &str) -> Vec<&str> {
    let password = ["--store-password-file", "password"];
    [
        &["init", "--unprotected-key-file", "--store-url", url][..],
        &password,
    ]
    .concat()
}

/// The sandbox's vault has this key and can use it.
fn assert_has(sandbox: &Sandbox, key: &str) {
    let list = sandbox.json(["keys", "list"]);
    assert_eq!(list["keys"].as_array().unwrap().len(), 1, "{list}");
    sandbox.write("message", "pay 7");
    let sign = ["sign", "message", "--key", key, "--out", "signature"];
    sandbox.run(sign).succeeded();
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_required() {
    let server = with_port(None);
    let database = server.create_database("one");
    let sandbox = Sandbox::new();
    sandbox.write("password", PASSWORD);
    for mode in ["require", "verify-full"] {
        let url = over_tcp(&server, &database, &format!("sslmode={mode}"));
        sandbox.refuses(init(&url), "POSTGRES_TLS_REFUSED", 4);
    }
    assert!(!sandbox.vault().exists());
    // A vault that is there: whoever takes TLS away from its server learns nothing, not even the password.
    let plain = over_tcp(&server, &database, "sslmode=disable");
    sandbox.run(init(&plain)).succeeded();
    let key = sandbox.signing_key("ec-p256", "protocol");
    sandbox.edit_config(|text| text.replace("sslmode=disable", "sslmode=require"));
    sandbox.refuses(["keys", "list"], "POSTGRES_TLS_REFUSED", 4);
    let doctor = sandbox.run(["doctor"]);
    assert_eq!(doctor.status, 1);
    assert!(
        doctor.text().contains("POSTGRES_TLS_REFUSED"),
        "{}",
        doctor.text()
    );
    sandbox.edit_config(|text| text.replace("sslmode=require", "sslmode=disable"));
    assert_has(&sandbox, &key);
}

#[test]
fn a_server_with_a_certificate_of_another_authority_is_refused() {
    let (ours, certificate) = authority();
    let (other, _) = authority();
    let server = with_port(Some(certificate));
    let database = server.create_database("one");
    let sandbox = Sandbox::new();
    sandbox.write("password", PASSWORD);
    let (ours, other) = (
        sandbox.write("ours.pem", ours),
        sandbox.write("other.pem", other),
    );
    let wrong = over_tcp(&server, &database, &verifying(&other));
    sandbox.refuses(init(&wrong), "POSTGRES_TLS_REFUSED", 4);
    let right = over_tcp(&server, &database, &verifying(&ours));
    sandbox.run(init(&right)).succeeded();
    let key = sandbox.signing_key("ec-p256", "protocol");
    let doctor = sandbox.json(["doctor"]);
    let (status, told) = doctor_rows(&doctor, "server").remove(0);
    assert_eq!(status, "ok", "{told}");
    let version = database.run("show server_version");
    assert!(
        told.starts_with(&format!("PostgreSQL {}; TLS;", version.trim())),
        "{told}"
    );
    // Somebody else answers at the address.
    sandbox.edit_config(|text| text.replace("ours.pem", "other.pem"));
    let generate = ["keys", "generate-signing", "--usage", "protocol"];
    sandbox.refuses(generate, "POSTGRES_TLS_REFUSED", 4);
    // The server itself lets nobody in without TLS.
    sandbox.edit_config(|text| text.replace(&verifying(&other), "sslmode=disable"));
    sandbox.refuses(["keys", "list"], "POSTGRES_CREDENTIALS_REFUSED", 4);
    sandbox.edit_config(|text| text.replace("sslmode=disable", &verifying(&ours)));
    assert_has(&sandbox, &key);
}

#[test]
fn a_standby_is_refused_until_it_is_promoted() {
    let primary = Server::start(&Setup::default());
    let database = primary.create_database("one");
    let sandbox = Sandbox::new();
    let url = database.url();
    sandbox
        .run(["init", "--unprotected-key-file", "--store-url", &url])
        .succeeded();
    let standby = primary.standby("second", true);
    let key = sandbox.signing_key("ec-p256", "protocol");
    let folders = [primary.socket(), standby.socket()].map(|folder| folder.display().to_string());
    sandbox.edit_config(|text| text.replace(&folders[0], &folders[1]));
    let generate = ["keys", "generate-signing", "--usage", "protocol"];
    for command in [&["keys", "list"][..], &generate, &["replicas", "list"]] {
        sandbox.refuses(command, "POSTGRES_READ_ONLY", 6);
    }
    primary.stop(strongroom_test_postgres::Stop::Crash);
    standby.promote();
    assert_has(&sandbox, &key);
    sandbox.run(generate).succeeded();
}

#[test]
fn a_user_who_has_no_connection_left_is_told_so_and_nothing_is_lost() {
    let house = House::empty("cli_few");
    house.sql("create role few login; grant create on database cli_few to few");
    let url = house.database.url().replace("tester@", "few@");
    let sandbox = &house.sandbox;
    sandbox
        .run(["init", "--unprotected-key-file", "--store-url", &url])
        .succeeded();
    let key = sandbox.signing_key("ec-p256", "protocol");
    house.sql("alter role few connection limit 0");
    let generate = ["keys", "generate-signing", "--usage", "protocol"];
    for command in [&["keys", "list"][..], &generate, &["replicas", "step-down"]] {
        sandbox.refuses(command, "POSTGRES_TOO_MANY_CONNECTIONS", 6);
    }
    house.sql("alter role few connection limit -1");
    assert_has(sandbox, &key);
    assert!(house.lease_is_free());
}

/// The server answers as it does when a disk is full.
#[test]
fn a_full_disk_is_told_and_what_was_there_is_still_there() {
    let house = House::with_vault("cli_full", &[]);
    let sandbox = &house.sandbox;
    let key = sandbox.signing_key("ec-p256", "protocol");
    house.sql(
        "create function full_disk() returns trigger language plpgsql as \
         $$begin raise exception 'could not extend file' using errcode = '53100'; end$$; \
         create trigger full_disk before insert on strongroom.private_keys execute function full_disk()",
    );
    let generate = ["keys", "generate-signing", "--usage", "protocol"];
    sandbox.run(generate).failed("STORE_FULL", 6);
    assert_has(sandbox, &key);
    house.sql("drop trigger full_disk on strongroom.private_keys");
    sandbox.run(generate).succeeded();
    assert!(house.lease_is_free());
}

#[test]
fn a_password_that_was_changed_locks_nobody_out_for_good() {
    let server = with_port(None);
    let database = server.create_database("one");
    database.run("create role owner login password 'first'; grant create on database one to owner");
    let sandbox = Sandbox::new();
    sandbox.write("password", "first");
    let url = over_tcp(&server, &database, "sslmode=disable").replace("tester@", "owner@");
    sandbox.run(init(&url)).succeeded();
    let key = sandbox.signing_key("ec-p256", "protocol");
    database.run("alter role owner password 'second'");
    for command in [&["keys", "list"][..], &["replicas", "list"]] {
        sandbox.refuses(command, "POSTGRES_CREDENTIALS_REFUSED", 4);
    }
    sandbox.write("password", "second");
    assert_has(&sandbox, &key);
}
