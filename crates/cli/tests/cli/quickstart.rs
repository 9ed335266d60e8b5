//! One command for a newcomer.

use std::{
    fs::{self, File},
    io::Seek,
    process::Stdio,
};

use serde_json::Value;

use crate::support::{Ran, Sandbox, text};

const KEY_FIELDS: [&str; 10] = [
    "fingerprint",
    "name",
    "purpose",
    "usage",
    "spec",
    "custody",
    "state",
    "wrapper_key_id",
    "announced",
    "created_at",
];

/// All but the namespace key.
const ROTATED: usize = 3;

const NODE_KEYS: [(&str, &str, &str); 4] = [
    ("node-namespace", "signing", "namespace"),
    (
        "node-sequencer-auth",
        "signing",
        "sequencer-authentication proof-of-ownership",
    ),
    ("node-signing", "signing", "protocol proof-of-ownership"),
    ("node-encryption", "encryption", ""),
];

#[test]
fn quickstart_makes_a_node_s_keys_and_shows_that_they_work() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(["quickstart"]).succeeded();
    let shown = ran.text();
    assert_eq!(ran.stderr, "");
    for (name, _, _) in NODE_KEYS {
        assert!(shown.contains(name), "{shown}");
    }
    for expected in [
        "Made vault ",
        "FINGERPRINT",
        "ok      node-signing signs and verifies (first use)",
        "ok      node-encryption encrypts and decrypts (after reopening)",
        "ok      the vault opened again with one KMS call",
        "ok      no private key bytes in the ",
        "\nnamespace 1220",
        "(node-namespace, here)",
        "participant PAR::node::1220",
        "\nrotated 1220",
        "ok      node-signing refuses to sign (retired)",
        "ok      node-encryption decrypts an old message (retired)",
        "KMS calls: ",
        "protected by file permissions only",
        "strongroom kms protect --dir=",
        "Try next:",
        "strongroom doctor --dir=",
    ] {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
    assert!(!shown.contains("FAILED"), "{shown}");
}

#[test]
fn what_quickstart_proposes_next_works_as_it_is_written() {
    let sandbox = Sandbox::with_quickstart();
    let again = sandbox.run(["quickstart"]).succeeded();
    let (_, proposals) = again.text().split_once("Try next:\n").unwrap();
    assert!(proposals.lines().count() >= 4, "{proposals}");
    let program = crate::support::STRONGROOM;
    for line in proposals.lines() {
        let line = line.replace("strongroom ", &format!("{program} "));
        let shell = sandbox.program("sh", ["-c", &line]);
        let ran = Ran::of(shell).succeeded();
        assert!(!ran.stdout.is_empty(), "{line}");
    }
}

#[test]
fn the_json_of_quickstart_has_the_documented_names() {
    let sandbox = Sandbox::new();
    let document = sandbox.json(["quickstart"]);
    assert_eq!(document["created"], true);
    assert!(document["kms_calls"].as_u64().unwrap() > 0);
    let checks = document["checks"].as_array().unwrap();
    // Each key before and after the vault was opened again, each retired one, and two of the vault itself.
    assert_eq!(checks.len(), 2 * NODE_KEYS.len() + ROTATED + 2);
    for check in checks {
        assert_eq!(check["passed"], true, "{check}");
        assert!(!text(check, "name").is_empty());
    }
    let keys = document["keys"].as_array().unwrap();
    assert_eq!(keys.len(), NODE_KEYS.len() + ROTATED);
    let is_active = |key: &Value| key["state"] == "active";
    let active: Vec<Value> = keys.iter().filter(|key| is_active(key)).cloned().collect();
    assert_eq!(active.len(), NODE_KEYS.len());
    for (name, purpose, usage) in NODE_KEYS {
        let key = beginning_with(&active, name);
        for field in KEY_FIELDS {
            assert!(key.get(field).is_some(), "{field} is missing in {key}");
        }
        assert_eq!(key["purpose"], purpose);
        let usages: Vec<_> = key["usage"]
            .as_array()
            .unwrap()
            .iter()
            .map(|usage| usage.as_str().unwrap())
            .collect();
        assert_eq!(usages.join(" "), usage);
        assert_eq!(key["custody"], "envelope");
        assert_eq!(key["state"], "active");
        assert!(text(key, "wrapper_key_id").starts_with("local:"));
        let fingerprint = text(key, "fingerprint");
        assert!(fingerprint.len() == 68 && fingerprint.starts_with("1220"));
        let created = text(key, "created_at");
        assert!(created.len() == 27 && created.ends_with('Z'), "{created}");
    }
    let listed = sandbox.json(["keys", "list"]);
    assert_eq!(
        listed["keys"], document["keys"],
        "the two lists have the same form"
    );
}

