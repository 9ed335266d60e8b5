//! Vaults whose wrapper key is in a KMS elsewhere: simulators of AWS and of Google, and a token of SoftHSM.

#[path = "other_kms/anchor_tag.rs"]
mod anchor_tag;
#[path = "other_kms/driver.rs"]
mod driver;
#[path = "other_kms/named_key.rs"]
mod named_key;
#[path = "other_kms/rehearsals.rs"]
mod rehearsals;
#[path = "other_kms/served.rs"]
mod served;
#[path = "other_kms/simulator.rs"]
mod simulator;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use strongroom_kms_sim::{Fault, FaultKind, LostAnswer, Scenario, Simulator, Weather};

use crate::{
    serving::Serving,
    support::{Ran, Sandbox},
};

const REGION: &str = "eu-central-1";

/// A sandbox, and AWS beside it.
pub(crate) struct Cloud {
    pub(crate) sandbox: Sandbox,
    pub(crate) simulator: Simulator,
}

impl Cloud {
    pub(crate) fn new() -> Self {
        Self {
            sandbox: Sandbox::new(),
            simulator: Simulator::start(Scenario::default()).unwrap(),
        }
    }

    /// `init` with made-up credentials.
    pub(crate) fn init<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let endpoint = self.simulator.endpoint();
        let mut args = vec!["init", "--kms", "aws", "--region", REGION];
        args.extend(["--kms-endpoint", endpoint, "--rehearsal"]);
        args.extend(more);
        args
    }

    pub(crate) fn with_vault(more: &[&str]) -> Self {
        let cloud = Self::new();
        cloud.sandbox.run(cloud.init(more)).succeeded();
        cloud
    }

    /// The one wrapper key there.
    pub(crate) fn wrapper_key(&self) -> String {
        let keys = self.simulator.keys().unwrap();
        assert_eq!(keys.len(), 1, "{keys:?}");
        keys[0].id.clone()
    }
}

#[test]
fn a_node_lives_with_its_wrapper_key_in_aws() {
    let cloud = Cloud::with_vault(&["--kind", "participant"]);
    let sandbox = &cloud.sandbox;
    cloud.simulator.reset_calls();
    let doctor = sandbox.json(["doctor"]);
    assert_eq!(doctor["healthy"], true, "{doctor}");
    let shown = sandbox.json(["kms", "show"]);
    assert_eq!(shown["kms"][0]["kind"], "aws");
    assert!(!cloud.wrapper_key().is_empty());
    assert!(!sandbox.keys_folder().join("kms.key").exists());
}

#[test]
fn opening_takes_one_call_however_many_keys_there_are() {
    let cloud = Cloud::with_vault(&["--kind", "participant"]);
    cloud.simulator.reset_calls();
    cloud.sandbox.json(["keys", "list"]);
    let calls = cloud.simulator.calls();
    assert_eq!((calls.of("Decrypt").arrived, calls.total()), (1, 1));
}

#[test]
fn no_credentials_stand_in_the_configuration_and_none_are_taken_from_it() {
    let cloud = Cloud::with_vault(&[]);
    let config = fs::read_to_string(cloud.sandbox.config()).unwrap();
    for word in ["secret", "access", "token", "credential"] {
        assert!(!config.to_lowercase().contains(word), "{config}");
    }
    cloud.sandbox.edit_config(|text| {
        text.replace(
            "type = \"aws\"",
            "type = \"aws\"\nsecret-access-key = \"hunter2\"",
        )
    });
    let refused = cloud
        .sandbox
        .refuses(["keys", "list"], "CONFIG_UNREADABLE", 2);
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
}

#[test]
fn made_up_credentials_go_to_this_machine_only() {
    let sandbox = Sandbox::new();
    let init = ["init", "--kms", "aws", "--region", REGION];
    let elsewhere = ["--kms-endpoint", "https://kms.example", "--rehearsal"];
    let args = [&init[..], &elsewhere].concat();
    sandbox.refuses(args, "KMS_AWS_REHEARSAL_ELSEWHERE", 2);
}

