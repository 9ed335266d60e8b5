//! `serve`, met by clients that others wrote: they know the services by reflection only.

#[path = "serving/backups.rs"]
mod backups;
#[path = "serving/configuration.rs"]
mod configuration;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

#[path = "serving/traces.rs"]
mod traces;

use serde_json::{Value, json};

use crate::support::{Ran, Sandbox};

/// A running server, which ends with this.
pub(crate) struct Serving {
    child: Child,
    report: Value,
}

impl Serving {
    pub(crate) fn start(sandbox: &Sandbox) -> Self {
        Self::start_with(sandbox, |_command| {})
    }

    /// After `change` has had a look at the command.
    pub(crate) fn start_with(sandbox: &Sandbox, change: impl FnOnce(&mut Command)) -> Self {
        let args = ["serve", "--address", "127.0.0.1:0", "--output", "json"];
        let mut command = sandbox.command(args);
        change(&mut command);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut document = String::new();
        // One document, and then it runs.
        let report = loop {
            let line = lines.next().expect("the server reports").unwrap();
            document.push_str(&line);
            if let Ok(report) = serde_json::from_str(&document) {
                break report;
            }
        };
        Self { child, report }
    }

    pub(crate) fn grpc(&self) -> &str {
        self.report["grpc"].as_str().unwrap()
    }

    fn http(&self) -> &str {
        self.report["http"].as_str().unwrap()
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Status and body of a page.
    pub(crate) fn get(&self, page: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.http()).unwrap();
        write!(
            stream,
            "GET {page} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end as an operator does, and says how it ended.
    pub(crate) fn end(mut self) -> std::process::ExitStatus {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }

    /// Waits until it has ended by itself, and says how.
    pub(crate) fn ends(mut self) -> std::process::ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < Duration::from_secs(90), "it runs on");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ended_already = self.child.wait();
    }
}

pub(crate) fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("python/bin/python")
}

/// What a client written in Python says of a server, asked to do `steps`: rpc and message, one after the other.
fn client(sandbox: &Sandbox, serving: &Serving, steps: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/serving/client.py");
    let mut command = Command::new(python());
    command
        .arg(script)
        .arg(serving.grpc())
        .arg(steps.to_string());
    command.current_dir(sandbox.path(""));
    let ran = Ran::of(command).succeeded();
    serde_json::from_slice(&ran.stdout).unwrap()
}

const VAULT: &str = "com.digitalasset.canton.crypto.admin.v30.VaultService";
const IDENTITY: &str = "com.digitalasset.canton.topology.admin.v30.IdentityInitializationService";
const READ: &str = "com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService";

fn with_server(lines: &str) -> Sandbox {
    let sandbox = Sandbox::with_vault();
    sandbox.edit_config(|config| format!("{config}\n[server]\nhttp = \"127.0.0.1:0\"\n{lines}\n"));
    sandbox
}

#[test]
fn a_client_that_knows_nothing_makes_a_key_signs_with_it_and_deletes_it() {
    let sandbox = with_server("");
    let serving = Serving::start(&sandbox);
    let answers = client(
        &sandbox,
        &serving,
        &json!([
            [format!("{VAULT}/GenerateSigningKey"), {
                "name": "from-python",
                "usageV30": ["SIGNING_KEY_USAGE_PROTOCOL"],
            }],
            [format!("{VAULT}/ListMyKeys"), { "filters": { "name": "from-python" } }],
            ["com.digitalasset.canton.connection.v30.ApiInfoService/GetApiInfo", {}],
            [format!("{VAULT}/DeleteKeyPair"), { "fingerprint": "nonsense" }],
        ]),
    );
    let made = &answers[0]["ok"]["v30"];
    assert_eq!(made["keySpec"], "SIGNING_KEY_SPEC_EC_CURVE25519");
    let listed = answers[1]["ok"]["privateKeysMetadata"].as_array().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["v30"]["name"], "from-python");
    assert_eq!(answers[2]["ok"]["name"], "admin-api");
    let error = &answers[3]["error"];
    assert_eq!(error["code"], "INVALID_ARGUMENT");
    let told = error["details"].as_str().unwrap();
    assert!(
        told.starts_with("PROTO_DESERIALIZATION_FAILURE(8,"),
        "{told}"
    );
    // The command line sees the same key once the server has ended.
    assert!(serving.end().success());
    let keys = sandbox.json(["keys", "list"]);
    let names = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["name"]);
    assert!(
        names.into_iter().any(|name| name == "from-python"),
        "{keys}"
    );
}

