//! The anchor in a tag of a wrapper key in AWS, as an operator meets it.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use super::{Cloud, REGION};
use crate::support::Ran;

/// A vault in AWS whose anchors are the file and a tag of its wrapper key.
fn anchored() -> Cloud {
    let cloud = Cloud::with_vault(&[]);
    cloud
        .sandbox
        .edit_config(|text| format!("{text}\n[anchor]\nkms-tag = \"aws\"\n"));
    generate(&cloud);
    cloud
}

fn generate(cloud: &Cloud) {
    let generate = ["keys", "generate-signing", "--usage", "protocol"];
    cloud.sandbox.run(generate).succeeded();
}

/// Database and anchor file.
fn save(cloud: &Cloud) -> [Vec<u8>; 2] {
    files(cloud).map(|path| fs::read(path).unwrap())
}

fn put_back(cloud: &Cloud, saved: [Vec<u8>; 2]) {
    for (path, contents) in files(cloud).into_iter().zip(saved) {
        fs::write(path, contents).unwrap();
    }
}

fn files(cloud: &Cloud) -> [std::path::PathBuf; 2] {
    let sandbox = &cloud.sandbox;
    [
        sandbox.vault().join("vault.db"),
        sandbox.keys_folder().join("anchor.json"),
    ]
}

#[test]
fn a_database_and_an_anchor_file_that_were_put_back_are_refused_by_the_tag() {
    let cloud = anchored();
    let sandbox = &cloud.sandbox;
    let before = save(&cloud);
    generate(&cloud);
    let shown = sandbox.json(["anchor", "show"]);
    assert_eq!(shown["tag"]["kms"], "aws", "{shown}");
    assert_eq!(shown["tag"]["wrapper_key_id"], cloud.wrapper_key().as_str());
    let newest = shown["tag"]["generation"].as_u64().unwrap();
    assert_eq!(shown["record"]["confirmed"]["generation"], newest);

    put_back(&cloud, before);
    let refused = sandbox.refuses(["keys", "list"], "ROLLED_BACK", 5);
    let generations = format!("at generation {}", newest - 1);
    assert!(refused.stderr.contains(&generations), "{}", refused.stderr);
    let remembered = format!("generation {newest}");
    assert!(refused.stderr.contains(&remembered), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("strongroom anchor accept"),
        "{}",
        refused.stderr
    );
    let shown = sandbox.json(["anchor", "show"]);
    assert_eq!(shown["tag"]["generation"], newest);
    assert_eq!(shown["record"]["confirmed"]["generation"], newest - 1);

    let accept = [
        "anchor",
        "accept",
        "--i-know-this-database-is-the-right-one",
    ];
    let accepted = sandbox.json(accept);
    assert_eq!(accepted["tag"]["generation"], newest + 1, "{accepted}");
    sandbox.run(["keys", "list"]).succeeded();
    let doctor = sandbox.json(["doctor"]);
    assert_eq!(doctor["healthy"], true, "{doctor}");
    let checks = doctor["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "anchor tag");
    assert_eq!(check.unwrap()["status"], "ok", "{doctor}");
}

#[test]
fn opening_costs_one_wrapper_call_and_one_reading_of_the_tag() {
    let cloud = anchored();
    cloud.simulator.reset_calls();
    cloud.sandbox.json(["keys", "list"]);
    let calls = cloud.simulator.calls();
    assert_eq!(calls.of("Decrypt").arrived, 1);
    assert_eq!(calls.of("ListResourceTags").arrived, 1);
    assert_eq!(calls.total(), 2);
    // A command that commits: the tag is read once more and written, when the vault is closed.
    cloud.simulator.reset_calls();
    generate(&cloud);
    let calls = cloud.simulator.calls();
    assert_eq!(calls.of("TagResource").arrived, 1);
    assert_eq!(calls.total(), 4);
}

#[test]
fn amazons_python_client_reads_the_tag() {
    let cloud = anchored();
    let script = "import boto3, json, sys
kms = boto3.client('kms', endpoint_url=sys.argv[1], region_name=sys.argv[2],
                   aws_access_key_id='a', aws_secret_access_key='b')
print(json.dumps(kms.list_resource_tags(KeyId=sys.argv[3])['Tags']))";
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let python = target.join("python/bin/python");
    let mut command = Command::new(&python);
    command.args(["-c", script, cloud.simulator.endpoint(), REGION]);
    command.arg(cloud.wrapper_key());
    let missing = |error| panic!("{}: {error}: cargo xtask setup", python.display());
    let output = command.output().unwrap_or_else(missing);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let tags: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ours = |tag: &&Value| {
        let name = tag["TagKey"].as_str().unwrap_or_default();
        name.starts_with("strongroom-anchor-")
    };
    let tags = tags.as_array().unwrap();
    let value = tags.iter().find(ours).unwrap()["TagValue"]
        .as_str()
        .unwrap();
    assert!(value.len() == 63 && value.starts_with("1-"), "{value}");
}

#[test]
fn what_a_node_must_be_allowed_for_its_tag_is_in_its_policy() {
    let cloud = anchored();
    let policy = |cloud: &Cloud| -> String {
        let printed: Ran = cloud.sandbox.run(["kms", "policy", "aws"]).succeeded();
        String::from_utf8(printed.stdout).unwrap()
    };
    let with = policy(&cloud);
    assert!(with.contains("kms:TagResource") && with.contains("\"strongroom-anchor-"));
    let cut = |text: String| text.replace("kms-tag = \"aws\"", "");
    cloud.sandbox.edit_config(cut);
    assert!(!policy(&cloud).contains("TagResource"));
    let refused = ["keys", "list"];
    cloud
        .sandbox
        .refuses(refused, "ANCHOR_TAG_NOT_CONFIGURED", 3);
}
