//! `incident`, and how old keys are, as `doctor` tells it.

use serde_json::Value;

use crate::support::{Sandbox, text};

fn commands(plan: &Value) -> Vec<String> {
    let steps = plan["steps"].as_array().unwrap().iter();
    let commands = steps.flat_map(|step| step["commands"].as_array().unwrap());
    commands
        .map(|command| command.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_plan_for_a_key_is_followed_and_the_next_one_says_that_it_is_over() {
    let sandbox = Sandbox::with_participant("alice");
    let key = sandbox.key_named("alice-signing");
    let before = sandbox.snapshot();
    let plan = sandbox.json(["incident", &key]);
    sandbox.assert_unchanged(&before);
    assert_eq!(plan["affected"]["key"]["role"], "node");
    let commands = commands(&plan);
    let rotate = format!("strongroom keys rotate {key} --pause-for-backup");
    let resume = "strongroom keys rotate --resume";
    let place = |wanted: &str| commands.iter().position(|command| command == wanted);
    assert!(place(&rotate).unwrap() < place(resume).unwrap());
    for command in [rotate.as_str(), resume] {
        let words = command.split(' ').skip(1);
        sandbox.run(words).succeeded();
    }
    let plan = sandbox.json(["incident", &key]);
    let affected = &plan["affected"]["key"];
    assert_eq!(
        (&affected["role"], &affected["private"]["state"]),
        (&"unannounced".into(), &"retired".into())
    );
    let table = sandbox.run(["incident", &key]).succeeded();
    for part in ["WHAT IS AFFECTED", "IN THIS ORDER", "CANNOT BE UNDONE"] {
        assert!(table.text().contains(part), "{}", table.text());
    }
}

#[test]
fn a_plan_for_the_wrapper_key_names_every_key_that_it_opens() {
    let sandbox = Sandbox::with_participant("alice");
    let plan = sandbox.json(["incident", "--wrapper-key"]);
    let affected = &plan["affected"]["wrapper_key"];
    assert_eq!(affected["sealed_keys"].as_array().unwrap().len(), 4);
    let id = text(affected, "wrapper_key_id");
    let rotate = format!("strongroom wrapper-key rotate --kms local --from {id}");
    assert!(commands(&plan).contains(&rotate), "{plan}");
    sandbox.run(rotate.split(' ').skip(1)).succeeded();
    let plan = sandbox.json(["incident", "--wrapper-key", &id]);
    let affected = &plan["affected"]["wrapper_key"];
    assert!(affected["sealed_keys"].as_array().unwrap().is_empty());
    let root = sandbox.json(["incident", "--root"]);
    let burns = |command: &String| command.contains("--danger-burn-namespace");
    assert!(commands(&root).iter().any(burns), "{root}");
}

#[test]
fn an_incident_is_about_one_thing_that_is_there() {
    let sandbox = Sandbox::with_vault();
    let unknown = format!("1220{}", "ab".repeat(32));
    for (args, code, status) in [
        (vec!["incident"], "WRONG_USAGE", 2),
        (
            vec!["incident", "--root", "--wrapper-key"],
            "WRONG_USAGE",
            2,
        ),
        (vec!["incident", &unknown], "KEY_NOT_FOUND", 3),
        (vec!["incident", "--wrapper-key", "w"], "WRAP_NOT_FOUND", 3),
        (vec!["incident", "--root"], "NOT_IDENTIFIED", 3),
    ] {
        sandbox.run(args).failed(code, status);
    }
}

#[test]
fn doctor_says_that_no_key_is_too_old_once_there_is_a_limit() {
    let sandbox = Sandbox::with_participant("alice");
    let ages = |sandbox: &Sandbox| {
        let report = sandbox.json(["doctor"]);
        let checks = report["checks"].as_array().unwrap().clone();
        let is_it = |check: &Value| check["name"] == "key age";
        checks.into_iter().filter(is_it).collect::<Vec<_>>()
    };
    assert!(ages(&sandbox).is_empty(), "there is no limit by default");
    let limits = "\n[policy.max-key-age]\nprotocol = \"8760h\"\nwrapper-key = \"8760h\"\n";
    sandbox.edit_config(|config| config + limits);
    let found = ages(&sandbox);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["status"], "ok");
    // The signing key, the wrapper key and its data key.
    assert!(text(&found[0], "detail").starts_with("3 keys in use"));
}
