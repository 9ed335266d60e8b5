//! `--endpoint`: a command says the same of a vault that is here and of one that a server offers.

#[path = "remote/access.rs"]
mod access;
#[path = "remote/approvals.rs"]
mod approvals;
#[path = "remote/audit.rs"]
mod audit;
#[path = "remote/configuration.rs"]
mod configuration;
#[path = "remote/operations.rs"]
mod operations;
#[path = "remote/parties.rs"]
mod parties;
#[path = "remote/payloads.rs"]
mod payloads;
#[path = "remote/quarantine.rs"]
mod quarantine;
#[path = "remote/refusals.rs"]
mod refusals;
#[path = "remote/upkeep.rs"]
mod upkeep;

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::{
    serving::Serving,
    support::{Ran, Sandbox, text},
};

/// A server of the sandbox's vault, and commands that go to it.
pub(super) struct There<'s> {
    sandbox: &'s Sandbox,
    pub(super) serving: Serving,
}

impl<'s> There<'s> {
    pub(super) fn start(sandbox: &'s Sandbox) -> Self {
        let serving = Serving::start(sandbox);
        Self { sandbox, serving }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.serving.grpc())
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.sandbox.command(args);
        command.env("STRONGROOM_ENDPOINT", self.endpoint());
        // The vault is not looked for here.
        command.env("STRONGROOM_DIR", self.sandbox.path("nowhere"));
        command
    }

    pub(super) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args))
    }

    pub(super) fn json(&self, args: &[&str]) -> Value {
        let ran = self
            .run(&[args, &["--output", "json"]].concat())
            .succeeded();
        assert_eq!(ran.stderr, "");
        ran.json()
    }
}

/// The vault of a participant that was used: keys of every kind, one of them retired, one public only, one imported.
fn used() -> Sandbox {
    let sandbox = Sandbox::with_participant("participant1");
    let key = sandbox.signing_key("ec-curve-25519", "protocol");
    sandbox.write("message", b"a message");
    let retire = ["keys", "retire", &key, "--yes"];
    sandbox.run(retire).succeeded();
    sandbox.run(["keys", "rotate-all"]).succeeded();
    let pem = sandbox.public_pem(&key, "peer.pem");
    let import = ["keys", "import", "--public", "--usage", "protocol"];
    let pem = pem.to_str().unwrap().to_owned();
    let other = Sandbox::with_vault();
    let peer = other.signing_key("ec-p-256", "protocol");
    other.public_pem(&peer, "peer.pem");
    std::fs::copy(other.path("peer.pem"), &pem).unwrap();
    let import = [&import[..], &[&pem, "--name", "peer"]].concat();
    sandbox.run(import).succeeded();
    sandbox
}

fn fingerprints(list: &Value) -> Vec<(String, String)> {
    let keys = list["keys"].as_array().unwrap();
    let pairs = keys
        .iter()
        .map(|key| (text(key, "fingerprint"), text(key, "purpose")));
    pairs.collect()
}

