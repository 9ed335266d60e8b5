//! Several wraps: two key files, and two regions of a simulated AWS, of which one is lost.

use std::{fs, path::PathBuf};

use serde_json::Value;
use strongroom_kms_sim::{Outage, OutageKind, Scenario, Simulator, Weather};

use crate::support::{Sandbox, text};

const I_KNOW: &str = "--i-know-it-will-open-every-key";

/// A vault with a second key file configured, in which it has no wrap yet.
struct TwoFiles {
    sandbox: Sandbox,
    first: PathBuf,
    second: PathBuf,
}

impl TwoFiles {
    fn new() -> Self {
        let sandbox = Sandbox::with_vault();
        let first = sandbox.keys_folder().join("kms.key");
        let second = sandbox.path("second.key");
        let second_name = second.to_str().unwrap();
        let make = [
            "kms",
            "create-key-file",
            second_name,
            "--unprotected-key-file",
        ];
        sandbox.run(make).succeeded();
        let section = format!(
            "\n[[kms]]\nname = \"second\"\ntype = \"local\"\nkey-file = {second:?}\n\
             protection = {{ type = \"unprotected-key-file\" }}\n"
        );
        sandbox.edit_config(|text| text + &section);
        Self {
            sandbox,
            first,
            second,
        }
    }

    fn with_two_wraps() -> Self {
        let files = Self::new();
        let add = ["wrapper-key", "add", "--kms", "second", I_KNOW];
        files.sandbox.run(add).succeeded();
        files
    }

    /// Takes the key file of the first KMS away, as a lost disk does.
    fn lose_the_first(&self) {
        fs::rename(&self.first, self.sandbox.path("lost.key")).unwrap();
    }
}

fn names(wraps: &Value) -> Vec<&str> {
    let wraps = wraps.as_array().unwrap().iter();
    wraps.map(|wrap| wrap["kms"].as_str().unwrap()).collect()
}

#[test]
fn a_wrap_is_added_shown_and_checked() {
    let TwoFiles { sandbox, .. } = TwoFiles::new();
    let before = sandbox.json(["wrapper-key", "show"]);
    assert_eq!(names(&before["wraps"]), ["local"]);
    assert_eq!(before["without_wrap"], serde_json::json!(["second"]));
    let shown = sandbox.run(["wrapper-key", "show"]).succeeded();
    let advice = "no wrap in second: 'strongroom wrapper-key add --kms second'";
    assert!(shown.text().contains(advice), "{}", shown.text());

    let added = sandbox.json(["wrapper-key", "add", "--kms", "second", I_KNOW]);
    assert_eq!(added["kms"], "second");
    let shown = sandbox.json(["wrapper-key", "show"]);
    assert_eq!(names(&shown["wraps"]), ["local", "second"]);
    assert_eq!(shown["wraps"][1]["wrapper_key_id"], added["wrapper_key_id"]);
    assert_eq!(shown["opened_by"]["kms"], "local");
    assert_eq!(shown["failed_before"], serde_json::json!([]));
    assert_eq!(shown["without_wrap"], serde_json::json!([]));

    let check = sandbox.json(["wrapper-key", "check"]);
    assert_eq!(check["all_open"], true, "{check}");
    for (wrap, loss) in check["wraps"]
        .as_array()
        .unwrap()
        .iter()
        .zip(check["losses"].as_array().unwrap())
    {
        assert!(
            wrap["opens"] == true && wrap["latency_ms"].is_f64(),
            "{check}"
        );
        assert_eq!(loss["vault_lost"], false);
        assert_eq!(loss["remaining"].as_array().unwrap().len(), 1);
    }
    assert_eq!(sandbox.json(["doctor"])["healthy"], true);
    let audit = sandbox.run(["audit", "list"]).succeeded();
    for operation in ["release_data_keys", "add_wrap"] {
        assert!(audit.text().contains(operation), "{}", audit.text());
    }
}

