//! Separated duties, and the alarm about wrapper keys that cannot be used.

use std::fs;

use rustix::process::geteuid;
use serde_json::Value;
use strongroom_kms_sim::Administrator;

use crate::{
    other_kms::Cloud,
    support::{Ran, Sandbox, text},
};

const REGION: &str = "eu-central-1";

fn checks<'a>(doctor: &'a Value, name: &str) -> Vec<&'a Value> {
    let checks = doctor["checks"].as_array().unwrap();
    let named = checks.iter().filter(|check| check["name"] == name);
    named.collect()
}

fn doctor(sandbox: &Sandbox) -> Ran {
    sandbox.run(["doctor", "--output", "json"])
}

#[test]
fn doctor_warns_when_one_user_of_the_system_has_the_key_file_and_the_database() {
    let sandbox = Sandbox::with_vault();
    let report = sandbox.json(["doctor"]);
    assert_eq!(report["healthy"], true, "a warning fails nothing");
    let [extraction, principals, decryption] = checks(&report, "duties")[..] else {
        panic!("{report}");
    };
    assert_eq!(extraction["status"], "warning");
    let told = text(extraction, "detail");
    assert!(told.contains("nothing guards a copy"), "{told}");

    assert_eq!(principals["status"], "warning");
    let us = format!("OS user {}", geteuid().as_raw());
    let told = text(principals, "detail");
    assert!(
        told.contains(&format!("the key file belongs to {us}"))
            && told.contains(&format!("the database belongs to {us}"))
            && told.contains("whoever takes over that user"),
        "{told}"
    );
    let told = text(decryption, "detail");
    assert!(
        told.contains("whoever reads the key file may decrypt"),
        "{told}"
    );
}

#[test]
fn duties_are_looked_at_when_the_vault_does_not_open() {
    let sandbox = Sandbox::with_vault();
    fs::remove_file(sandbox.keys_folder().join("kms.key")).unwrap();
    let ran = doctor(&sandbox);
    assert_eq!(ran.status, 1);
    let report = ran.json();
    let principals = checks(&report, "duties")[1];
    assert_eq!(principals["status"], "warning");
    let told = text(principals, "detail");
    assert!(told.contains("not seen"), "{told}");
}

#[test]
fn a_simulator_guards_nothing_and_asks_nobody() {
    let cloud = Cloud::with_vault(&[]);
    let report = cloud.sandbox.json(["doctor"]);
    let [extraction, principals, decryption] = checks(&report, "duties")[..] else {
        panic!("{report}");
    };
    assert_eq!(extraction["status"], "warning");
    assert!(text(extraction, "detail").contains("simulator"));
    assert!(text(principals, "detail").contains("the database belongs to OS user"));
    assert!(text(decryption, "detail").contains("whoever reaches the simulator"));
}

/// Runs `doctor` and `wrapper-key check` on a vault with two wraps of one AWS, of which `break_it` spoils the first: the vault
/// opens by the second, and both commands fail with the code. Gives what `doctor` wrote to the log.
fn alarm(break_it: impl Fn(Administrator<'_>, &str), state: &str, code: &str) -> String {
    let cloud = Cloud::with_vault(&[]);
    let (sandbox, first) = (&cloud.sandbox, cloud.wrapper_key());
    let add = [
        "wrapper-key",
        "add",
        "--kms",
        "aws",
        "--i-know-it-will-open-every-key",
    ];
    sandbox.run(add).succeeded();
    let well = sandbox.json(["wrapper-key", "check"]);
    assert_eq!(well["all_usable"], true, "{well}");
    assert_eq!(checks(&sandbox.json(["doctor"]), "wrapper key").len(), 2);

    break_it(cloud.simulator.administrator(REGION), &first);
    let ran = sandbox.run(["doctor", "--output", "json", "--log-format", "json"]);
    assert_eq!(ran.status, 1);
    let report = ran.json();
    let found = checks(&report, "wrapper key");
    let failed: Vec<_> = found.iter().filter(|it| it["status"] == "failed").collect();
    assert_eq!((found.len(), failed.len()), (2, 1), "{report}");
    assert_eq!(failed[0]["code"], code);
    let told = text(failed[0], "detail");
    assert!(told.contains(&first) && told.contains(state), "{told}");

    let checked = sandbox.run(["wrapper-key", "check", "--output", "json"]);
    assert_eq!(checked.status, 1);
    let checked = checked.json();
    assert_eq!(checked["all_usable"], false, "{checked}");
    let keys = checked["wrapper_keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["wrapper_key_id"] == *first);
    let key = key.unwrap();
    assert_eq!((&key["state"], &key["code"]), (&state.into(), &code.into()));
    let table = sandbox.run(["wrapper-key", "check"]);
    assert!(table.text().contains(code), "{}", table.text());
    ran.stderr
}

#[test]
fn a_disabled_wrapper_key_fails_doctor_and_check_and_is_an_error_in_the_log() {
    let log = alarm(
        |administrator, key| administrator.disable_key(key).unwrap(),
        "disabled",
        "KMS_KEY_DISABLED",
    );
    let events = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let alarm = events.into_iter().find(|event| event["level"] == "ERROR");
    let fields = &alarm.unwrap()["fields"];
    assert_eq!(
        (&fields["kms"], &fields["state"]),
        (&"aws".into(), &"disabled".into())
    );
    assert!(fields["wrapper_key_id"].is_string(), "{fields}");
}

#[test]
fn a_wrapper_key_pending_deletion_fails_doctor_and_check() {
    alarm(
        |administrator, key| administrator.schedule_deletion(key, 7).unwrap(),
        "pending-deletion",
        "KMS_KEY_PENDING_DELETION",
    );
}

#[test]
fn the_only_wrapper_key_disabled_is_named_by_doctor_although_the_vault_does_not_open() {
    let cloud = Cloud::with_vault(&[]);
    let key = cloud.wrapper_key();
    let administrator = cloud.simulator.administrator(REGION);
    administrator.disable_key(&key).unwrap();
    let ran = doctor(&cloud.sandbox);
    assert_eq!(ran.status, 1);
    let report = ran.json();
    let found = checks(&report, "wrapper key");
    assert_eq!(found.len(), 1, "{report}");
    assert_eq!(found[0]["code"], "KMS_KEY_DISABLED");
    assert!(text(found[0], "detail").contains(&key));
}

#[test]
fn the_interval_of_the_checks_is_configured_with_a_unit() {
    let sandbox = Sandbox::with_vault();
    let section = "\n[kms-watch]\ncheck-wrapper-keys-every = \"15m\"\n";
    sandbox.edit_config(|text| text + section);
    sandbox.run(["keys", "list"]).succeeded();
    sandbox.edit_config(|text| text.replace("15m", "5s"));
    let refused = sandbox.run(["keys", "list"]);
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("check-wrapper-keys-every"),
        "{}",
        refused.stderr
    );
}
