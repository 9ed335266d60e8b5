//! Private key bytes stand in no file of the vault, no log and no message.

use std::fs;

use rusqlite::Connection;

use crate::{
    needles::Needles,
    support::{Ran, Sandbox},
};

/// Everything that a life with the vault left behind: what it printed, and its files, the log of the database included.
struct Traces {
    all: Vec<(String, Vec<u8>)>,
}

impl Traces {
    fn new() -> Self {
        Self { all: Vec::new() }
    }

    /// Runs a command at trace level and keeps what it prints.
    fn run(&mut self, sandbox: &Sandbox, form: &str, args: &[&str]) -> Ran {
        let trace = ["--log", "trace", "--log-format", form];
        let ran = sandbox.run([args, &trace].concat());
        self.all
            .push((format!("stdout of {args:?}"), ran.stdout.clone()));
        self.all
            .push((format!("stderr of {args:?}"), ran.stderr.clone().into()));
        ran
    }

    /// Keeps the files below the home and the vault as they are now.
    fn keep_files(&mut self, sandbox: &Sandbox, when: &str) {
        for (path, (_, contents)) in sandbox.snapshot() {
            if path.starts_with(sandbox.vault()) || path.starts_with(sandbox.path("home")) {
                self.all
                    .push((format!("{} {when}", path.display()), contents));
            }
        }
    }

    fn with(&self, key: &Needles) -> Vec<&str> {
        let found = self
            .all
            .iter()
            .filter(|(_, contents)| key.stand_in(contents));
        found.map(|(name, _)| name.as_str()).collect()
    }
}

#[test]
fn no_private_key_bytes_in_database_log_output_or_messages() {
    for form in ["text", "json"] {
        let sandbox = Sandbox::new();
        let mut traces = Traces::new();
        sandbox.write("message", "a message");
        sandbox.write("password", "correct horse");
        quickstart(&sandbox, form, &mut traces);
        for spec in ["ec-p-256", "ec-p-384", "ec-secp-256k-1", "ml-dsa-65"] {
            let generate = [
                "keys",
                "generate-signing",
                "--usage",
                "protocol",
                "--spec",
                spec,
            ];
            traces.run(&sandbox, form, &generate).succeeded();
        }
        let generate = ["keys", "generate-encryption", "--spec", "rsa-2048"];
        traces.run(&sandbox, form, &generate).succeeded();

        let listed = sandbox.json(["keys", "list"]);
        let keys: Vec<(String, bool, bool)> = listed["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| {
                (
                    crate::support::text(key, "fingerprint"),
                    key["purpose"] == "signing",
                    key["state"] == "active",
                )
            })
            .collect();
        assert_eq!(keys.len(), 12);
        for (key, signs, is_active) in &keys {
            if !is_active {
                // It does neither any more; it is exported and shown all the same.
            } else if *signs {
                traces
                    .run(
                        &sandbox,
                        form,
                        &["sign", "message", "--key", key, "--form", "canton"],
                    )
                    .succeeded();
            } else {
                traces
                    .run(
                        &sandbox,
                        form,
                        &[
                            "encrypt",
                            "message",
                            "--to",
                            key,
                            "--out",
                            "encrypted",
                            "--force",
                        ],
                    )
                    .succeeded();
                traces
                    .run(&sandbox, form, &["decrypt", "encrypted", "--key", key])
                    .succeeded();
            }
            let export = ["keys", "export", key, "--password-file", "password"];
            traces.run(&sandbox, form, &export).succeeded();
            traces
                .run(&sandbox, form, &["keys", "show", key])
                .succeeded();
        }
        traces.run(&sandbox, form, &["doctor"]).succeeded();
        traces.run(&sandbox, form, &["audit", "list"]).succeeded();
        let delete = [
            "keys",
            "delete",
            &keys[0].0,
            "--yes",
            "--danger-even-if-announced",
        ];
        traces.run(&sandbox, form, &delete).succeeded();
        let mut exported = Vec::new();
        for (key, ..) in &keys[1..] {
            let file = sandbox.export(key, "pkcs8-der", &format!("{key}.der"));
            let der = fs::read(file).unwrap();
            exported.push((Needles::of_pkcs8(key, &der), der));
        }
        traces.keep_files(&sandbox, "at the end");
        assert!(traces.all.len() > 60);
        for (key, der) in &exported {
            assert!(key.stand_in(der), "the search finds what is there");
            assert_eq!(traces.with(key), Vec::<&str>::new(), "{}", key.name);
        }
    }
}