#[test]
fn quickstart_tells_who_the_node_is_and_what_took_the_place_of_what() {
    let sandbox = Sandbox::new();
    let document = sandbox.json(["quickstart", "--node", "alice"]);
    let root = sandbox.key_named("alice-namespace");
    let identity = &document["identity"];
    assert_eq!(identity["member"], format!("PAR::alice::{root}"));
    let rotations = document["rotations"].as_array().unwrap();
    assert_eq!(rotations.len(), ROTATED);
    let announced = identity["keys"].as_array().unwrap();
    for (rotation, announced) in rotations.iter().zip(announced) {
        assert_eq!(rotation["state"], "retired");
        assert_eq!(rotation["new"], announced["fingerprint"]);
    }
    let namespace = &document["delegations"][0];
    assert_eq!(namespace["namespace"], root);
    assert_eq!(namespace["keys"][0]["fingerprint"], root);
    assert_eq!(namespace["members"][0]["name"], identity["member"]);
    assert_eq!(
        sandbox.json(["topology", "graph"])["namespaces"],
        document["delegations"]
    );
}

#[test]
fn quickstart_leaves_a_node_that_follows_a_synchronizer_as_it_is() {
    let sandbox = Sandbox::new();
    let init = ["init", "--unprotected-key-file", "--kind", "sequencer"];
    let member = sandbox.json(init)["identity"]["member"].clone();
    sandbox
        .run(["topology", "export", "--out", "state.bin"])
        .succeeded();
    let store = "synchronizer:da::1220::34-0";
    sandbox
        .run(["topology", "import", "state.bin", "--store", store])
        .succeeded();
    let document = sandbox.json(["quickstart"]);
    assert_eq!(document["identity"]["member"], member);
    assert_eq!(document["rotations"], Value::Array(Vec::new()));
    assert!(text(&document, "not_rotated").contains(store), "{document}");
    let ran = sandbox.run(["quickstart"]).succeeded();
    let told = format!("\nno keys were rotated: the vault follows {store}");
    assert!(ran.text().contains(&told), "{}", ran.text());
    let keys = document["keys"].as_array().unwrap();
    assert!(keys.iter().all(|key| key["state"] == "active"));
}

#[test]
fn a_second_run_goes_on_with_the_same_keys() {
    let sandbox = Sandbox::new();
    let first = sandbox.json(["quickstart"]);
    let second = sandbox.json(["quickstart"]);
    assert_eq!(second["created"], false);
    assert_eq!(first["keys"], second["keys"]);
    assert_eq!(first["vault_id"], second["vault_id"]);
    // Opened twice, and nothing else was asked of the KMS.
    assert_eq!(second["kms_calls"], 2);
    let shown = sandbox.run(["quickstart"]).succeeded();
    assert!(shown.text().starts_with("Went on with vault "));
    assert!(!shown.text().contains("(first use)"), "{}", shown.text());
    assert!(
        shown.text().contains("node-signing") && shown.text().contains("(in use)"),
        "{}",
        shown.text()
    );
    assert!(
        shown
            .text()
            .contains("\nno keys were rotated: they were rotated by a run before"),
        "{}",
        shown.text()
    );
    assert_eq!(first["not_rotated"], Value::Null);
    assert_eq!(first["identity_changes"][0], "identity made");
    assert_eq!(second["identity_changes"], Value::Array(Vec::new()));
}