#[test]
fn data_keys_go_to_no_endpoint_without_tls_wherever_it_is_named() {
    let sandbox = Sandbox::new();
    let init = ["init", "--kms", "aws", "--region", REGION];
    let there = ["--kms-endpoint", "http://192.0.2.1:9"];
    let args = [&init[..], &there].concat();
    sandbox.refuses(args, "KMS_AWS_ENDPOINT_INSECURE", 2);
    let mut named = sandbox.command(init);
    named.env("AWS_ENDPOINT_URL_KMS", "http://192.0.2.1:9");
    named.env("AWS_ACCESS_KEY_ID", "id");
    named.env("AWS_SECRET_ACCESS_KEY", "secret");
    Ran::of(named).failed("KMS_AWS_ENDPOINT_INSECURE", 2);
}

#[test]
fn a_node_whose_keys_can_be_replicated_says_so_when_they_are_made() {
    let cloud = Cloud::with_vault(&[
        "--kind",
        "mediator",
        "--custody",
        "external",
        "--multi-region",
    ]);
    let keys = cloud.simulator.keys().unwrap();
    assert!(keys.len() > 1, "{keys:?}");
    for key in keys {
        assert!(key.id.contains("mrk-"), "{key:?}");
    }
}

#[test]
fn an_interrupted_init_takes_up_the_wrapper_key_that_it_left_behind() {
    let cloud = Cloud::new();
    cloud
        .simulator
        .set_weather(Weather {
            lost_answers: vec![LostAnswer::next("CreateKey")],
            ..Weather::default()
        })
        .unwrap();
    assert_ne!(cloud.sandbox.run(cloud.init(&[])).status, 0);
    let left = cloud.wrapper_key();
    cloud.sandbox.run(cloud.init(&[])).succeeded();
    assert_eq!(cloud.wrapper_key(), left, "no second key");
    assert_eq!(cloud.sandbox.json(["doctor"])["healthy"], true);
}

#[test]
fn throttled_calls_are_sent_again() {
    let cloud = Cloud::with_vault(&["--kind", "participant"]);
    cloud
        .simulator
        .set_weather(Weather {
            faults: vec![Fault::of(FaultKind::Throttled, "Decrypt", 2)],
            ..Weather::default()
        })
        .unwrap();
    cloud.simulator.reset_calls();
    cloud.sandbox.json(["keys", "list"]);
    assert_eq!(cloud.simulator.calls().of("Decrypt").arrived, 3);
}

#[test]
fn credentials_that_are_no_longer_valid_are_named_and_nothing_is_sent_again() {
    let cloud = Cloud::with_vault(&[]);
    let expired = Fault::of(FaultKind::ExpiredCredentials, "Decrypt", 1);
    cloud
        .simulator
        .set_weather(Weather {
            faults: vec![expired],
            ..Weather::default()
        })
        .unwrap();
    cloud.simulator.reset_calls();
    let refused = cloud.sandbox.run(["keys", "list"]);
    assert_ne!(refused.status, 0);
    let code = "KMS_CREDENTIALS_REJECTED";
    assert!(refused.stderr.contains(code), "{}", refused.stderr);
    assert_eq!(cloud.simulator.calls().of("Decrypt").arrived, 1);
    // New ones were put into the environment.
    cloud.sandbox.run(["keys", "list"]).succeeded();
}