/// While somebody looks at an earlier moment of the database, its log stays, with every page that quickstart writes. In
/// one form of the log lines only, since each end waits for the onlooker a while.
fn quickstart(sandbox: &Sandbox, form: &str, traces: &mut Traces) {
    if form == "json" {
        traces.run(sandbox, form, &["quickstart"]).succeeded();
        return;
    }
    traces
        .run(sandbox, form, &["init", "--unprotected-key-file"])
        .succeeded();
    let onlooker = Connection::open(sandbox.path("vault/vault.db")).unwrap();
    onlooker.execute_batch("BEGIN").unwrap();
    let keys = |connection: &Connection| -> u32 {
        let query = "SELECT count(*) FROM private_keys";
        connection.query_row(query, (), |row| row.get(0)).unwrap()
    };
    assert_eq!(keys(&onlooker), 0);
    let ran = traces.run(sandbox, form, &["quickstart"]).succeeded();
    assert!(
        ran.stderr
            .contains("was not closed cleanly; nothing is lost")
    );
    assert_eq!(keys(&onlooker), 0);
    traces.keep_files(sandbox, "with its log");
    let logs = traces.all.iter();
    let mut logs = logs.filter(|(name, _)| name.contains("vault.db-wal"));
    assert!(
        logs.any(|(_, log)| log.len() > 4 * 4096),
        "the log was looked at"
    );
    onlooker.execute_batch("COMMIT").unwrap();
    // Three of them retired.
    assert_eq!(keys(&onlooker), 7);
}

#[test]
fn refused_private_keys_are_not_repeated_in_messages() {
    let sandbox = Sandbox::with_vault();
    let mut traces = Traces::new();
    let mut needles = Vec::new();
    for spec in ["ec-curve-25519", "ec-p-256", "ec-secp-256k-1"] {
        let key = sandbox.signing_key(spec, "protocol");
        let der = fs::read(sandbox.export(&key, "pkcs8-der", "key.der")).unwrap();
        let pem = fs::read(sandbox.export(&key, "pkcs8-pem", "key.pem")).unwrap();
        let pair = fs::read(sandbox.export(&key, "key-pair", "key.pair")).unwrap();
        for file in ["key.der", "key.pem", "key.pair"] {
            fs::remove_file(sandbox.path(file)).unwrap();
        }
        needles.push(Needles::of_pkcs8(spec, &der));
        // Cut, with bytes behind, with a byte changed, and as what it is not.
        for whole in [der, pem, pair] {
            let mut changed = whole.clone();
            changed[4] ^= 0x20;
            let cut = whole[..whole.len() - 1].to_vec();
            let longer = [&whole[..], b"0123"].concat();
            for contents in [cut, longer, changed, whole] {
                sandbox.write("key", &contents);
                for extra in [
                    &["--usage", "namespace"][..],
                    &["--purpose", "encryption"],
                    &["--usage", "protocol", "--public"],
                    &["--usage", "protocol", "--format", "key-pair"],
                    &["--usage", "proof-of-ownership"],
                ] {
                    let import = [&["keys", "import", "key", "--name", "other"], extra].concat();
                    let ran = traces.run(&sandbox, "text", &import);
                    assert!(
                        ran.status == 0 || ran.code().is_some(),
                        "{import:?} {ran:?}"
                    );
                }
                let verify = ["verify", "key", "--signature", "key", "--public-key", "key"];
                traces.run(&sandbox, "text", &verify);
            }
        }
    }
    for key in &needles {
        assert_eq!(traces.with(key), Vec::<&str>::new(), "{}", key.name);
    }
}

#[test]
fn passphrases_and_passwords_stand_in_no_message() {
    let sandbox = Sandbox::with_vault();
    let mut traces = Traces::new();
    sandbox.write("password", "hunter2 hunter2");
    let key = sandbox.signing_key("ed25519", "protocol");
    let export = [
        "keys",
        "export",
        &key,
        "--password-file",
        "password",
        "--out",
        "node.key",
    ];
    traces.run(&sandbox, "text", &export).succeeded();
    let import = ["keys", "import", "node.key", "--password-file", "password"];
    traces.run(&sandbox, "json", &import).succeeded();
    sandbox.write("password", "hunter2 wrong");
    assert_ne!(traces.run(&sandbox, "text", &import).status, 0);
    traces.keep_files(&sandbox, "at the end");
    for (name, contents) in &traces.all {
        assert_eq!(memchr::memmem::find(contents, b"hunter2"), None, "{name}");
    }
}