#[test]
fn quickstart_adds_what_is_missing_to_a_vault_of_init() {
    let sandbox = Sandbox::new();
    sandbox
        .run(["init", "--unprotected-key-file", "--node", "mediator1"])
        .succeeded();
    let document = sandbox.json(["quickstart"]);
    let keys = document["keys"].as_array().unwrap();
    assert_eq!(keys.len(), NODE_KEYS.len() + ROTATED);
    // The name of the node stands in the configuration.
    named(keys, "mediator1-namespace");
    // An announced key that is gone is missed, and not made anew under another fingerprint.
    let signing = sandbox.key_named("mediator1-signing");
    let delete = [
        "keys",
        "delete",
        &signing,
        "--yes",
        "--danger-even-if-announced",
    ];
    sandbox.run(delete).succeeded();
    let ran = sandbox.refuses(["quickstart"], "KEY_NOT_FOUND", 3);
    assert!(ran.stderr.contains(&signing), "{}", ran.stderr);
}

#[test]
fn a_name_that_no_node_can_have_is_refused_before_a_vault_is_made() {
    let sandbox = Sandbox::new();
    for name in ["über", "a::b"] {
        let quickstart = ["quickstart", "--node", name];
        sandbox.refuses(quickstart, "TOPOLOGY_IDENTIFIER_INVALID", 2);
        assert!(!sandbox.vault().exists());
    }
}

#[test]
fn quickstart_reads_nothing_from_standard_input() {
    let sandbox = Sandbox::new();
    let mut input = File::open(sandbox.write("input", "yes\n")).unwrap();
    let mut command = sandbox.command(["quickstart"]);
    // The two descriptors share one position.
    command.stdin(input.try_clone().unwrap());
    Ran::of(command).succeeded();
    assert_eq!(input.stream_position().unwrap(), 0);
}

#[test]
fn only_its_owner_can_look_into_what_quickstart_made() {
    let sandbox = Sandbox::with_quickstart();
    for (path, (mode, _)) in sandbox.snapshot() {
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
    let keys = sandbox.keys_folder();
    for folder in [sandbox.vault(), keys.clone(), keys.parent().unwrap().into()] {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&folder).unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "{}", folder.display());
    }
}

#[test]
fn copying_the_vault_s_folder_does_not_copy_its_key() {
    let sandbox = Sandbox::with_quickstart();
    let names = fs::read_dir(sandbox.vault()).unwrap();
    let mut names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["lock", "strongroom.toml", "vault.db"]);
    assert!(sandbox.keys_folder().join("kms.key").is_file());
    assert!(sandbox.keys_folder().join("anchor.json").is_file());
}

#[test]
fn quickstart_does_not_fill_a_folder_with_something_else_in_it() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.vault()).unwrap();
    sandbox.set_mode("vault", 0o700);
    sandbox.write("vault/thesis.txt", "chapter 1");
    sandbox.refuses(["quickstart"], "FOLDER_IN_USE", 3);
    fs::remove_file(sandbox.path("vault/thesis.txt")).unwrap();
    sandbox.run(["quickstart"]).succeeded();
}

#[test]
fn a_run_that_was_killed_while_it_wrote_the_configuration_is_repeated() {
    for command in [&["quickstart"][..], &["init", "--unprotected-key-file"]] {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.vault()).unwrap();
        sandbox.set_mode("vault", 0o700);
        let leftover = "vault/.strongroom.toml.4194304-0.partial";
        sandbox.write(leftover, "[vault");
        sandbox.run(command).succeeded();
        assert!(!sandbox.path(leftover).exists());
    }
}

#[test]
fn a_lost_database_is_not_silently_replaced_by_a_new_vault() {
    let sandbox = Sandbox::with_quickstart();
    let database = sandbox.path("vault/vault.db");
    let contents = fs::read(&database).unwrap();
    fs::remove_file(&database).unwrap();
    for args in [&["quickstart"][..], &["init", "--unprotected-key-file"]] {
        sandbox.refuses(args, "DATABASE_GONE", 5);
    }
    fs::write(&database, "").unwrap();
    sandbox.set_mode("vault/vault.db", 0o600);
    sandbox.refuses(["quickstart"], "DATABASE_GONE", 5);
    fs::write(&database, contents).unwrap();
    sandbox.run(["quickstart"]).succeeded();
}

