//! The KMS log: which lines stand in it, where it is, and that nothing secret does.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    needles::Needles,
    other_kms::Cloud,
    support::{Ran, Sandbox},
};

const TRACE: &str = "40d47592f1bd50f37e6804fbdff404dd";

/// Lines of a log, each without its date and thread, and with its request ids as `#1`, `#2` in the order in which they come.
fn lines(log: &Path) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap();
    let mut ids = Vec::new();
    text.lines().map(|line| anonymous(line, &mut ids)).collect()
}

fn anonymous(line: &str, ids: &mut Vec<String>) -> String {
    let (date, rest) = line.split_at(24);
    let (day, time) = date.trim_end().split_once(' ').unwrap();
    assert_eq!((day.len(), time.len()), (10, 12), "{line}");
    assert_eq!(time.as_bytes()[8], b',', "{line}");
    let (thread, rest) = rest.split_once("] ").unwrap();
    assert!(thread.starts_with('[') && thread.len() > 1, "{line}");
    let mut shown = String::new();
    let mut rest = rest;
    while let Some((before, after)) = rest.split_once('[') {
        let (inside, after) = after.split_once(']').unwrap();
        let is_span = inside.len() == 16 && inside.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_uuid = inside.len() == 36 && inside.split('-').count() == 5;
        let inside = match inside.strip_prefix("Aws-Id: ") {
            Some(id) => {
                assert!(
                    id.len() > 8 && id != "UNKNOWN",
                    "AWS names each request: {line}"
                );
                "Aws-Id: #".to_owned()
            }
            None if is_span || is_uuid => {
                let known = ids.iter().position(|id| id == inside);
                let place = known.unwrap_or_else(|| {
                    ids.push(inside.to_owned());
                    ids.len() - 1
                });
                format!("#{}", place + 1)
            }
            None => inside.to_owned(),
        };
        shown += &format!("{before}[{inside}]");
        rest = after;
    }
    shown + rest
}

/// Runs a command whose KMS log is named by the environment, as a part of a trace.
fn logged(sandbox: &Sandbox, log: &Path, args: &[&str]) -> Ran {
    let mut command = sandbox.command(args);
    command
        .env("KMS_LOG_FILE_NAME", log)
        .env("STRONGROOM_TRACE_ID", TRACE);
    Ran::of(command).succeeded()
}

fn configure_log(sandbox: &Sandbox, section: &str) {
    sandbox.edit_config(|text| text.replace("[custody]", &format!("{section}\n[custody]")));
}

#[test]
fn each_call_of_aws_stands_in_the_log_as_in_cantons() {
    let cloud = Cloud::new();
    let log = cloud.sandbox.path("log/kms.log");
    logged(&cloud.sandbox, &log, &cloud.init(&[]));
    let (key, endpoint) = (cloud.wrapper_key(), cloud.simulator.endpoint());
    let of = format!("INFO  c.d.c.c.k.a.a.AwsRequestResponseLogger:kms=aws tid:{TRACE} -");
    let plaintext = "Plaintext=** Redacted plaintext placeholder **";
    let ciphertext = "CiphertextBlob=** Ciphertext placeholder **";
    let named = format!("KeyId={key}, EncryptionAlgorithm=SYMMETRIC_DEFAULT");
    let made = "KeyPurpose=ENCRYPT_DECRYPT, KeyScheme=SYMMETRIC_DEFAULT";
    assert_eq!(
        lines(&log),
        [
            format!("{of} Sending request [#1]: CreateKeyRequest({made}) to {endpoint}"),
            format!(
                "{of} Received response [#1]: [Aws-Id: #] - CreateKeyResponse(KeyId={key}, {made})"
            ),
            format!(
                "{of} Sending request [#2]: EncryptRequest({plaintext}, {named}) to {endpoint}"
            ),
            format!(
                "{of} Received response [#2]: [Aws-Id: #] - EncryptResponse({ciphertext}, {named})"
            ),
        ]
    );
    let opened = cloud.sandbox.path("log/opened.log");
    logged(&cloud.sandbox, &opened, &["keys", "list"]);
    assert_eq!(
        lines(&opened),
        [
            format!(
                "{of} Sending request [#1]: DecryptRequest({ciphertext}, {named}) to {endpoint}"
            ),
            format!(
                "{of} Received response [#1]: [Aws-Id: #] - DecryptResponse({plaintext}, {named})"
            ),
        ]
    );
}

#[test]
fn other_key_management_systems_are_logged_in_the_lines_of_google() {
    let sandbox = Sandbox::with_vault();
    let log = sandbox.path("kms.log");
    sandbox
        .run(["keys", "list", "--kms-log-file-name", log.to_str().unwrap()])
        .succeeded();
    let key = sandbox.json(["kms", "show"])["kms"][0]["keys"][0]["id"].clone();
    let named = format!(
        "KeyId={}, EncryptionAlgorithm=GOOGLE_SYMMETRIC_ENCRYPTION",
        key.as_str().unwrap()
    );
    let of = "INFO  c.d.c.c.k.g.a.GcpRequestResponseLogger:kms=local -";
    assert_eq!(
        lines(&log),
        [
            format!(
                "{of} Sending request [#1]: DecryptRequest(CiphertextBlob=** Ciphertext placeholder **, {named})."
            ),
            format!(
                "{of} Received response DecryptResponse(Plaintext=** Redacted plaintext placeholder **, {named}). \
                 Original request [#1]"
            ),
        ]
    );
}