#[test]
fn what_only_looks_prints_the_same_here_and_there() {
    let sandbox = used();
    let keys = fingerprints(&sandbox.json(["keys", "list"]));
    let signing = &keys
        .iter()
        .find(|(_, purpose)| purpose == "signing")
        .unwrap()
        .0;
    let receiving = sandbox.encryption_key("ec-p-256");
    let message = sandbox.path("message").display().to_string();
    let encrypted = sandbox.path("encrypted").display().to_string();
    let encrypt = ["encrypt", &message, "--to", &receiving, "--out", &encrypted];
    sandbox.run(encrypt).succeeded();
    let signer = sandbox.signing_key("ec-curve-25519", "protocol");
    let signature = sandbox.path("signature").display().to_string();
    let sign = ["sign", &message, "--key", &signer, "--out", &signature];
    sandbox.run(sign).succeeded();
    let commands: &[&[&str]] = &[
        &["keys", "list"],
        &["keys", "list", "--all"],
        &["keys", "list", "--purpose", "encryption"],
        &[
            "keys",
            "list",
            "--usage",
            "namespace,protocol",
            "--name",
            "e",
        ],
        &["keys", "list", "--fingerprint", signing],
        &["keys", "show", signing],
        &["keys", "show", &receiving],
        // Ed25519 signs the same twice.
        &["sign", &message, "--key", &signer, "--encoding", "hex"],
        &[
            "sign",
            &message,
            "--key",
            &signer,
            "--usage",
            "protocol",
            "--form",
            "canton",
            "--encoding",
            "base64",
        ],
        &[
            "verify",
            &message,
            "--signature",
            &signature,
            "--key",
            &signer,
        ],
        &[
            "decrypt",
            &encrypted,
            "--key",
            &receiving,
            "--encoding",
            "base64",
        ],
        &["audit", "list"],
        &["audit", "list", "--last", "3"],
        &["audit", "list", "--last", "0"],
        &["audit", "verify"],
        &["audit", "key"],
        &["audit", "tail"],
        &[
            "audit",
            "tail",
            "--last",
            "2",
            "--operation",
            "generate_key",
        ],
        &["wrapper-key", "show"],
        &["topology", "list"],
        &["topology", "list", "--history"],
        &["topology", "list", "--mapping", "otk"],
        &["topology", "stores"],
        &["topology", "active-keys"],
        &["topology", "graph"],
        &["wrapper-key", "rotate", "--dry-run"],
        &["keys", "migrate", "--all", "--to", "envelope", "--dry-run"],
        &["keys", "migrate", "--all", "--to", "envelope"],
        &["backup", "list"],
        &["replicas", "list"],
    ];
    // The first start of a server is on record, and when it ends in order it signs a checkpoint.
    assert!(There::start(&sandbox).serving.end().success());
    let here: Vec<_> = commands
        .iter()
        .map(|command| said(|args| sandbox.run(args), command))
        .collect();
    let there = There::start(&sandbox);
    for (command, here) in commands.iter().zip(&here) {
        let there = said(|args| there.run(args), command);
        assert_eq!(here.0, there.0, "{command:?}");
        assert_eq!(here.1, there.1, "{command:?}");
    }
    assert!(there.serving.end().success());
}

/// What a command prints as a table, and as a document.
fn said(run: impl Fn(&[&str]) -> Ran, command: &[&str]) -> (String, String) {
    let text = |ran: Ran| String::from_utf8(ran.succeeded().stdout).unwrap();
    let document = [command, &["--output", "json"]].concat();
    (text(run(command)), text(run(&document)))
}