#[test]
fn a_namespace_key_that_is_gone_is_not_replaced_by_a_new_identity() {
    let sandbox = Sandbox::with_quickstart();
    let namespace = sandbox.key_named("node-namespace");
    sandbox.export(&namespace, "key-pair", "namespace.key");
    sandbox
        .run([
            "keys",
            "delete",
            &namespace,
            "--yes",
            "--danger-even-if-announced",
        ])
        .succeeded();
    let ran = sandbox.refuses(["quickstart"], "NAMESPACE_KEY_GONE", 3);
    assert!(ran.stderr.contains("node-namespace"), "{}", ran.stderr);
    // A key of that name for something else is not it.
    let other = [
        "keys",
        "generate-signing",
        "--usage",
        "protocol",
        "--name",
        "node-namespace",
    ];
    sandbox.run(other).succeeded();
    sandbox.refuses(["quickstart"], "NAMESPACE_KEY_GONE", 3);
    // Nor is its public half, and the advice works.
    let import = [
        "keys",
        "import",
        "namespace.key",
        "--name",
        "node-namespace",
    ];
    sandbox.run(import).succeeded();
    let again = sandbox.json(["quickstart"]);
    let listed = again["keys"].as_array().unwrap();
    assert!(listed.iter().any(|key| key["fingerprint"] == *namespace));
    assert_eq!(
        listed.len(),
        NODE_KEYS.len() + ROTATED + 1,
        "no key was made"
    );
}

#[test]
fn quickstart_takes_a_key_by_its_name_only_for_what_it_is_for() {
    let sandbox = Sandbox::with_vault();
    let wrong = [
        "keys",
        "generate-signing",
        "--usage",
        "sequencer-auth",
        "--name",
        "other-signing",
    ];
    sandbox.edit_config(|text| text.replace("node = \"node\"", "node = \"other\""));
    let namespace = [
        "keys",
        "generate-signing",
        "--usage",
        "namespace",
        "--name",
        "other-namespace",
    ];
    for args in [wrong, namespace] {
        sandbox.run(args).succeeded();
    }
    let document = sandbox.json(["quickstart"]);
    let keys = document["keys"].as_array().unwrap().iter();
    let named: Vec<_> = keys.filter(|key| key["name"] == "other-signing").collect();
    assert_eq!(
        named.len(),
        2,
        "one was made beside the one that is not for it"
    );
    // From then on that one is taken.
    let again = sandbox.json(["quickstart"]);
    assert_eq!(again["keys"], document["keys"]);
}

#[test]
fn many_that_make_one_vault_at_once_make_one_vault() {
    let sandbox = Sandbox::new();
    let spawn = || {
        let mut command = sandbox.command(["quickstart", "--output", "json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let children: Vec<_> = std::iter::repeat_with(spawn).take(6).collect();
    let mut ids = Vec::new();
    for child in children {
        let ran = Ran::from(child.wait_with_output().unwrap());
        if ran.status == 0 {
            ids.push(text(&ran.json(), "vault_id"));
        } else {
            let busy = ["STORE_LOCKED", "STORE_ALREADY_A_VAULT"];
            assert!(
                ran.code().is_some_and(|code| busy.contains(&code)),
                "{ran:?}"
            );
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let doctor = sandbox.json(["doctor"]);
    assert_eq!(
        (text(&doctor, "vault_id"), &doctor["healthy"]),
        (ids.remove(0), &true.into())
    );
    sandbox.keys_folder();
}

#[test]
fn what_quickstart_proposes_works_in_a_folder_with_spaces_too() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path("it's a vault");
    let dir = dir.to_str().unwrap();
    let ran = sandbox.run(["quickstart", "--dir", dir]).succeeded();
    let (_, proposals) = ran.text().split_once("Try next:\n").unwrap();
    let line = proposals
        .lines()
        .find(|line| line.contains("keys list"))
        .unwrap();
    let line = line.replace("strongroom ", &format!("{} ", crate::support::STRONGROOM));
    Ran::of(sandbox.program("sh", ["-c", &line])).succeeded();
}

fn named<'a>(keys: &'a [Value], name: &str) -> &'a Value {
    keys.iter()
        .find(|key| key["name"] == name)
        .unwrap_or_else(|| panic!("no key {name}"))
}

fn beginning_with<'a>(keys: &'a [Value], name: &str) -> &'a Value {
    let begins = |key: &&Value| text(key, "name").starts_with(name);
    keys.iter()
        .find(begins)
        .unwrap_or_else(|| panic!("no {name}"))
}