#[test]
fn keys_that_the_kms_seals_itself_leave_nothing_secret_in_the_log() {
    let sandbox = Sandbox::with_vault();
    let log = sandbox.path("kms.log");
    configure_log(&sandbox, &format!("[kms-log]\nfile = {log:?}\n"));
    sandbox.edit_config(|text| text.replace("sealing = \"data-key\"", "sealing = \"direct\""));
    let key = sandbox.signing_key("ec-p256", "protocol");
    let message = sandbox.write("message", "a message that nobody else shall read");
    sandbox
        .run(["sign", "--key", &key, message.to_str().unwrap()])
        .succeeded();
    let der = sandbox.export(&key, "pkcs8-der", "key.der");
    let text = fs::read(&log).unwrap();
    let encrypted = String::from_utf8(text.clone()).unwrap();
    assert!(encrypted.contains("EncryptRequest(") && encrypted.contains("DecryptResponse("));
    let needles = Needles::of_pkcs8("key", &fs::read(der).unwrap());
    assert_eq!(needles.count(&text), 0, "{encrypted}");
    assert!(!encrypted.contains("a message that"), "{encrypted}");
}

#[test]
fn a_failed_call_is_a_warning_with_its_code_below() {
    let cloud = Cloud::with_vault(&[]);
    let key = cloud.wrapper_key();
    let administrator = cloud.simulator.administrator("eu-central-1");
    administrator.disable_key(&key).unwrap();
    let log = cloud.sandbox.path("kms.log");
    let refused = cloud
        .sandbox
        .run(["keys", "list", "--kms-log-file-name", log.to_str().unwrap()]);
    assert_ne!(refused.status, 0);
    let text = fs::read_to_string(&log).unwrap();
    let warning = text
        .lines()
        .position(|line| line.contains("] WARN  c.d.c.c.k.a.a."));
    let mut after = text.lines().skip(warning.unwrap());
    assert!(after.next().unwrap().ends_with("] failed."), "{text}");
    assert!(
        after.next().unwrap().starts_with("KMS_KEY_DISABLED: "),
        "{text}"
    );
}

#[test]
fn without_a_file_the_lines_go_where_other_lines_go() {
    let sandbox = Sandbox::with_vault();
    sandbox.edit_config(|text| {
        text.replace("type = \"local\"", "audit-logging = true\ntype = \"local\"")
    });
    let ran = sandbox
        .run(["keys", "list", "--log", "strongroom::kms_log=info"])
        .succeeded();
    assert!(ran.stderr.contains("DecryptRequest("), "{}", ran.stderr);
    assert_eq!(
        sandbox.run(["keys", "list"]).succeeded().stderr,
        "",
        "warnings only"
    );
}

#[test]
fn a_kms_that_is_not_to_be_logged_is_not() {
    let sandbox = Sandbox::with_vault();
    sandbox.edit_config(|text| {
        text.replace(
            "type = \"local\"",
            "audit-logging = false\ntype = \"local\"",
        )
    });
    let log = sandbox.path("kms.log");
    logged(&sandbox, &log, &["keys", "list"]);
    assert!(!log.exists());
}

#[test]
fn commands_append_to_the_file_of_the_day_and_the_name_is_a_link_to_it() {
    let sandbox = Sandbox::with_vault();
    let log = sandbox.path("kms.log");
    configure_log(&sandbox, &format!("[kms-log]\nfile = {log:?}\n"));
    for calls in [2, 4] {
        sandbox.run(["keys", "list"]).succeeded();
        assert_eq!(lines(&log).len(), calls);
    }
    let newest = fs::read_link(&log).unwrap();
    let date = newest.to_str().unwrap().strip_prefix("kms.log.").unwrap();
    assert_eq!(date.len(), "2026-11-28".len());
    let hourly: PathBuf = sandbox.path("hourly.log");
    let mut command = sandbox.command(["keys", "list"]);
    command
        .env("KMS_LOG_FILE_NAME", &hourly)
        .env("KMS_LOG_FILE_ROLLING_PATTERN", "yyyy-MM-dd-HH")
        .env("KMS_LOG_FILE_HISTORY", "2")
        .env("KMS_LOG_IMMEDIATE_FLUSH", "false");
    Ran::of(command).succeeded();
    assert_eq!(
        lines(&hourly).len(),
        2,
        "the flags win, and nothing is lost without the flush"
    );
    let newest = fs::read_link(&hourly).unwrap();
    assert_eq!(
        newest.to_str().unwrap().len(),
        "hourly.log.2026-11-28-03".len()
    );
}

#[test]
fn a_log_that_cannot_be_written_stops_the_command_before_any_call() {
    let cloud = Cloud::with_vault(&[]);
    cloud.simulator.reset_calls();
    let theirs = cloud.sandbox.write("canton_kms.log", "theirs");
    let args = [
        "keys",
        "list",
        "--kms-log-file-name",
        theirs.to_str().unwrap(),
    ];
    cloud.sandbox.refuses(args, "KMS_LOG_NOT_OPENED", 3);
    let nowhere = theirs.join("kms.log");
    let args = [
        "keys",
        "list",
        "--kms-log-file-name",
        nowhere.to_str().unwrap(),
    ];
    cloud.sandbox.refuses(args, "KMS_LOG_NOT_OPENED", 3);
    assert_eq!(cloud.simulator.calls().total(), 0);
}
