//! `doctor`, `audit` and custody `clear`.

use serde_json::Value;

use crate::{
    needles::Needles,
    support::{Ran, Sandbox, text},
};

fn checks<'a>(doctor: &'a Value, name: &str) -> Vec<&'a Value> {
    let checks = doctor["checks"].as_array().unwrap();
    checks
        .iter()
        .filter(|check| check["name"] == name)
        .collect()
}

#[test]
fn doctor_looks_at_everything_and_warns_of_an_unprotected_key_file() {
    let sandbox = Sandbox::with_quickstart();
    let doctor = sandbox.json(["doctor"]);
    assert_eq!(
        (&doctor["healthy"], &doctor["keys"]),
        (&true.into(), &7.into())
    );
    for name in [
        "configuration",
        "database",
        "pages",
        "vault",
        "audit",
        "keys",
        "wrap",
        "key file",
        "topology",
        "identity",
        "delegations",
        "announced",
        "anchor",
        "process",
        "memory",
    ] {
        let found = checks(&doctor, name);
        assert_eq!(found.len(), 1, "{name}: {doctor}");
        let expected = if name == "key file" { "warning" } else { "ok" };
        assert_eq!(found[0]["status"], expected, "{}", found[0]);
    }
    assert!(checks(&doctor, "custody").is_empty());
    let table = sandbox.run(["doctor"]).succeeded();
    assert!(
        table.text().contains("warning  key file"),
        "{}",
        table.text()
    );
}

#[test]
fn doctor_tells_that_a_vault_has_no_identity_yet() {
    let sandbox = Sandbox::with_vault();
    let doctor = sandbox.json(["doctor"]);
    let identity = checks(&doctor, "identity");
    assert_eq!(identity[0]["status"], "ok");
    assert!(text(identity[0], "detail").contains("init --kind"));
}