#[test]
fn what_changes_keys_says_the_same_but_for_the_key_and_its_time() {
    let sandbox = used();
    let (pem, container) = (sandbox.path("made.pem"), sandbox.path("made.key"));
    let (pem, container) = (pem.to_str().unwrap(), container.to_str().unwrap());
    let other = Sandbox::with_vault();
    let key = other.signing_key("ec-p-384", "protocol");
    std::fs::copy(other.export(&key, "pkcs8-pem", "made.pem"), pem).unwrap();
    std::fs::copy(other.export(&key, "key-pair", "made.key"), container).unwrap();
    let peer = other.encryption_key("ec-p-256");
    let public = sandbox.path("public.pem");
    std::fs::copy(other.public_pem(&peer, "public.pem"), &public).unwrap();
    let public = public.to_str().unwrap();
    let delete = ["keys", "delete", &key, "--yes"];
    let commands: &[&[&str]] = &[
        &[
            "keys",
            "generate-signing",
            "--usage",
            "protocol,namespace",
            "--name",
            "signer",
        ],
        &[
            "keys",
            "generate-signing",
            "--usage",
            "protocol",
            "--spec",
            "ml-dsa-65",
        ],
        &[
            "keys",
            "generate-encryption",
            "--name",
            "receiver",
            "--spec",
            "rsa-2048",
        ],
        &["keys", "generate-encryption"],
        &[
            "keys", "import", pem, "--usage", "protocol", "--name", "came",
        ],
        &delete,
        &["keys", "import", container],
        &delete,
        &[
            "keys",
            "import",
            "--public",
            public,
            "--purpose",
            "encryption",
        ],
        &["keys", "delete", &peer, "--yes"],
    ];
    let run_all = |run: &dyn Fn(&[&str]) -> Ran| -> Vec<Value> {
        let documents = commands.iter().map(|command| {
            let ran = run(&[command, &["--output", "json"][..]].concat()).succeeded();
            let mut document = ran.json();
            let of_a_new_key = command
                .get(1)
                .is_some_and(|word| word.starts_with("generate"));
            if let Some(fields) = document.as_object_mut() {
                fields.remove("created_at");
                if of_a_new_key {
                    fields.remove("fingerprint");
                }
            }
            document
        });
        documents.collect()
    };
    let here = run_all(&|args| sandbox.run(args));
    let there = There::start(&sandbox);
    let told = run_all(&|args| there.run(args));
    for ((command, here), there) in commands.iter().zip(here).zip(told) {
        assert_eq!(here, there, "{command:?}");
    }
    // Who asked is whoever the server says it was, and each act is in the log.
    let records = there.json(&["audit", "list", "--last", "10"]);
    let records = records["records"].as_array().unwrap();
    assert_eq!(records.len(), 10);
    assert!(there.serving.end().success());
    sandbox.run(["doctor"]).succeeded();
}

#[test]
fn a_private_key_leaves_over_the_network_in_every_form_where_that_is_allowed() {
    let sandbox = used();
    sandbox.edit_config(|config| format!("{config}\n[server]\nexport-private-keys = true\n"));
    let key = sandbox.signing_key("ec-p-256", "protocol");
    sandbox.write("password", "a password");
    let wrapping = "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out wrapping.pem";
    let public = "pkey -in wrapping.pem -pubout -out wrapping.pub";
    for line in [wrapping, public] {
        let mut openssl = sandbox.program("openssl", line.split(' '));
        assert!(openssl.status().unwrap().success());
    }
    let here = Path::new(&sandbox.export(&key, "pkcs8-der", "here.der")).to_owned();
    let there = There::start(&sandbox);
    let export = |rest: &str| {
        let words = ["keys", "export", &key].into_iter().chain(rest.split(' '));
        there.run(&words.collect::<Vec<_>>()).succeeded();
    };
    export("--format pkcs8-der --unprotected --out there.der");
    export("--format pkcs8-pem --unprotected --out there.pem");
    export("--unprotected --out there.key");
    export("--password-file password --out there.encrypted");
    export("--format wrapped --wrapping-key wrapping.pub --out there.wrapped");
    assert!(there.serving.end().success());
    assert_eq!(std::fs::read(here).unwrap(), sandbox.read("there.der"));
    let other = Sandbox::with_vault();
    for (file, rest) in [
        ("there.pem", "--usage protocol"),
        ("there.key", ""),
        ("there.encrypted", "--password-file password"),
    ] {
        for name in [file, "password"] {
            other.write(name, sandbox.read(name));
        }
        let words = ["keys", "import", file]
            .into_iter()
            .chain(rest.split_whitespace());
        let imported = other.json(words.collect::<Vec<_>>());
        assert_eq!(text(&imported, "fingerprint"), key, "{file}");
    }
    assert!(sandbox.read("there.wrapped").len() > 384);
}