#[test]
fn a_single_wrap_is_checked_and_everything_hangs_on_it() {
    let sandbox = Sandbox::with_vault();
    let check = sandbox.json(["wrapper-key", "check"]);
    assert_eq!(check["losses"][0]["vault_lost"], true);
    let told = sandbox.run(["wrapper-key", "check"]).succeeded();
    let expected = "lost with local: everything: no other wrap opens the vault now";
    assert!(told.text().contains(expected), "{}", told.text());
}

#[test]
fn the_second_key_file_opens_the_vault_when_the_first_is_lost_and_that_is_said() {
    let files = TwoFiles::with_two_wraps();
    let sandbox = &files.sandbox;
    let key = sandbox.signing_key("ed25519", "protocol");
    files.lose_the_first();

    let shown = sandbox
        .run(["wrapper-key", "show", "--output", "json"])
        .succeeded();
    assert!(
        shown
            .stderr
            .contains("a key management system could not be opened"),
        "{}",
        shown.stderr
    );
    assert!(shown.stderr.contains("another one did"), "{}", shown.stderr);
    let shown = shown.json();
    assert_eq!(shown["opened_by"]["kms"], "second");
    let failed = &shown["failed_before"][0];
    assert_eq!(failed["kms"], "local");
    assert_eq!(failed["code"], "KMS_LOCAL_KEY_FILE_MISSING", "{failed}");
    sandbox
        .run(["sign", "vault/strongroom.toml", "--key", &key])
        .succeeded();

    let check = sandbox.run(["wrapper-key", "check"]);
    assert_eq!(check.status, 1, "{}", check.stderr);
    assert!(
        check.text().contains("lost with second: everything"),
        "{}",
        check.text()
    );
    let doctor = sandbox.run(["doctor", "--output", "json"]);
    assert_eq!(doctor.status, 1);
    let doctor = doctor.json();
    let checks = doctor["checks"].as_array().unwrap();
    let find = |name: &str| checks.iter().find(|check| check["name"] == name).unwrap();
    assert_eq!(find("opening")["status"], "warning", "{doctor}");
    assert_eq!(find("readiness")["status"], "failed", "{doctor}");
    assert!(
        checks
            .iter()
            .any(|check| check["name"] == "key file" && check["status"] == "failed")
    );
}

#[test]
fn the_lost_one_is_removed_and_the_vault_is_whole_again() {
    let files = TwoFiles::with_two_wraps();
    let sandbox = &files.sandbox;
    let id = text(
        &sandbox.json(["wrapper-key", "show"])["wraps"][0],
        "wrapper_key_id",
    );
    files.lose_the_first();
    let remove = [
        "wrapper-key",
        "remove",
        "--kms",
        "local",
        "--wrapper-key",
        &id,
        "--yes",
    ];
    sandbox.run(remove).succeeded();
    sandbox.edit_config(|text| {
        let (before, after) = text.split_once("[[kms]]").unwrap();
        let (_first, second) = after.split_once("[[kms]]").unwrap();
        format!("{before}[[kms]]{second}")
    });
    let check = sandbox.json(["wrapper-key", "check"]);
    assert_eq!(
        (names(&check["wraps"]), &check["all_open"]),
        (vec!["second"], &true.into())
    );
}

/// Whoever removes a wrapper key may have lost trust in it.
#[test]
fn a_wrapper_key_that_was_removed_does_not_come_back_by_itself() {
    let TwoFiles { sandbox, .. } = TwoFiles::with_two_wraps();
    let shown = sandbox.json(["wrapper-key", "show"]);
    let removed = text(&shown["wraps"][1], "wrapper_key_id");
    let remove = ["wrapper-key", "remove", "--kms", "second"];
    let confirmed = ["--wrapper-key", &removed, "--yes"];
    sandbox.run([&remove[..], &confirmed].concat()).succeeded();
    let added = sandbox.json(["wrapper-key", "add", "--kms", "second", I_KNOW]);
    assert_ne!(added["wrapper_key_id"], removed.as_str());
}

