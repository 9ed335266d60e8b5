//! What looks after a vault, over the network.

use std::collections::BTreeSet;

use serde_json::Value;
use strongroom_crypto::SigningKeySpec;

use super::{There, used};
use crate::{
    offline_root::Site,
    support::{Ran, Sandbox, text},
};

const STORE: &str =
    "synchronizer:da::12200000000000000000000000000000000000000000000000000000000000000000::34-0";

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn numbers_for_monitoring_come_from_a_server_as_from_the_vault() {
    let sandbox = used();
    // In whatever order: labels have none.
    let lines = |text: &str, start: &str| {
        let lines = text.lines().filter(|line| line.starts_with(start));
        lines.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let here = sandbox.run(["metrics"]).succeeded();
    let there = There::start(&sandbox);
    let told = there.run(&["metrics"]).succeeded();
    for start in ["#", "strongroom_private_keys{", "strongroom_backups{"] {
        let here = lines(here.text(), start);
        assert!(!here.is_empty(), "{start}");
        assert_eq!(here, lines(told.text(), start));
    }
    assert!(there.serving.end().success());
}

#[test]
fn a_server_looks_its_vault_over_and_says_what_the_vault_itself_can_see() {
    let sandbox = used();
    let here = sandbox.json(["doctor"]);
    let there = There::start(&sandbox);
    let told = there.json(&["doctor"]);
    for field in ["healthy", "vault_id", "keys"] {
        assert_eq!(here[field], told[field], "{field}");
    }
    assert_eq!(told["kms_calls"], Value::Null);
    let checks = |report: &Value| report["checks"].as_array().unwrap().clone();
    assert!(!checks(&told).is_empty());
    let named: Vec<_> = checks(&told).iter().map(|it| text(it, "name")).collect();
    assert!(named.iter().any(|name| name == "audit"), "{named:?}");
    // Nothing of this machine, which says nothing about that one.
    assert!(named.iter().all(|name| name != "memory"), "{named:?}");
    let table = there.run(&["doctor"]).succeeded();
    assert!(table.text().contains("ok "), "{}", table.text());
    assert!(there.serving.end().success());
}

#[test]
fn a_snapshot_is_replayed_by_a_server_as_it_is_by_the_vault() {
    let sandbox = used();
    for format in ["snapshot-v1", "snapshot-v2"] {
        let export = format!("topology export --format {format} --out {format}");
        sandbox.run(words(&export)).succeeded();
    }
    let import = |file: &str, serial: u32| {
        let store = STORE.replace("34-0", &format!("34-{serial}"));
        format!("topology import {file} --store {store}")
    };
    let here = sandbox.json(words(&import("snapshot-v2", 0)));
    let there = There::start(&sandbox);
    for (serial, file) in [(1, "snapshot-v1"), (2, "snapshot-v2")] {
        let told = there.json(&words(&import(file, serial)));
        for field in ["accepted", "rejected", "unexpected", "transactions"] {
            assert_eq!(here[field], told[field], "{file}: {field}");
        }
    }
    assert!(here["accepted"].as_u64().unwrap() > 3, "{here}");
    there
        .run(&words(&import("snapshot-v2", 0)))
        .failed("TOPOLOGY_STORE_NOT_EMPTY", 3);
    there
        .run(&words(&format!(
            "topology list --store {}",
            STORE.replace("34-0", "34-2")
        )))
        .succeeded();
    assert!(there.serving.end().success());
}

#[test]
fn certificates_that_were_made_offline_come_into_a_server_s_vault_in_any_order() {
    let site = Site::new(SigningKeySpec::EcP256);
    site.certify();
    let sandbox = used();
    let member = text(&sandbox.json(["topology", "stores"]), "member");
    let there = There::start(&sandbox);
    let certificates = ["node.cert", "root.cert"].map(|name| site.sandbox.path(name));
    let certificates = certificates.map(|path| path.display().to_string());
    let import: Vec<_> = ["topology", "root", "import"]
        .into_iter()
        .chain(certificates.iter().map(String::as_str))
        .collect();
    let imported = there.run(&[&import[..], &["--output", "json"]].concat());
    let imported = imported.succeeded().json();
    assert_eq!(imported["accepted"], 2, "{imported}");
    assert_eq!(imported["identity"]["member"], *member);
    assert!(there.serving.end().success());
    let again = sandbox.run([&import[..], &["--output", "json"]].concat());
    assert_eq!(again.succeeded().json()["unchanged"], 2);
    // The identity of a node is made where its vault is.
    let nobody = Sandbox::with_vault();
    let there = There::start(&nobody);
    there.run(&import).failed("FLAG_MISSING", 2);
    let with_kind = [&import[..], &["--kind", "participant"]].concat();
    there.run(&with_kind).failed("NOT_OVER_THE_NETWORK", 7);
    assert!(there.serving.end().success());
}

#[test]
fn a_vault_that_one_process_has_has_nobody_to_step_down_for() {
    let sandbox = Sandbox::with_vault();
    let there = There::start(&sandbox);
    let ran = there.run(&["replicas", "step-down"]);
    ran.failed("ONE_PROCESS", 3);
    assert!(there.serving.end().success());
}

#[test]
fn who_may_do_what_on_a_server_and_what_its_session_keys_spare_is_said_from_afar() {
    let sandbox = used();
    let key = sandbox.signing_key("ec-p-256", "protocol");
    let user = rustix::process::getuid().as_raw();
    let socket = sandbox.path("socket").display().to_string();
    let rules = format!(
        "\n[server]\nsocket = {socket:?}\n\
         [[callers]]\nname = \"local\"\nunix-users = [{user}]\nrate-limit = 100000\n\
         [[callers.grants]]\nrole = \"auditor\"\n\
         [[callers.grants]]\noperations = [\"sign\"]\nkeys = [{key:?}]\nusages = [\"protocol\"]\n\
         [session-encryption-keys]\nreceiver-cache = {{ maximum-size = 5 }}\n"
    );
    sandbox.edit_config(|config| format!("{config}{rules}"));
    let commands = [
        "access list".to_owned(),
        "access explain local audit.read".to_owned(),
        "access explain local keys.delete".to_owned(),
        format!("access explain local sign {key}"),
        "session-keys show --groups 20".to_owned(),
    ];
    let here: Vec<_> = commands
        .iter()
        .map(|command| {
            (
                sandbox.run(words(command)).succeeded().stdout,
                sandbox.json(words(command)),
            )
        })
        .collect();
    let there = There::start(&sandbox);
    let endpoint = format!("unix:{socket}");
    for (command, (table, document)) in commands.iter().zip(here) {
        let run = |more: &[&str]| {
            let mut command = there.command(&[&words(command)[..], more].concat());
            command.env("STRONGROOM_ENDPOINT", &endpoint);
            Ran::of(command).succeeded()
        };
        let mut told = run(&["--output", "json"]).json();
        let counted = told.get_mut("counted").map(Value::take);
        assert_eq!(told, document, "{command}");
        // What is counted is counted there only.
        if let Some(counted) = counted {
            assert_eq!(counted["strongroom_session_signing_keys_made"], 0.0);
            let shown = run(&[]).stdout;
            assert!(
                shown.starts_with(&table) && shown.len() > table.len(),
                "{command}"
            );
        } else {
            assert_eq!(run(&[]).stdout, table, "{command}");
        }
    }
    assert!(there.serving.end().success());
}