#[test]
fn the_audit_log_tells_who_did_what_to_which_key() {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.signing_key("ed25519", "protocol");
    sandbox.export(&key, "pkcs8-pem", "key.pem");
    let mut delete = sandbox.command(["keys", "delete", &key, "--yes"]);
    delete
        .env("USER", "alice")
        .env("STRONGROOM_TRACE_ID", TRACE_ID);
    Ran::of(delete).succeeded();
    let import = [
        "keys",
        "import",
        "key.pem",
        "--usage",
        "protocol",
        "--name",
        "back again",
    ];
    sandbox.run(import).succeeded();

    let document = sandbox.json(["audit", "list"]);
    let records = document["records"].as_array().unwrap();
    let operations: Vec<_> = records
        .iter()
        .map(|record| text(record, "operation"))
        .collect();
    assert_eq!(
        operations,
        [
            "create_vault",
            "generate_key",
            "export_key",
            "delete_key",
            "import_key"
        ]
    );
    for record in &records[1..] {
        assert_eq!(text(record, "key"), key);
    }
    let uid = rustix::process::getuid().as_raw();
    for record in records {
        assert_eq!(text(record, "caller"), format!("os-user:uid {uid}"));
    }
    assert!(records[3].to_string().contains(TRACE_ID));
    assert!(records[4].to_string().contains("back again"));
    let last = sandbox.json(["audit", "list", "--last", "2"]);
    assert_eq!(last["records"].as_array().unwrap()[..], records[3..]);
    let table = sandbox.run(["audit", "list"]).succeeded();
    assert_eq!(table.text().lines().count(), 6);
    assert!(
        table.text().contains(r#"name="back again""#),
        "{}",
        table.text()
    );

    let verified = sandbox.json(["audit", "verify"]);
    assert_eq!(
        (&verified["valid"], &verified["records"]),
        (&true.into(), &5.into())
    );
    assert_eq!(text(&verified, "head").len(), 64);
    let shown = sandbox.run(["audit", "verify"]).succeeded();
    assert!(shown.text().starts_with("valid: 5 records, head "));
}

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn a_trace_id_that_is_none_is_refused_before_anything_is_done() {
    let sandbox = Sandbox::with_vault();
    for wrong in [
        "ticket-17",
        &"0".repeat(32),
        &TRACE_ID.to_uppercase(),
        "\u{1b}[2J",
    ] {
        let before = sandbox.snapshot();
        let mut command = sandbox.command(["keys", "generate-encryption"]);
        command.env("STRONGROOM_TRACE_ID", wrong);
        Ran::of(command).failed("BAD_TRACE_ID", 2);
        sandbox.assert_unchanged(&before);
    }
    let mut command = sandbox.command(["keys", "generate-encryption"]);
    command.env("STRONGROOM_TRACE_ID", "");
    Ran::of(command).succeeded();
}

#[test]
fn nothing_that_is_shown_steers_the_terminal() {
    let sandbox = Sandbox::with_vault();
    let escape = "a\u{1b}[2Jb";
    sandbox.refuses(
        ["keys", "generate-encryption", "--name", escape],
        "KEY_NAME_CONTROL_CHARACTER",
        2,
    );
    let ran = sandbox.refuses(
        ["sign", escape, "--key", &format!("1220{}", "ab".repeat(32))],
        "FILE_NOT_FOUND",
        3,
    );
    assert!(ran.stderr.contains(r"a\u{1b}[2Jb"), "{}", ran.stderr);
    let dir = sandbox.path(escape);
    let made = [
        "init",
        "--unprotected-key-file",
        "--dir",
        dir.to_str().unwrap(),
    ];
    let ran = sandbox.run(made).succeeded();
    assert!(!ran.text().contains('\u{1b}'), "{}", ran.text());
}

#[test]
fn an_edited_audit_log_is_noticed() {
    let sandbox = Sandbox::with_quickstart();
    let database = rusqlite::Connection::open(sandbox.path("vault/vault.db")).unwrap();
    let changed = database
        .execute(
            "UPDATE audit SET body = CAST(body || ' ' AS BLOB) WHERE sequence = 2",
            (),
        )
        .unwrap();
    assert_eq!(changed, 1);
    database.close().unwrap();
    sandbox.refuses(["audit", "verify"], "AUDIT_BROKEN", 5);
    let doctor = sandbox.run(["doctor", "--output", "json"]);
    assert_eq!(doctor.status, 1);
    let doctor = doctor.json();
    let audit = checks(&doctor, "audit");
    assert_eq!(
        (&audit[0]["status"], &audit[0]["code"]),
        (&"failed".into(), &"AUDIT_BROKEN".into())
    );
}

#[test]
fn custody_clear_is_loud_until_the_keys_are_sealed_and_they_stay_exposed() {
    let sandbox = Sandbox::with_vault();
    sandbox.edit_config(|text| text.replace("default = \"envelope\"", "default = \"clear\""));
    let generate = [
        "keys",
        "generate-signing",
        "--usage",
        "protocol",
        "--output",
        "json",
    ];
    let first = sandbox.run(generate).succeeded();
    let told = "has this private key stored readable";
    assert!(first.stderr.contains(told), "{}", first.stderr);
    let first = first.json();
    assert_eq!(
        (&first["custody"], &first["exposed"]),
        (&"clear".into(), &true.into())
    );
    let warning = "private keys are stored readable; seal them with 'strongroom keys seal --all'";
    let loud = sandbox.run(["keys", "list"]).succeeded();
    assert!(
        loud.stderr.contains("WARN") && loud.stderr.contains(warning),
        "{}",
        loud.stderr
    );
    let second = sandbox.run(generate).succeeded();
    assert!(second.stderr.contains(warning), "{}", second.stderr);

    let other = Sandbox::with_vault();
    let key = other.signing_key("ed25519", "namespace");
    let file = other.export(&key, "key-pair", "node.key");
    let import = sandbox
        .run(["keys", "import", file.to_str().unwrap()])
        .succeeded();
    assert!(import.stderr.contains(told), "{}", import.stderr);
    sandbox.run(["keys", "delete", &key, "--yes"]).succeeded();

    let doctor = sandbox.run(["doctor", "--output", "json"]).succeeded();
    assert!(doctor.stderr.contains(warning));
    let doctor = doctor.json();
    for name in ["custody", "exposed"] {
        let found = checks(&doctor, name);
        assert_eq!(found.len(), 1, "{doctor}");
        assert_eq!(found[0]["status"], "warning");
    }
    assert!(
        text(checks(&doctor, "custody")[0], "detail")
            .starts_with("2 private keys are stored readable")
    );

    // A clear key signs as any other.
    let key = text(&first, "fingerprint");
    sandbox
        .run(["sign", "vault/strongroom.toml", "--key", &key])
        .succeeded();

    let sealed = sandbox
        .run(["keys", "seal", "--all", "--output", "json"])
        .succeeded()
        .json();
    assert_eq!(sealed["sealed"].as_array().unwrap().len(), 2);
    let doctor = sandbox.json(["doctor"]);
    let told = text(checks(&doctor, "custody")[0], "detail");
    assert!(
        told.contains("stay sealed"),
        "the configuration says clear: {told}"
    );
    assert_eq!(checks(&doctor, "exposed").len(), 1);
    let listed = sandbox.json(["keys", "list"]);
    for key in listed["keys"].as_array().unwrap() {
        assert_eq!(
            (&key["custody"], &key["exposed"]),
            (&"envelope".into(), &true.into())
        );
    }
    let table = sandbox.run(["keys", "list"]).succeeded();
    assert!(table.text().contains("envelope (exposed)"));
    sandbox
        .run(["sign", "vault/strongroom.toml", "--key", &key])
        .succeeded();
    let nothing = sandbox.json(["keys", "seal", "--all"]);
    assert!(nothing["sealed"].as_array().unwrap().is_empty());
    let shown = sandbox.run(["keys", "seal", "--all"]).succeeded();
    assert!(!shown.text().is_empty(), "silence says nothing");
}

#[test]
fn the_move_out_of_clear_leaves_no_key_bytes_in_the_files() {
    let sandbox = Sandbox::with_vault();
    sandbox.edit_config(|text| text.replace("default = \"envelope\"", "default = \"clear\""));
    let mut needles = Vec::new();
    for spec in ["ed25519", "ec-p-384", "secp256k1"] {
        let args = [
            "keys",
            "generate-signing",
            "--usage",
            "protocol",
            "--spec",
            spec,
            "--output",
            "json",
        ];
        let key = text(&sandbox.run(args).succeeded().json(), "fingerprint");
        let file = format!("{spec}.der");
        let exported = sandbox.export(&key, "pkcs8-der", &file);
        needles.push(Needles::of_pkcs8(spec, &std::fs::read(exported).unwrap()));
    }
    let in_vault = |key: &Needles| {
        let files = sandbox.snapshot().into_iter();
        let mut files = files.filter(|(path, _)| path.starts_with(sandbox.vault()));
        files.any(|(_, (_, contents))| key.stand_in(&contents))
    };
    assert!(
        needles.iter().all(in_vault),
        "readable as long as they are clear"
    );
    sandbox.run(["keys", "seal", "--all"]).succeeded();
    assert!(!needles.iter().any(in_vault));
}

#[test]
fn keys_that_were_sealed_while_somebody_read_the_database_are_gone_from_its_files_later() {
    let sandbox = Sandbox::with_vault();
    sandbox.edit_config(|text| text.replace("default = \"envelope\"", "default = \"clear\""));
    let generate = [
        "keys",
        "generate-signing",
        "--usage",
        "protocol",
        "--output",
        "json",
    ];
    let key = text(&sandbox.run(generate).succeeded().json(), "fingerprint");
    let exported = sandbox.export(&key, "pkcs8-der", "key.der");
    let needles = Needles::of_pkcs8("key", &std::fs::read(exported).unwrap());

    let onlooker = rusqlite::Connection::open(sandbox.path("vault/vault.db")).unwrap();
    onlooker.execute_batch("BEGIN").unwrap();
    let count = "SELECT count(*) FROM private_keys";
    let _: u32 = onlooker.query_row(count, (), |row| row.get(0)).unwrap();
    sandbox
        .run(["keys", "seal", "--all"])
        .failed("NOT_SCRUBBED", 6);
    drop(onlooker);
    let listed = sandbox.json(["keys", "list"]);
    assert_eq!(
        listed["keys"][0]["custody"], "envelope",
        "sealed all the same"
    );
    for (path, (_, contents)) in sandbox.snapshot() {
        let in_vault = path.starts_with(sandbox.vault());
        assert!(
            !(in_vault && needles.stand_in(&contents)),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_usage_has_its_own_custody_when_the_configuration_says_so() {
    let sandbox = Sandbox::with_vault();
    sandbox.edit_config(|text| {
        text.replace(
            "default = \"envelope\"",
            "default = \"envelope\"\nprotocol = \"clear\"",
        )
    });
    let custody = |usage: &str| {
        let args = [
            "keys",
            "generate-signing",
            "--usage",
            usage,
            "--output",
            "json",
        ];
        text(&sandbox.run(args).succeeded().json(), "custody")
    };
    assert_eq!(custody("namespace"), "envelope");
    assert_eq!(custody("protocol"), "clear");
    assert_eq!(custody("namespace,protocol"), "clear");
}

#[test]
fn keys_that_the_kms_seals_itself_work_the_same() {
    let sandbox = Sandbox::with_vault();
    sandbox.edit_config(|text| text.replace("data-key", "direct"));
    for spec in ["ed25519", "secp256k1", "ml-dsa-65"] {
        let key = sandbox.signing_key(spec, "protocol");
        let shown = sandbox.json(["keys", "show", &key]);
        assert_eq!(shown["sealing"], "direct");
        sandbox
            .run(["sign", "vault/strongroom.toml", "--key", &key])
            .succeeded();
    }
    assert_eq!(sandbox.json(["doctor"])["healthy"], true);
}
