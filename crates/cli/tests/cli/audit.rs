//! The audit log: read, exported, verified elsewhere, and held against what a cloud wrote down.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    other_kms::Cloud,
    support::{Sandbox, text},
};

fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A vault with some history, its export, and the audit key in a file.
fn exported() -> Sandbox {
    let sandbox = Sandbox::with_vault();
    sandbox.signing_key("ec-curve-25519", "protocol");
    sandbox.signing_key("ec-p256", "protocol");
    let file = sandbox.path("audit.jsonl");
    let exported = sandbox.json(["audit", "export", arg(&file)]);
    assert_eq!(exported["records"], 4, "{exported}");
    let key = sandbox.json(["audit", "key"]);
    assert_eq!(key["fingerprint"], exported["audit_keys"][0]["fingerprint"]);
    sandbox.write("audit.pem", text(&key, "public_key"));
    sandbox
}

fn verify<'a>(file: &'a Path, key: &'a str, known: [&'a str; 2]) -> Vec<&'a str> {
    let mut args = vec!["audit", "verify", "--export", arg(file), "--audit-key", key];
    args.extend(known);
    args
}

#[test]
fn an_export_is_verified_with_a_key_and_an_anchor_and_no_vault() {
    let sandbox = exported();
    let anchor = sandbox.keys_folder().join("anchor.json");
    let copy = sandbox.path("anchor.json");
    fs::copy(anchor, &copy).unwrap();
    let key = sandbox.path("audit.pem");
    // The vault is not there any more.
    fs::rename(sandbox.vault(), sandbox.path("elsewhere")).unwrap();
    let file = sandbox.path("audit.jsonl");
    let by_anchor = verify(&file, arg(&key), ["--anchor", arg(&copy)]);
    let verified = sandbox.json(&by_anchor);
    assert_eq!(
        (&verified["valid"], &verified["records"]),
        (&json!(true), &json!(4))
    );
    assert_eq!(verified["checkpoint"], 4);
    let head = format!("4:{}", text(&verified, "head"));
    let fingerprint = text(&verified["audit_keys"][0], "fingerprint");
    let by_head = verify(&file, &fingerprint, ["--head", &head]);
    sandbox.run(&by_head).succeeded();

    let exported = fs::read_to_string(&file).unwrap();
    let changed = exported.replace("generate_key", "delete_key");
    let changed = sandbox.write("changed.jsonl", changed);
    let refused = verify(&changed, &fingerprint, ["--head", &head]);
    sandbox.run(&refused).failed("AUDIT_EXPORT_BROKEN", 5);
    let cut: Vec<_> = exported.lines().take(4).collect();
    let cut = sandbox.write("cut.jsonl", cut.join("\n") + "\n");
    let refused = verify(&cut, &fingerprint, ["--head", &head]);
    sandbox.run(&refused).failed("AUDIT_EXPORT_INCOMPLETE", 5);
    let stranger = "1220".to_owned() + &"ab".repeat(32);
    let refused = verify(&file, &stranger, ["--head", &head]);
    sandbox.run(&refused).failed("AUDIT_EXPORT_NOT_SIGNED", 5);
}

#[test]
fn an_export_does_not_take_the_place_of_a_file_and_a_head_is_not_optional() {
    let sandbox = exported();
    let file = sandbox.path("audit.jsonl");
    let before = fs::read(&file).unwrap();
    let again = sandbox.run(["audit", "export", arg(&file)]);
    assert_ne!(again.status, 0);
    assert_eq!(fs::read(&file).unwrap(), before);
    let key = sandbox.path("audit.pem");
    let headless = [
        "audit",
        "verify",
        "--export",
        arg(&file),
        "--audit-key",
        arg(&key),
    ];
    sandbox.run(headless).failed("WRONG_USAGE", 2);
}

#[test]
fn records_are_listed_by_key_caller_operation_and_time() {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.signing_key("ec-curve-25519", "protocol");
    sandbox.signing_key("ec-p256", "protocol");
    let count = |more: &[&str]| {
        let args = [&["audit", "list"], more].concat();
        sandbox.json(args)["records"].as_array().unwrap().len()
    };
    assert_eq!(count(&[]), 3);
    assert_eq!(count(&["--key", &key[..20]]), 1);
    assert_eq!(count(&["--operation", "generate_key"]), 2);
    assert_eq!(count(&["--operation", "generate_key", "--last", "1"]), 1);
    assert_eq!(count(&["--caller", "nobody"]), 0);
    assert_eq!(count(&["--since", "1h"]), 3);
    assert_eq!(count(&["--since", "2999-01-01T00:00:00Z"]), 0);
    sandbox
        .run(["audit", "list", "--since", "yesterday"])
        .failed("BAD_ARGUMENT", 2);
    let tail = sandbox.json(["audit", "tail", "--last", "2"]);
    assert_eq!(tail["records"].as_array().unwrap().len(), 2);
    sandbox
        .run(["audit", "tail", "--follow"])
        .failed("FOLLOWS_NOBODY", 7);
}