#[test]
fn the_wrapper_key_is_rotated_and_a_backup_taken_over_the_network() {
    let sandbox = used();
    let create = [
        "recovery",
        "create",
        "recovery.key",
        "--passphrase-file",
        "passphrase",
    ];
    sandbox.write("passphrase", "a passphrase");
    let recovery = sandbox.json(create);
    let recipient = text(&recovery, "recipient");
    let there = There::start(&sandbox);
    let before = there.json(&["wrapper-key", "show"]);
    let rotated = there.json(&["wrapper-key", "rotate"]);
    assert_eq!(
        rotated["goes"][0]["wrapper_key_id"],
        before["wraps"][0]["wrapper_key_id"]
    );
    assert_eq!(rotated["rewrapped_only"], false);
    assert!(rotated["moved_rows"].as_u64().unwrap() > 0);
    let after = there.json(&["wrapper-key", "show"]);
    assert_eq!(
        rotated["comes"][0]["wrapper_key_id"],
        after["wraps"][0]["wrapper_key_id"]
    );
    assert_eq!(
        after["retired_data_key_ids"][0],
        rotated["retired_data_key_id"]
    );
    let backup = there.json(&[
        "backup",
        "create",
        "vault.backup",
        "--recipient",
        &recipient,
    ]);
    let file = sandbox.read("vault.backup");
    assert_eq!(backup["bytes"].as_u64().unwrap(), file.len() as u64);
    assert_eq!(backup["data_keys"][0], rotated["data_key_id"]);
    let listed = there.json(&["backup", "list"]);
    assert_eq!(listed["backups"][0]["id"], backup["id"]);
    let needed = there.run(&["wrapper-key", "prune", "--yes"]);
    // The file is whole, and nothing is put in the place of it.
    let again = there.run(&[
        "backup",
        "create",
        "vault.backup",
        "--recipient",
        &recipient,
    ]);
    again.failed("FILE_EXISTS", 3);
    assert_eq!(sandbox.read("vault.backup"), file);
    assert!(there.serving.end().success());
    needed.succeeded();
    assert_eq!(sandbox.json(["backup", "list"]), listed);
    assert_eq!(listed["backups"][0]["sha256"], backup["sha256"]);
}