#[test]
fn what_a_kms_holds_is_lost_with_it_however_many_wraps_there_are() {
    let TwoFiles { sandbox, .. } = TwoFiles::with_two_wraps();
    sandbox.edit_config(|text| {
        let custody = "[custody]\ndefault = \"external\"\nexternal-kms = \"local\"";
        let kept = text.replace("default = \"envelope\"", "");
        kept.replace("[custody]", custody)
    });
    let key = sandbox.signing_key("ec-p-256", "protocol");
    let check = sandbox.json(["wrapper-key", "check"]);
    let losses = &check["losses"];
    assert_eq!(losses[0]["kms"], "local");
    assert_eq!(losses[0]["keys_lost"], serde_json::json!([key]));
    assert_eq!(losses[1]["keys_lost"], serde_json::json!([]));
    let told = sandbox.run(["wrapper-key", "check"]).succeeded();
    let expected = "lost with local: 1 private key that only it can use";
    assert!(told.text().contains(expected), "{}", told.text());
}

#[test]
fn what_is_not_confirmed_is_refused_and_nothing_changes() {
    let TwoFiles { sandbox, .. } = TwoFiles::with_two_wraps();
    let shown = sandbox.json(["wrapper-key", "show"]);
    let id = text(&shown["wraps"][0], "wrapper_key_id");
    let add = ["wrapper-key", "add", "--kms", "second"];
    sandbox.refuses(add, "NOT_CONFIRMED", 3);
    let remove = [
        "wrapper-key",
        "remove",
        "--kms",
        "local",
        "--wrapper-key",
        &id,
    ];
    sandbox.refuses(remove, "NOT_CONFIRMED", 3);
}

#[test]
fn refusals_have_codes_and_leave_the_wraps() {
    let TwoFiles {
        sandbox,
        first,
        second,
    } = TwoFiles::with_two_wraps();
    let shown = sandbox.json(["wrapper-key", "show"]);
    let ids = [0, 1].map(|wrap| text(&shown["wraps"][wrap], "wrapper_key_id"));
    let add = |kms, key| {
        [
            "wrapper-key",
            "add",
            "--kms",
            kms,
            "--wrapper-key",
            key,
            I_KNOW,
        ]
    };
    sandbox.run(add("local", &ids[0])).failed("WRAP_EXISTS", 3);
    sandbox
        .run(add("third", &ids[0]))
        .failed("KMS_NOT_CONFIGURED", 3);
    sandbox
        .run(add("second", "nobody"))
        .failed("KMS_KEY_NOT_FOUND", 3);
    let remove = |kms, key| {
        [
            "wrapper-key",
            "remove",
            "--kms",
            kms,
            "--wrapper-key",
            key,
            "--yes",
        ]
    };
    sandbox
        .run(remove("third", &ids[0]))
        .failed("WRAP_NOT_FOUND", 3);
    fs::remove_file(second).unwrap();
    let refused = sandbox.run(remove("local", &ids[0]));
    assert!(refused.stderr.contains("tried "), "{}", refused.stderr);
    refused.failed("NO_OTHER_WRAP_OPENS", 3);
    sandbox.run(remove("second", &ids[1])).succeeded();
    sandbox.run(remove("local", &ids[0])).failed("LAST_WRAP", 3);
    assert!(first.exists());
}

#[test]
fn a_wrapper_key_in_the_configuration_that_the_vault_has_no_wrap_by_is_refused() {
    let TwoFiles { sandbox, .. } = TwoFiles::with_two_wraps();
    let config = fs::read_to_string(sandbox.config()).unwrap();
    let shown = sandbox.json(["wrapper-key", "show"]);
    let id = text(&shown["wraps"][1], "wrapper_key_id");
    let name = |id: &str| {
        let named = format!("name = \"second\"\nwrapper-key-id = \"{id}\"");
        let text = config.replace("name = \"second\"", &named);
        fs::write(sandbox.config(), text).unwrap();
    };
    name(&id);
    sandbox.run(["keys", "list"]).succeeded();
    name("another");
    let refused = sandbox.refuses(["keys", "list"], "WRAPPER_KEY_CONTRADICTION", 3);
    assert!(
        refused.stderr.contains("wrapper-key add"),
        "{}",
        refused.stderr
    );
}

