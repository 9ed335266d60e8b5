//! Vaults whose private keys are in a KMS, which signs and decrypts.

use std::{
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use strongroom_kms_sim::{Fault, FaultKind, LostAnswer, Weather};

use crate::{
    other_kms::{Cloud, Token},
    support::{Sandbox, text},
};

fn assert_external(shown: &Value, kms: &str) {
    let checks = shown["checks"].as_array().unwrap();
    assert!(checks.len() > 10, "{shown}");
    assert!(
        checks.iter().all(|check| check["passed"] == true),
        "{shown}"
    );
    let keys = shown["keys"].as_array().unwrap();
    // The namespace key, and three that were rotated.
    assert_eq!(keys.len(), 7, "{shown}");
    for key in keys {
        assert_eq!(key["custody"], "external");
        assert_eq!(key["kms"], kms);
        assert!(key["kms_key_id"].is_string(), "{key}");
    }
}

#[test]
fn quickstart_makes_rotates_and_uses_keys_in_the_embedded_kms() {
    let sandbox = Sandbox::new();
    let shown = sandbox.json(["quickstart", "--custody", "external"]);
    assert_external(&shown, "local");
    let doctor = sandbox.json(["doctor"]);
    assert_eq!(doctor["healthy"], true, "{doctor}");
    sandbox.run(["kms", "orphans"]).succeeded();
}

#[test]
fn quickstart_makes_rotates_and_uses_keys_in_aws() {
    let cloud = Cloud::new();
    let mut args = cloud.init(&["--custody", "external"]);
    args[0] = "quickstart";
    assert_external(&cloud.sandbox.json(args), "aws");
    // The wrapper key and seven others.
    assert_eq!(cloud.simulator.keys().unwrap().len(), 8);
    cloud.sandbox.run(["kms", "orphans"]).succeeded();
}

#[test]
fn quickstart_makes_rotates_and_uses_keys_in_a_token() {
    let token = Token::new();
    let shown = token.quickstart(&["--custody", "external", "--output", "json"]);
    let shown = shown.succeeded().json();
    let checks = shown["checks"].as_array().unwrap();
    assert!(
        checks.iter().all(|check| check["passed"] == true),
        "{shown}"
    );
    // SoftHSM has no RSA-OAEP with SHA-256: what is encrypted to the node is decrypted here.
    for key in shown["keys"].as_array().unwrap() {
        let expected = match key["purpose"].as_str() {
            Some("signing") => "external",
            _ => "envelope",
        };
        assert_eq!(key["custody"], expected, "{key}");
    }
}

#[test]
fn a_signature_costs_one_call_and_no_metadata() {
    let cloud = Cloud::with_vault(&["--custody", "external"]);
    let key = cloud.sandbox.signing_key("ec-p-256", "protocol");
    let message = cloud.sandbox.write("message", "hello");
    cloud.simulator.reset_calls();
    let sign = ["sign", message.to_str().unwrap(), "--key", &key];
    cloud.sandbox.run(sign).succeeded();
    let calls = cloud.simulator.calls();
    let sent: Vec<_> = calls
        .iter()
        .map(|(name, count)| (name, count.arrived))
        .collect();
    assert_eq!(sent, [("Decrypt", 1), ("Sign", 1)], "open the vault, sign");
}

#[test]
fn a_key_that_was_made_in_aws_beforehand_is_registered_and_released() {
    let cloud = Cloud::with_vault(&["--custody", "external"]);
    let sandbox = &cloud.sandbox;
    let key = sandbox.signing_key("ec-p-384", "protocol");
    let id = text(&sandbox.json(["keys", "show", &key]), "kms_key_id");
    sandbox
        .run(["keys", "delete", &key, "--yes", "--keep-in-kms"])
        .succeeded();
    let gone = sandbox.run(["keys", "show", &key]);
    assert_eq!(gone.code(), Some("KEY_NOT_FOUND"));
    let register = ["keys", "register-signing", &id, "--usage", "protocol"];
    let registered = sandbox.json(register);
    assert_eq!(registered["fingerprint"], key);
    assert_eq!(registered["spec"], "ec-p-384");
    let wrong = ["keys", "register-encryption", &id];
    assert_eq!(sandbox.run(wrong).code(), Some("EXTERNAL_KEY_PURPOSE"));
    let unknown = ["keys", "register-encryption", "no-such-key"];
    assert_eq!(sandbox.run(unknown).code(), Some("KMS_KEY_NOT_FOUND"));
    let too_long = "k".repeat(301);
    let refused = sandbox.run(["keys", "register-encryption", &too_long]);
    assert_eq!(refused.status, 2, "{}", refused.stderr);

    sandbox.run(["keys", "delete", &key, "--yes"]).succeeded();
    let keys = cloud.simulator.keys().unwrap();
    let deleted = keys.iter().find(|key| key.id == id).unwrap();
    assert_eq!(deleted.state, "pending-deletion");
}

#[test]
fn a_key_whose_answer_was_lost_is_shown_and_can_be_adopted_or_deleted() {
    for act in ["--adopt", "--delete"] {
        let cloud = Cloud::with_vault(&["--custody", "external"]);
        let sandbox = &cloud.sandbox;
        let lose = Weather {
            lost_answers: vec![LostAnswer::next("CreateKey")],
            ..Weather::default()
        };
        cloud.simulator.set_weather(lose).unwrap();
        let generate = ["keys", "generate-signing", "--usage", "protocol"];
        let refused = sandbox.run([&generate[..], &["--name", "lost"]].concat());
        assert_eq!(
            refused.code(),
            Some("EXTERNAL_KEY_IN_DOUBT"),
            "{}",
            refused.stderr
        );
        let found = sandbox.run(["kms", "orphans", "--output", "json"]);
        assert_eq!(found.status, 1);
        let found = found.json();
        assert_eq!(found["journal"][0]["step"], "intended");
        assert_eq!(found["journal"][0]["name"], "lost");
        let orphan = &found["orphans"][0];
        assert_eq!(orphan["entry"], found["journal"][0]["entry"]);
        let doctor = sandbox.run(["doctor", "--output", "json"]).json();
        let checks = doctor["checks"].as_array().unwrap();
        let orphans = checks.iter().find(|check| check["name"] == "orphans");
        assert_eq!(orphans.unwrap()["status"], "warning", "{doctor}");

        let id = text(orphan, "kms_key_id");
        sandbox
            .run(["kms", "orphans", act, &id, "--kms", "aws"])
            .succeeded();
        let names = sandbox.json(["keys", "list"]);
        let adopted = names["keys"].as_array().map_or(0, Vec::len);
        assert_eq!(adopted, usize::from(act == "--adopt"), "{names}");
        sandbox.run(["kms", "orphans"]).succeeded();
    }
}

#[test]
fn an_init_that_is_killed_at_any_call_leaves_no_key_behind_that_the_next_one_does_not_take_up() {
    for calls in [1, 2, 4, 7, 12, 20] {
        let cloud = Cloud::new();
        let args = cloud.init(&["--custody", "external", "--kind", "participant"]);
        let slow = Weather {
            latency: Some(
                serde_json::from_value(serde_json::json!({"constant-ms": 20.0})).unwrap(),
            ),
            ..Weather::default()
        };
        cloud.simulator.set_weather(slow).unwrap();
        let mut command = cloud.sandbox.command(&args);
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        while cloud.simulator.calls().total() < calls {
            assert!(started.elapsed() < Duration::from_secs(60));
            if child.try_wait().unwrap().is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        cloud.sandbox.run(&args).succeeded();
        // The wrapper key; namespace, sequencer authentication, signing and encryption.
        let keys = cloud.simulator.keys().unwrap();
        assert_eq!(keys.len(), 5, "killed at call {calls}: {keys:?}");
        cloud.sandbox.run(["kms", "orphans"]).succeeded();
        assert_eq!(cloud.sandbox.json(["doctor"])["healthy"], true);
    }
}

#[test]
fn the_policy_for_deletion_allows_what_deleting_the_rest_of_an_import_needs() {
    let cloud = Cloud::with_vault(&[]);
    let sandbox = &cloud.sandbox;
    let made = sandbox.json(["keys", "generate-signing", "--usage", "protocol"]);
    // An administrator may not delete: what did not get its material stays.
    let denied = |operation| Fault::of(FaultKind::AccessDenied, operation, 1);
    let interrupted = Weather {
        faults: vec![denied("ImportKeyMaterial"), denied("ScheduleKeyDeletion")],
        ..Weather::default()
    };
    cloud.simulator.set_weather(interrupted).unwrap();
    let key = text(&made, "fingerprint");
    let migrate = ["keys", "migrate", &key, "--to", "external", "--kms", "aws"];
    assert_ne!(sandbox.run(migrate).status, 0);
    let found = sandbox.run(["kms", "orphans", "--output", "json"]).json();
    let orphan = text(&found["orphans"][0], "kms_key_id");

    let policy = |mode| {
        let roles = [
            "kms",
            "policy",
            "aws",
            "--for",
            "node,deletion",
            "--mode",
            mode,
        ];
        sandbox.json(roles)
    };
    let mut allowed = Vec::new();
    for statement in policy("external")["Statement"].as_array().unwrap() {
        let actions = statement["Action"].as_array().unwrap();
        allowed.extend(
            actions
                .iter()
                .map(|action| action.as_str().unwrap().to_owned()),
        );
    }
    cloud.simulator.reset_calls();
    let delete = ["kms", "orphans", "--delete", &orphan, "--kms", "aws"];
    sandbox.run(delete).succeeded();
    let calls = cloud.simulator.calls();
    assert_eq!(calls.of("ScheduleKeyDeletion").succeeded, 1);
    for (operation, _count) in calls.iter() {
        let action = format!("kms:{operation}");
        assert!(allowed.contains(&action), "{action} is not in {allowed:?}");
    }
    sandbox.run(["kms", "orphans"]).succeeded();
}

/// A token destroys at once, so the vault waits before it tells it to.
#[test]
fn a_key_that_left_stays_in_a_token_until_it_is_due_and_can_be_kept() {
    let token = Token::new();
    token.quickstart(&["--custody", "external"]).succeeded();
    let json = |args: &[&str]| {
        let args = [args, &["--output", "json"]].concat();
        token.run(&args).succeeded().json()
    };
    let made = |name: &str| {
        let new = [
            "keys",
            "generate-signing",
            "--usage",
            "protocol",
            "--name",
            name,
        ];
        let key = json(&new);
        (
            text(&key, "fingerprint"),
            text(&key, "kms_key_id"),
            text(&key, "kms"),
        )
    };
    let (key, id, kms) = made("first");
    let deleted = json(&["keys", "delete", &key, "--yes"]);
    assert!(deleted["destroyed_at"].is_string(), "{deleted}");
    let shown = json(&["kms", "orphans"]);
    assert_eq!(shown["journal"][0]["step"], "scheduled", "{shown}");
    assert_eq!(shown["journal"][0]["due_at"], deleted["destroyed_at"]);
    json(&["doctor"]);

    let kept = ["kms", "orphans", "--keep", &id, "--kms", &kms];
    // Nobody uses it now, and that is shown.
    assert_eq!(token.run(&kept).status, 1);
    token.run(&kept).failed("NO_JOURNAL_ENTRY", 3);
    let again = ["keys", "register-signing", &id, "--usage", "protocol"];
    token.run(&again).succeeded();
    json(&["keys", "delete", &key, "--yes"]);
    let at_once = ["kms", "orphans", "--delete", &id, "--kms", &kms];
    let waiting = token.run(&at_once).succeeded();
    assert!(
        waiting.text().contains("is to be destroyed at"),
        "{}",
        waiting.text()
    );
    let gone = json(&[&at_once[..], &["--danger-now"]].concat());
    assert_eq!(gone["journal"], serde_json::json!([]), "{gone}");
    token.run(&again).failed("KMS_KEY_NOT_FOUND", 3);

    // The next command after it is due.
    token
        .sandbox
        .edit_config(|text| text.replace("[custody]\n", "[custody]\ndestroy-after = \"1ms\"\n"));
    let (key, id, _kms) = made("second");
    let deleted = json(&["keys", "delete", &key, "--yes"]);
    assert!(deleted["destroyed_at"].is_string(), "{deleted}");
    json(&["keys", "list"]);
    assert_eq!(json(&["kms", "orphans"])["journal"], serde_json::json!([]));
    let again = ["keys", "register-signing", &id, "--usage", "protocol"];
    token.run(&again).failed("KMS_KEY_NOT_FOUND", 3);
}