#[test]
fn node_keys_are_rotated_retired_and_sealed_over_the_network() {
    let sandbox = used();
    let key = sandbox.signing_key("ec-p-256", "protocol");
    let here = sandbox.json(["keys", "rotate-all"]);
    let there = There::start(&sandbox);
    let told = there.json(&["keys", "rotate-all"]);
    let rotations = |report: &Value| report["rotations"].as_array().unwrap().clone();
    assert_eq!(rotations(&here).len(), rotations(&told).len());
    for (before, after) in rotations(&here).iter().zip(rotations(&told)) {
        assert_eq!(after["state"], "retired");
        for field in ["custody", "kms", "kms_key", "state"] {
            assert_eq!(before[field], after[field], "{field}");
        }
    }
    let paused = there.json(&["keys", "rotate-all", "--pause-for-backup"]);
    assert_eq!(paused["paused_for_backup"], true);
    assert_eq!(rotations(&paused)[0]["state"], "begun");
    let abandoned = there.json(&["keys", "rotate", "--abandon"]);
    assert_eq!(rotations(&abandoned)[0]["state"], "abandoned");
    let table = there.run(&["keys", "rotate", "--resume"]).succeeded();
    assert_eq!(table.text(), "no rotation is under way\n");
    let announced = there.json(&["keys", "announce", &key]);
    assert_eq!(announced["state"], "announced");
    assert!(
        announced["identity"].to_string().contains(&key),
        "{announced}"
    );
    let withdrawn = there.json(&["keys", "withdraw", &key, "--yes"]);
    assert!(
        !withdrawn["identity"].to_string().contains(&key),
        "{withdrawn}"
    );
    let retired = there.json(&["keys", "retire", &key, "--yes"]);
    assert_eq!(retired["state"], "retired");
    assert_eq!(
        there.json(&["keys", "seal", "--all"])["sealed"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    assert!(there.serving.end().success());
    sandbox.run(["doctor"]).succeeded();
}

#[test]
fn topology_is_exported_from_a_server_as_it_is_from_the_vault() {
    let sandbox = used();
    let exports = ["--format snapshot-v2", "--format snapshot-v1", "--history"];
    let export = |run: &dyn Fn(&[&str]) -> Ran, place: &str, number: usize| {
        let out = format!("{place}{number}");
        let line = format!("topology export {} --out {out}", exports[number]);
        run(&line.split(' ').collect::<Vec<_>>()).succeeded();
        sandbox.read(&out)
    };
    let here: Vec<_> = (0..3)
        .map(|number| export(&|args| sandbox.run(args), "here", number))
        .collect();
    let there = There::start(&sandbox);
    for (number, here) in here.iter().enumerate() {
        let there = export(&|args| there.run(args), "there", number);
        assert!(*here == there, "{}", exports[number]);
    }
}

fn words(line: &[String]) -> Vec<&str> {
    line.iter().map(String::as_str).collect()
}

#[test]
fn topology_is_stated_signed_and_taken_in_by_a_server_as_it_is_by_the_vault() {
    let sandbox = used();
    let keys = ["one", "two"].map(|name| {
        let usage = ["--usage", "namespace", "--name", name];
        let made = sandbox.json([&["keys", "generate-signing"][..], &usage].concat());
        text(&made, "fingerprint")
    });
    let delegate = |key: &str, out: &str| {
        let line = format!("topology delegate {key} --restriction all-but-delegations --out {out}");
        line.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    let here = sandbox.json(delegate(&keys[0], "one.cert"));
    let again = sandbox.run(delegate(&keys[0], "again.cert"));
    let there = There::start(&sandbox);
    let told = there.json(&words(&delegate(&keys[1], "two.cert")));
    for field in [
        "store",
        "outcome",
        "preview",
        "mapping",
        "operation",
        "serial",
        "proposal",
    ] {
        assert_eq!(here[field], told[field], "{field}: {here} {told}");
    }
    let told = there.run(&words(&delegate(&keys[1], "again.cert")));
    assert_eq!(
        (told.status, told.code()),
        (again.status, again.code()),
        "{}",
        told.stderr
    );
    // The advice to export it comes from either.
    for ran in [&again, &told] {
        assert!(ran.stderr.contains("topology export"), "{}", ran.stderr);
    }
    let applied = there.json(&["topology", "apply", "two.cert"]);
    assert_eq!(applied["unchanged"], 1);
    let signed = [
        "topology",
        "authorize",
        "--file",
        "one.cert",
        "--out",
        "signed.cert",
    ];
    assert_eq!(there.json(&signed)["added"], 0);
    let revoked = there.json(&["topology", "revoke", &keys[1], "--yes"]);
    assert_eq!(revoked["operation"], "REMOVE");
    assert!(there.serving.end().success());
    let left = sandbox
        .json(["topology", "list", "--mapping", "nsd"])
        .to_string();
    assert!(
        left.contains(&keys[0]) && !left.contains(&keys[1]),
        "{left}"
    );
}

#[test]
fn an_audit_log_is_exported_over_the_network_and_verified_without_the_server() {
    let sandbox = used();
    let key = sandbox.json(["audit", "key"]);
    let key = text(&key, "fingerprint");
    let there = There::start(&sandbox);
    let file = sandbox.path("audit.jsonl").display().to_string();
    let exported = there.json(&["audit", "export", &file]);
    let head = text(&exported, "head");
    assert_eq!(text(&exported["audit_keys"][0], "fingerprint"), key);
    // What is there stays.
    let again = there.run(&["audit", "export", &file]);
    again.failed("FILE_EXISTS", 3);
    assert!(there.serving.end().success());
    let verify = ["audit", "verify", "--export", &file, "--audit-key", &key];
    let verify = [&verify[..], &["--head", &head]].concat();
    let verified = sandbox.json(verify);
    assert_eq!(verified["records"], exported["records"], "{verified}");
}