const REGIONS: [&str; 2] = ["eu-central-1", "eu-west-1"];

/// A vault whose wrapper key is one of two regions of AWS, with a wrap in each.
struct TwoRegions {
    sandbox: Sandbox,
    simulator: Simulator,
    key: String,
}

impl TwoRegions {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let simulator = Simulator::start(Scenario::default()).unwrap();
        let administrator = simulator.administrator(REGIONS[0]);
        let key = administrator.create_key_of_regions().unwrap();
        administrator.replicate_key(&key, REGIONS[1]).unwrap();
        let endpoint = simulator.endpoint();
        let init = [
            "init",
            "--kms",
            "aws",
            "--region",
            REGIONS[0],
            "--kms-endpoint",
            endpoint,
        ];
        let more = ["--rehearsal", "--wrapper-key", &key];
        sandbox.run([&init[..], &more].concat()).succeeded();
        let section = format!(
            "\n[[kms]]\nname = \"ireland\"\ntype = \"aws\"\nregion = \"{}\"\nendpoint = \"{endpoint}\"\nrehearsal = true\n",
            REGIONS[1]
        );
        sandbox.edit_config(|text| text + &section);
        let add = [
            "wrapper-key",
            "add",
            "--kms",
            "ireland",
            "--wrapper-key",
            &key,
            I_KNOW,
        ];
        sandbox.run(add).succeeded();
        Self {
            sandbox,
            simulator,
            key,
        }
    }

    fn lose(&self, region: &str) {
        let outage = Outage {
            region: Some(region.to_owned()),
            ..Outage::of(OutageKind::InternalError)
        };
        let weather = Weather {
            outages: vec![outage],
            ..Weather::default()
        };
        self.simulator.set_weather(weather).unwrap();
    }
}

#[test]
fn the_second_region_takes_over_when_the_first_is_down_and_says_so() {
    let cloud = TwoRegions::new();
    let sandbox = &cloud.sandbox;
    let check = sandbox.json(["wrapper-key", "check"]);
    assert_eq!(check["all_open"], true, "{check}");
    assert_eq!(names(&check["wraps"]), ["aws", "ireland"]);
    assert!(cloud.key.starts_with("mrk-"), "{}", cloud.key);

    cloud.lose(REGIONS[0]);
    let check = sandbox.run(["wrapper-key", "check", "--output", "json"]);
    assert_eq!(check.status, 1);
    assert!(check.stderr.contains("another one did"), "{}", check.stderr);
    let check = check.json();
    assert_eq!(check["opened_by"]["kms"], "ireland");
    assert_eq!(check["failed_before"][0]["code"], "KMS_UNAVAILABLE");
    let opens: Vec<_> = check["wraps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|wrap| &wrap["opens"])
        .collect();
    assert_eq!(opens, [&Value::from(false), &Value::from(true)]);
    assert_eq!(check["losses"][1]["vault_lost"], true);

    cloud.simulator.set_weather(Weather::default()).unwrap();
    assert_eq!(
        sandbox.json(["wrapper-key", "show"])["opened_by"]["kms"],
        "aws"
    );
}

#[test]
fn keys_that_one_region_sealed_itself_are_opened_by_the_replica_of_its_key() {
    let cloud = TwoRegions::new();
    let sandbox = &cloud.sandbox;
    sandbox.edit_config(|text| text.replace("data-key", "direct"));
    let key = sandbox.signing_key("ed25519", "protocol");
    let check = sandbox.json(["wrapper-key", "check"]);
    assert_eq!(
        check["losses"][0]["keys_lost"],
        serde_json::json!([]),
        "{check}"
    );
    cloud.lose(REGIONS[0]);
    let sign = ["sign", "vault/strongroom.toml", "--key", &key];
    let signed = sandbox.run(sign).succeeded();
    assert!(
        signed.stderr.contains("another one did"),
        "{}",
        signed.stderr
    );
}