#[test]
fn signatures_are_on_record_where_the_configuration_asks_for_it() {
    let sandbox = Sandbox::with_vault();
    let key = sandbox.signing_key("ec-curve-25519", "protocol");
    let message = sandbox.write("message", "a message");
    let sign = || {
        let out = sandbox.path("signature");
        let args = [
            "sign",
            "--key",
            &key,
            arg(&message),
            "--force",
            "--out",
            arg(&out),
        ];
        sandbox.run(args).succeeded();
        let listed = sandbox.json(["audit", "list", "--operation", "sign"]);
        listed["records"].as_array().unwrap().clone()
    };
    assert_eq!(sign().len(), 0);
    for (level, expected) in [("each", 1), ("batched", 2)] {
        sandbox.edit_config(|text| {
            let text = text.split("[audit]").next().unwrap().to_owned();
            format!("{text}\n[audit]\nsignatures = \"{level}\"\n")
        });
        let records = sign();
        assert_eq!(records.len(), expected, "{level}");
        assert_eq!(records[expected - 1]["key"], key.as_str());
    }
    sandbox.json(["audit", "verify"]);
}

#[test]
fn what_names_no_operation_or_key_of_the_log_is_refused_rather_than_found_nowhere() {
    let sandbox = Sandbox::with_vault();
    for verb in ["list", "tail"] {
        let ran = sandbox.run(["audit", verb, "--operation", "keys.export"]);
        let ran = ran.failed("WRONG_USAGE", 2);
        assert!(ran.stderr.contains("export_key"), "{}", ran.stderr);
        let named = ["audit", verb, "--key", "node-signing"];
        sandbox.run(named).failed("BAD_ARGUMENT", 2);
        for beginning in ["12", "1220", "1220ab"] {
            sandbox.run(["audit", verb, "--key", beginning]).succeeded();
        }
    }
}

/// A vault in the cloud, with the log of its calls and what the cloud wrote down.
fn in_cloud() -> (Cloud, String) {
    let cloud = Cloud::new();
    let log = cloud.sandbox.path("kms.log");
    let logged = |args: &[&str]| {
        let mut command = cloud.sandbox.command(args);
        command.env("KMS_LOG_FILE_NAME", &log);
        crate::support::Ran::of(command).succeeded()
    };
    logged(&cloud.init(&[]));
    logged(&["keys", "list"]);
    logged(&["wrapper-key", "rotate"]);
    let log = arg(&log).to_owned();
    (cloud, log)
}

fn reconciled(cloud: &Cloud, log: &str, trail: &Value) -> (i32, Value) {
    let trail = cloud.sandbox.write("trail.json", trail.to_string());
    let args = [
        "audit",
        "reconcile",
        "--kms-log",
        log,
        "--cloudtrail",
        arg(&trail),
        "--output",
        "json",
    ];
    let ran = cloud.sandbox.run(args);
    (ran.status, ran.json())
}

#[test]
fn the_log_of_kms_calls_agrees_with_what_the_cloud_wrote_down() {
    let (cloud, log) = in_cloud();
    let (status, report) = reconciled(&cloud, &log, &cloud.simulator.cloudtrail());
    assert_eq!(status, 0, "{report}");
    assert_eq!(report["agree"], true);
    assert!(report["matched"].as_u64().unwrap() >= 4, "{report}");
}

#[test]
fn a_log_of_the_cloud_that_is_empty_or_of_another_time_agrees_with_nothing() {
    let (cloud, log) = in_cloud();
    let compare = |trail: &Value, more: &[&str]| {
        let trail = cloud.sandbox.write("trail.json", trail.to_string());
        let args = ["audit", "reconcile", "--kms-log", &log, "--cloudtrail"];
        let args = [&args[..], &[arg(&trail)], more].concat();
        cloud
            .sandbox
            .run([&args[..], &["--output", "json"]].concat())
    };
    let whole = [
        "--from",
        "2000-01-01T00:00:00Z",
        "--to",
        "2100-01-01T00:00:00Z",
    ];
    let empty = json!({ "Records": [] });
    for more in [&[][..], &whole[..2], &whole[2..]] {
        compare(&empty, more).failed("NO_PERIOD", 2);
    }
    let swapped = ["--from", whole[3], "--to", whole[1]];
    let all = cloud.simulator.cloudtrail();
    for (trail, more) in [
        (&empty, &swapped[..]),
        (&all, &swapped),
        // After the last event, and before the first.
        (&all, &swapped[..2]),
        (&all, &swapped[2..]),
    ] {
        compare(trail, more).failed("NO_PERIOD", 2);
    }
    let lacking = compare(&empty, &whole);
    assert_eq!(lacking.status, 1);
    assert!(!lacking.json()["not_theirs"].as_array().unwrap().is_empty());
    // All of it is near an edge, by clocks that differ so much: that leaves it open.
    let century = u32::MAX.to_string();
    let told = compare(&empty, &[&whole[..], &["--tolerance", &century]].concat());
    let report = told.json();
    assert_eq!((told.status, &report["agree"]), (1, &json!(false)));
    assert_eq!(report["not_theirs"], json!([]));
    let open = report["not_theirs_at_edge"].as_array().unwrap();
    assert!(!open.is_empty(), "{report}");

    // Of somebody else, and of last year.
    let mut foreign = cloud.simulator.cloudtrail();
    let records = foreign["Records"].as_array_mut().unwrap();
    records.retain(|record| record["eventName"] == "Decrypt");
    records.truncate(1);
    records[0]["requestID"] = json!("somebody-elses");
    records[0]["eventTime"] = json!("2025-01-31T12:00:00Z");
    let key = ["--key", "another"];
    for field in ["resources", "requestParameters", "responseElements"] {
        records[0][field] = Value::Null;
    }
    let told = compare(&foreign, &key);
    assert_eq!((told.status, &told.json()["agree"]), (1, &json!(false)));
    assert!(told.json()["undecided"].as_u64().unwrap() >= 4);
    // Who says that it is of another time has it so.
    let other_time = [
        "--from",
        "2025-01-01T00:00:00Z",
        "--to",
        "2026-01-01T00:00:00Z",
    ];
    let told = compare(&foreign, &[&key[..], &other_time].concat());
    assert_eq!((told.status, &told.json()["undecided"]), (0, &json!(0)));
}