#[test]
fn a_disabled_wrapper_key_opens_nothing_and_is_named() {
    let cloud = Cloud::with_vault(&[]);
    let key = cloud.wrapper_key();
    let administrator = cloud.simulator.administrator(REGION);
    administrator.disable_key(&key).unwrap();
    let refused = cloud.sandbox.run(["keys", "list"]);
    assert_ne!(refused.status, 0);
    assert!(
        refused.stderr.contains("KMS_KEY_DISABLED"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains(&key), "{}", refused.stderr);
    administrator.enable_key(&key).unwrap();
    cloud.sandbox.run(["keys", "list"]).succeeded();
}

#[test]
fn quickstart_shows_a_node_whose_wrapper_key_is_in_aws() {
    let cloud = Cloud::new();
    let mut args = cloud.init(&[]);
    args[0] = "quickstart";
    let shown = cloud.sandbox.json(args);
    let checks = shown["checks"].as_array().unwrap();
    assert!(checks.len() > 5, "{shown}");
    assert!(
        checks.iter().all(|check| check["passed"] == true),
        "{shown}"
    );
    assert!(!cloud.wrapper_key().is_empty());
}

#[test]
fn the_policy_of_a_node_opens_the_wraps_of_its_vault_only() {
    let cloud = Cloud::with_vault(&[]);
    let vault = cloud.sandbox.json(["doctor"])["vault_id"].clone();
    let policy = cloud
        .sandbox
        .json(["kms", "policy", "aws", "--account", "123456789012"]);
    assert_eq!(policy["Version"], "2012-10-17");
    let statement = &policy["Statement"][0];
    assert_eq!(
        statement["Resource"],
        "arn:aws:kms:eu-central-1:123456789012:key/*"
    );
    let bound = &statement["Condition"]["StringEquals"];
    assert_eq!(bound["kms:EncryptionContext:strongroom-vault"], vault);
    // The other one only looks whether the wrapper key can be used.
    let statements = policy["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 2, "{policy}");
    assert_eq!(
        statements[1]["Action"],
        serde_json::json!(["kms:DescribeKey", "kms:ListKeyRotations"])
    );
}

#[test]
fn the_policy_of_a_node_covers_every_region_and_several_roles() {
    let cloud = Cloud::with_vault(&[]);
    let second = "\n[[kms]]\nname = \"second\"\ntype = \"aws\"\nregion = \"eu-west-1\"\nwrapper-key-id = \"mrk-1\"\n";
    cloud.sandbox.edit_config(|text| format!("{text}{second}"));
    let policy = cloud.sandbox.json(["kms", "policy", "aws"]).to_string();
    for place in ["eu-central-1", "eu-west-1:*:key/mrk-1"] {
        assert!(policy.contains(place), "{policy}");
    }
    let one = ["kms", "policy", "aws", "--kms", "second"];
    let both = ["--for", "node,administrator"];
    let policy = cloud.sandbox.json([&one[..], &both].concat()).to_string();
    assert!(!policy.contains("eu-central-1"), "{policy}");
    for action in ["kms:Decrypt", "kms:CreateKey"] {
        assert!(policy.contains(action), "{policy}");
    }
    assert!(!policy.contains("kms:ScheduleKeyDeletion"), "{policy}");
}

#[test]
fn a_policy_is_printed_for_a_configured_cloud_only() {
    let sandbox = Sandbox::with_vault();
    sandbox.refuses(["kms", "policy", "aws"], "BAD_ARGUMENT", 2);
}

/// A sandbox, and a key ring of Google beside it.
struct Google {
    sandbox: Sandbox,
    simulator: Simulator,
}

const LOCATION: &str = "europe-west3";
const RING: &str = "projects/ledger/locations/europe-west3/keyRings/vaults";

impl Google {
    fn new() -> Self {
        let simulator = Simulator::start(Scenario::default()).unwrap();
        let administrator = simulator.administrator(LOCATION);
        administrator.create_key_ring("ledger", "vaults").unwrap();
        Self {
            sandbox: Sandbox::new(),
            simulator,
        }
    }

    /// `init` without credentials.
    fn init<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let endpoint = self.simulator.endpoint();
        let mut args = vec!["init", "--kms", "gcp", "--project", "ledger"];
        args.extend(["--location", LOCATION, "--key-ring", "vaults"]);
        args.extend(["--kms-endpoint", endpoint, "--rehearsal"]);
        args.extend(more);
        args
    }

    fn with_vault(more: &[&str]) -> Self {
        let google = Self::new();
        google.sandbox.run(google.init(more)).succeeded();
        google
    }

    /// The one version of the one wrapper key there.
    fn version(&self) -> String {
        let keys = self.simulator.keys().unwrap();
        assert_eq!(keys.len(), 1, "{keys:?}");
        keys[0].id.clone()
    }

    fn policy(&self, more: &[&str]) -> serde_json::Value {
        let member = "serviceAccount:node@ledger.iam.gserviceaccount.com";
        let args = ["kms", "policy", "gcp", "--member", member];
        self.sandbox.json([&args[..], more].concat())
    }
}

#[test]
fn a_node_lives_with_its_wrapper_key_in_google_cloud() {
    let google = Google::with_vault(&["--kind", "participant"]);
    let doctor = google.sandbox.json(["doctor"]);
    assert_eq!(doctor["healthy"], true, "{doctor}");
    let warned = doctor.to_string();
    assert!(
        warned.contains("simulator, which guards nothing"),
        "{warned}"
    );
    let shown = google.sandbox.json(["kms", "show"]);
    assert_eq!(shown["kms"][0]["kind"], "gcp");
    let shown = google.sandbox.run(["kms", "show"]).succeeded();
    let shown = shown.text();
    assert!(
        shown.contains("key ring vaults of ledger in europe-west3"),
        "{shown}"
    );
    assert!(google.version().starts_with(RING));
    google.simulator.reset_calls();
    google.sandbox.json(["keys", "list"]);
    let calls = google.simulator.calls();
    assert_eq!((calls.of("Decrypt").arrived, calls.total()), (1, 1));
    let config = fs::read_to_string(google.sandbox.config()).unwrap();
    assert!(config.contains("protection-level = \"hsm\""), "{config}");
}

#[test]
fn an_interrupted_init_takes_up_the_wrapper_key_that_it_left_at_google() {
    let google = Google::new();
    let lost = Weather {
        lost_answers: vec![LostAnswer::next("CreateCryptoKey")],
        ..Weather::default()
    };
    google.simulator.set_weather(lost).unwrap();
    let software = ["--protection-level", "software"];
    assert_ne!(google.sandbox.run(google.init(&software)).status, 0);
    let left = google.version();
    google.sandbox.run(google.init(&software)).succeeded();
    assert_eq!(google.version(), left, "no second key");
    assert_eq!(google.sandbox.json(["doctor"])["healthy"], true);
}

#[test]
fn a_vault_at_google_says_what_became_of_its_wrapper_key() {
    let google = Google::with_vault(&[]);
    let administrator = google.simulator.administrator(LOCATION);
    let version = google.version();
    administrator.disable_key(&version).unwrap();
    let refused = google.sandbox.run(["keys", "list"]);
    assert!(
        refused.stderr.contains("KMS_KEY_DISABLED"),
        "{}",
        refused.stderr
    );
    administrator.enable_key(&version).unwrap();
    google.sandbox.run(["keys", "list"]).succeeded();
    administrator.schedule_deletion(&version, 1).unwrap();
    let refused = google.sandbox.run(["keys", "list"]);
    let code = "KMS_KEY_PENDING_DELETION";
    assert!(refused.stderr.contains(code), "{}", refused.stderr);
    google.simulator.advance(Duration::from_secs(2 * 86_400));
    let refused = google.sandbox.run(["keys", "list"]);
    assert!(
        refused.stderr.contains("KMS_KEY_NOT_FOUND"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_wrapper_key_of_google_is_named_in_full_or_in_its_ring() {
    let google = Google::with_vault(&[]);
    let version = google.version();
    let full = version.split("/cryptoKeyVersions/").next().unwrap();
    let short = full.rsplit('/').next().unwrap();
    for (folder, key) in [("second", full), ("third", short)] {
        let folder = google.sandbox.path(folder);
        let mut args = google.init(&["--wrapper-key", key]);
        args.extend(["--dir", folder.to_str().unwrap()]);
        google.sandbox.run(args).succeeded();
    }
    assert_eq!(google.version(), version, "no other key was made");
}

#[test]
fn quickstart_shows_a_node_whose_wrapper_key_is_at_google() {
    let google = Google::new();
    let mut args = google.init(&[]);
    args[0] = "quickstart";
    let shown = google.sandbox.json(args);
    let checks = shown["checks"].as_array().unwrap();
    assert!(checks.len() > 5, "{shown}");
    let mut checks = checks.iter();
    assert!(checks.all(|check| check["passed"] == true), "{shown}");
    assert!(!google.version().is_empty());
}

#[test]
fn a_call_that_the_end_of_the_server_cuts_off_stands_in_the_kms_log_as_in_cantons() {
    let google = Google::with_vault(&["--custody", "external"]);
    let key = google.sandbox.signing_key("ec-p256", "protocol");
    let log = google.sandbox.path("kms.log");
    let sections = format!("[kms-log]\nfile = {log:?}\n[server]\ngrace = \"0s\"\n");
    google
        .sandbox
        .edit_config(|config| config + "\n" + &sections);
    let serving = Serving::start_with(&google.sandbox, |command| {
        command.stderr(Stdio::null());
    });
    let slow = serde_json::json!({"constant-ms": 20_000.0});
    google
        .simulator
        .set_weather(Weather {
            latency: Some(serde_json::from_value(slow).unwrap()),
            ..Weather::default()
        })
        .unwrap();
    let message = google.sandbox.write("message", "signed by nobody");
    let endpoint = format!("http://{}", serving.grpc());
    let sign = ["sign", message.to_str().unwrap(), "--key", &key];
    let mut command = google.sandbox.command(sign);
    command.env("STRONGROOM_ENDPOINT", endpoint);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut waiting = command.spawn().unwrap();
    let is_asked = || fs::read_to_string(&log).is_ok_and(|log| log.contains("SignRequest("));
    let began = Instant::now();
    while !is_asked() {
        assert!(began.elapsed() < Duration::from_secs(60), "nobody signs");
        thread::sleep(Duration::from_millis(10));
    }
    assert!(serving.end().success());
    assert!(!waiting.wait().unwrap().success());
    let log = fs::read_to_string(&log).unwrap();
    let asked = log.lines().find(|line| line.contains("SignRequest("));
    let (_before, id) = asked.unwrap().split_once("Sending request [").unwrap();
    let (id, _after) = id.split_once(']').unwrap();
    let told = format!("Request {id} aborted due to shutdown.");
    let told = log.lines().find(|line| line.ends_with(&told));
    let told = told.unwrap_or_else(|| panic!("{log}"));
    assert!(told.contains(" INFO "), "{told}");
}

#[test]
fn what_google_needs_to_know_is_asked_for() {
    let sandbox = Sandbox::new();
    let mut args = vec!["init", "--kms", "gcp"];
    for (flag, value) in [
        ("--project", "ledger"),
        ("--location", LOCATION),
        ("--key-ring", "vaults"),
    ] {
        let refused = sandbox.run(&args);
        assert!(refused.stderr.contains(flag), "{}", refused.stderr);
        args.extend([flag, value]);
    }
    let near = [
        &args[..],
        &["--kms-endpoint", "https://kms.example", "--rehearsal"],
    ]
    .concat();
    sandbox.refuses(near, "KMS_GCP_REHEARSAL_ELSEWHERE", 2);
    let readable = [&args[..], &["--kms-endpoint", "http://kms.example"]].concat();
    sandbox.refuses(readable, "KMS_GCP_ENDPOINT_INSECURE", 2);
}

#[test]
fn the_policy_of_google_is_bound_to_the_key_ring_and_to_a_configured_key() {
    let google = Google::with_vault(&[]);
    let ring = google.policy(&[]);
    assert_eq!(ring["resource"], RING);
    let binding = &ring["policy"]["bindings"][0];
    assert_eq!(
        binding["role"],
        "projects/ledger/roles/strongroomNodeEnvelope"
    );
    let expression = binding["condition"]["expression"].as_str().unwrap();
    assert_eq!(
        expression,
        format!("resource.name.startsWith(\"{RING}/cryptoKeys/\")")
    );
    google.sandbox.edit_config(|text| {
        text.replace("type = \"gcp\"", "wrapper-key-id = \"k\"\ntype = \"gcp\"")
    });
    let bound = google.policy(&[]);
    let expression = &bound["policy"]["bindings"][0]["condition"]["expression"];
    let key = format!("resource.name == \"{RING}/cryptoKeys/k\"");
    assert!(
        expression.as_str().unwrap().starts_with(&key),
        "{expression}"
    );
    let administrator = google.policy(&["--for", "administrator", "--mode", "external"]);
    let permissions = &administrator["role"]["includedPermissions"];
    let makes = |permission: &serde_json::Value| permission == "cloudkms.cryptoKeys.create";
    assert!(permissions.as_array().unwrap().iter().any(makes));
    let unsaid = google.sandbox.run(["kms", "policy", "gcp"]);
    assert!(unsaid.stderr.contains("--member"), "{}", unsaid.stderr);
    google
        .sandbox
        .refuses(["kms", "policy", "aws"], "BAD_ARGUMENT", 2);
}

/// A token of its own, and a sandbox whose commands see no other.
pub(crate) struct Token {
    pub(crate) sandbox: Sandbox,
    configuration: PathBuf,
    pin: PathBuf,
}

const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

impl Token {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new();
        let tokens = sandbox.path("tokens");
        fs::create_dir(&tokens).unwrap();
        let text = format!("directories.tokendir = {}\n", tokens.display());
        let configuration = sandbox.write("softhsm.conf", text);
        let pin = sandbox.write("pin", "4321\n");
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", "vault"])
            .args(["--so-pin", "12345678", "--pin", "4321"])
            .env("SOFTHSM2_CONF", &configuration)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        Self {
            sandbox,
            configuration,
            pin,
        }
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.sandbox.command(args);
        command.env("SOFTHSM2_CONF", &self.configuration);
        Ran::of(command)
    }

    fn init(&self, pin: &str) -> Ran {
        self.run(
            &[
                &Self::of_vault("init"),
                &["--pin-file", pin, "--kind", "mediator"][..],
            ]
            .concat(),
        )
    }

    /// `command`, with the token as its KMS.
    fn of_vault(command: &str) -> Vec<&str> {
        let token = ["--kms", "pkcs11", "--module", SOFTHSM, "--token", "vault"];
        [&[command], &token[..]].concat()
    }

    /// What SoftHSM finds when the token is not plugged in.
    fn pull_out(&self) {
        self.swap("tokens", "nothing", "away");
    }

    fn put_back(&self) {
        self.swap("tokens", "away", "nothing");
    }

    /// Puts the folder `by` in the place of `here`, which goes to `to`.
    fn swap(&self, here: &str, by: &str, to: &str) {
        let path = |name: &str| self.sandbox.path(name);
        fs::create_dir_all(path(by)).unwrap();
        fs::rename(path(here), path(to)).unwrap();
        fs::rename(path(by), path(here)).unwrap();
    }

    /// `quickstart`, with the right PIN.
    pub(crate) fn quickstart(&self, more: &[&str]) -> Ran {
        let pin = ["--pin-file", self.pin.to_str().unwrap()];
        self.run(&[&Self::of_vault("quickstart"), &pin[..], more].concat())
    }
}

#[test]
fn a_node_lives_with_its_wrapper_key_in_a_token() {
    let token = Token::new();
    token.init(token.pin.to_str().unwrap()).succeeded();
    token.run(&["doctor"]).succeeded();
    token.run(&["keys", "list"]).succeeded();
    let config = fs::read_to_string(token.sandbox.config()).unwrap();
    assert!(!config.contains("4321"), "{config}");
}

#[test]
fn a_token_that_is_pulled_out_is_missed_and_may_come_back() {
    let token = Token::new();
    token.init(token.pin.to_str().unwrap()).succeeded();
    token.pull_out();
    let listed = token.run(&["keys", "list"]);
    listed.failed("KMS_PKCS11_TOKEN_MISSING", 3);
    token.put_back();
    token.run(&["keys", "list"]).succeeded();
}

#[test]
fn a_wrong_pin_is_tried_once() {
    let token = Token::new();
    let wrong = token.sandbox.write("wrong", "9999");
    let refused = token.init(wrong.to_str().unwrap());
    assert!(
        refused.stderr.contains("KMS_CREDENTIALS_REJECTED"),
        "{}",
        refused.stderr
    );
    token.init(token.pin.to_str().unwrap()).succeeded();
}

#[test]
fn a_token_is_named_with_its_library() {
    let token = Token::new();
    let refused = token.run(&["init", "--kms", "pkcs11", "--token", "vault"]);
    assert!(refused.stderr.contains("--module"), "{}", refused.stderr);
}