#[test]
fn a_node_gets_its_identity_from_a_root_certificate_that_openssl_signed() {
    let sandbox = with_server("init-identity = true");
    let openssl = |line: &str| {
        let mut command = sandbox.program("openssl", line.split_whitespace());
        assert!(command.status().unwrap().success(), "openssl {line}");
    };
    openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out root.pem");
    openssl("pkey -in root.pem -pubout -out root-public.pem");
    let key = [
        "keys",
        "generate-signing",
        "--usage",
        "namespace",
        "--name",
        "NamespaceDelegation",
    ];
    let made = sandbox.json(key);
    let fingerprint = made["fingerprint"].as_str().unwrap().to_owned();
    let shown = sandbox.run(["keys", "show", &fingerprint]).succeeded();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let pem = shown
        .lines()
        .skip_while(|line| !line.contains("BEGIN PUBLIC"));
    let pem: Vec<_> = pem.take_while(|line| !line.is_empty()).collect();
    sandbox.write("node.key", pem.join("\n"));
    for (name, what) in [("root", "--root"), ("node", "--target-key node.key")] {
        let line = format!("topology root prepare {what} --root-key root-public.pem --out {name}");
        sandbox.run(line.split_whitespace()).succeeded();
        openssl(&format!(
            "pkeyutl -sign -rawin -digest sha256 -inkey root.pem -in {name}.hash -out {name}.der"
        ));
        let line = format!(
            "topology root assemble --prepared {name}.prep --signature {name}.der --root-key root-public.pem --out {name}.cert"
        );
        sandbox.run(line.split_whitespace()).succeeded();
    }
    let serving = Serving::start(&sandbox);
    let answers = client(
        &sandbox,
        &serving,
        &json!([
            [format!("{IDENTITY}/GetId"), {}],
            [format!("{IDENTITY}/InitId"), {
                "identifier": "participant1",
                "namespaceDelegations": [{ "@certificate": "root.cert" }, { "@certificate": "node.cert" }],
            }],
            [format!("{IDENTITY}/GetId"), {}],
            [format!("{READ}/ListNamespaceDelegation"), {
                "baseQuery": { "store": { "authorized": {} }, "headState": {} },
            }],
            ["com.digitalasset.canton.admin.participant.v30.ParticipantStatusService/ParticipantStatus", {}],
        ]),
    );
    assert!(answers[0]["ok"]["initialized"].is_null(), "{answers}");
    assert!(answers[1]["ok"].is_object(), "{answers}");
    let uid = answers[2]["ok"]["uniqueIdentifier"].as_str().unwrap();
    assert!(uid.starts_with("participant1::1220"), "{uid}");
    assert_eq!(answers[3]["ok"]["results"].as_array().unwrap().len(), 2);
    assert_eq!(answers[4]["ok"]["status"]["commonStatus"]["uid"], uid);
    let (_status, numbers) = serving.get("/metrics");
    let fallback = "daml_participant_kms_session_signing_keys_fallback_total 0";
    assert!(numbers.contains(fallback), "{numbers}");
}

#[test]
fn probes_and_numbers_are_there_and_a_scraper_reads_them() {
    let sandbox = with_server("");
    let key = ["keys", "generate-signing", "--usage", "protocol"];
    sandbox.run(key).succeeded();
    let serving = Serving::start(&sandbox);
    for page in ["/healthz", "/readyz", "/health"] {
        let (status, body) = serving.get(page);
        assert_eq!(status, 200, "{page}: {body}");
    }
    assert_eq!(serving.get("/anything").0, 404);
    let (status, text) = serving.get("/metrics");
    assert_eq!(status, 200);
    sandbox.write("metrics.txt", &text);
    let script = "import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = text_string_to_metric_families(open(sys.argv[1]).read())
print(json.dumps({sample.name: sample.value for family in families for sample in family.samples}))";
    let mut command = Command::new(python());
    command
        .args(["-c", script])
        .arg(sandbox.path("metrics.txt"));
    let ran = Ran::of(command).succeeded();
    let numbers: Value = serde_json::from_slice(&ran.stdout).unwrap();
    for (name, value) in [
        ("strongroom_in_touch", 1.0),
        ("strongroom_waiting_keys", 0.0),
        ("strongroom_quarantined", 0.0),
        ("strongroom_kms_calls", 1.0),
        ("daml_signing_latency_seconds_count", 0.0),
    ] {
        assert_eq!(numbers[name], value, "{name} in {text}");
    }
    // Each is documented.
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let documents = std::fs::read_to_string(documents).unwrap();
    for line in text.lines() {
        if let Some(metric) = line.strip_prefix("# TYPE ") {
            let name = metric.split(' ').next().unwrap();
            assert!(documents.contains(&format!("`{name}")), "{name}");
        }
    }
    // Nothing that the pages tell costs a call.
    assert!(
        text.contains("strongroom_kms_calls{kms=\"local\",operation=\"unwrap_key\"} 1"),
        "{text}"
    );
}

#[test]
fn an_address_that_others_reach_is_refused_while_nothing_says_who_may_do_what() {
    let sandbox = Sandbox::with_vault();
    let ran = sandbox.refuses(["serve", "--address", "0.0.0.0:0"], "CONFIG_INVALID", 2);
    assert!(ran.stderr.contains("address"));
}

#[test]
fn numbers_that_others_can_see_are_told_by_the_check_and_by_the_server() {
    let sandbox = Sandbox::with_vault();
    let before = std::fs::read_to_string(sandbox.config()).unwrap();
    let warns = |text: &str| text.contains("sees readiness and metrics");
    for (address, is_open) in [
        ("127.0.0.1:0", false),
        ("[::1]:0", false),
        ("[::ffff:127.0.0.1]:0", false),
        ("0.0.0.0:0", true),
        ("[::]:0", true),
    ] {
        sandbox.edit_config(|_| format!("{before}\n[server]\nhttp = \"{address}\"\n"));
        let checked = sandbox.json(["config", "check"]);
        assert_eq!(
            warns(&checked["warnings"].to_string()),
            is_open,
            "{address}"
        );
    }
    sandbox.edit_config(|_| format!("{before}\n[server]\nhttp = \"0.0.0.0:0\"\n"));
    let log = std::fs::File::create(sandbox.path("log")).unwrap();
    let serving = Serving::start_with(&sandbox, |command| {
        command.stderr(log);
    });
    assert!(serving.end().success());
    let log = String::from_utf8(sandbox.read("log")).unwrap();
    assert!(warns(&log), "{log}");
}