#[test]
fn the_clouds_log_is_taken_as_it_is_delivered_packed_and_each_event_once_or_more() {
    let (cloud, log) = in_cloud();
    let trail = cloud.simulator.cloudtrail();
    let text = trail.to_string();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, text.as_bytes()).unwrap();
    let packed = cloud
        .sandbox
        .write("trail.json.gz", packed.finish().unwrap());
    let lines = trail["Records"].as_array().unwrap().iter();
    let lines: String = lines.map(|record| format!("{record}\n")).collect();
    let lines = cloud.sandbox.write("trail.jsonl", lines);
    let args = ["audit", "reconcile", "--kms-log", &log, "--cloudtrail"];
    let files = [arg(&packed), arg(&lines)];
    let report = cloud.sandbox.json([&args[..], &files].concat());
    assert_eq!(report["agree"], true, "{report}");
}

#[test]
fn a_use_of_the_key_by_somebody_else_and_a_call_that_the_cloud_lacks_are_told() {
    let (cloud, log) = in_cloud();
    let trail = cloud.simulator.cloudtrail();
    let records = trail["Records"].as_array().unwrap();
    let position = records
        .iter()
        .position(|record| record["eventName"] == "Decrypt")
        .unwrap();

    let mut theirs = trail.clone();
    let mut stranger = records[position].clone();
    stranger["requestID"] = json!("somebody-elses");
    stranger["userIdentity"]["arn"] = json!("arn:aws:iam::111122223333:user/mallory");
    theirs["Records"].as_array_mut().unwrap().push(stranger);
    let (status, report) = reconciled(&cloud, &log, &theirs);
    assert_eq!(status, 1, "{report}");
    let not_ours = report["not_ours"].as_array().unwrap();
    assert_eq!(not_ours.len(), 1, "{report}");
    assert_eq!(not_ours[0]["by"], "arn:aws:iam::111122223333:user/mallory");
    assert_eq!(report["not_theirs"], json!([]));

    let mut lacking = trail.clone();
    lacking["Records"].as_array_mut().unwrap().remove(position);
    let (status, report) = reconciled(&cloud, &log, &lacking);
    assert_eq!(status, 1, "{report}");
    assert_eq!(report["not_ours"], json!([]));
    assert_eq!(
        report["not_theirs"].as_array().unwrap().len(),
        1,
        "{report}"
    );
}

#[test]
fn a_use_of_a_key_that_our_log_does_not_name_is_not_waved_through() {
    let (cloud, _log) = in_cloud();
    let trail = cloud.simulator.cloudtrail();
    let mut records = trail["Records"].as_array().unwrap().iter();
    let stranger = records.rfind(|record| record["eventName"] == "Decrypt");
    let mut stranger = stranger.unwrap().clone();
    stranger["requestID"] = json!("somebody-elses");
    let key = text(&stranger["resources"][0], "ARN");
    let trail = json!({ "Records": [stranger] });
    // On a day on which the vault was not opened.
    let log = cloud.sandbox.write("quiet.log", "");
    let (status, report) = reconciled(&cloud, arg(&log), &trail);
    assert_eq!(status, 1, "{report}");
    assert_eq!(report["agree"], false);
    let unknown = report["unknown_keys"].as_array().unwrap();
    let [unknown] = &unknown[..] else {
        panic!("{report}");
    };
    assert!(key.ends_with(unknown.as_str().unwrap()), "{report}");

    let args = |key| {
        let trail = cloud.sandbox.path("trail.json");
        let flags = ["--kms-log", arg(&log), "--cloudtrail", arg(&trail)];
        let command = ["audit", "reconcile", "--output", "json"];
        let args = [&command[..], &flags, &["--key", key]].concat();
        let ran = cloud.sandbox.run(args);
        (ran.status, ran.json())
    };
    let (status, report) = args(&key);
    assert_eq!(
        (status, report["not_ours"].as_array().unwrap().len()),
        (1, 1)
    );
    let (status, report) = args("another");
    assert_eq!((status, &report["other_keys"]), (0, &json!(1)));
}
