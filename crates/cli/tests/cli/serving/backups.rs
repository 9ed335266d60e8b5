//! Backups that the server makes by itself, as the configuration wants them.

use std::{fs, thread, time::Duration};

use age::secrecy::ExposeSecret;
use serde_json::Value;

use super::{Serving, with_server};
use crate::support::Sandbox;

/// A vault with such a schedule, into a folder of the sandbox.
fn with_schedule(protection: &str, lines: &str) -> Sandbox {
    let sandbox = with_server("");
    fs::create_dir(sandbox.path("backups")).unwrap();
    let folder = sandbox.path("backups").display().to_string();
    sandbox.edit_config(|config| {
        format!(
            "{config}\n[backup.schedule]\nfolder = \"{folder}\"\nprotection = {protection}\n{lines}\n"
        )
    });
    sandbox
}

const UNENCRYPTED: &str = "{ type = \"unencrypted\" }";

/// The value of a number, once it is another one.
fn once_not(serving: &Serving, name: &str, value: &str) -> String {
    for _look in 0..1200 {
        let (_status, text) = serving.get("/metrics");
        let mut lines = text.lines();
        let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let found = found.unwrap_or_else(|| panic!("no {name} in {text}"));
        if found != value {
            return found.to_owned();
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("{name} stays {value}");
}

fn names(sandbox: &Sandbox) -> Vec<String> {
    let names = fs::read_dir(sandbox.path("backups")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

fn check_of(report: &Value, name: &str) -> Value {
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {report}"))
        .clone()
}

#[test]
fn a_server_backs_its_vault_up_for_a_recipient_and_verifies_that() {
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public();
    let secret = tempfile::tempdir().unwrap();
    let file = secret.path().join("identity");
    let protection = format!(
        "{{ type = \"recipients\", keys = [\"{recipient}\"], identity-file = \"{}\" }}",
        file.display()
    );
    let sandbox = with_schedule(&protection, "keep = 1\nevery = \"1h\"");
    let written = sandbox.write("identity", identity.to_string().expose_secret());
    fs::rename(written, &file).unwrap();
    let due = sandbox.json(["doctor"]);
    assert_eq!(check_of(&due, "backup schedule")["status"], "warning");
    // What a server has left that died while it handed a backup out.
    let left = sandbox.vault().join(".backup-left");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("vault.backup"), "half of it").unwrap();

    let serving = Serving::start(&sandbox);
    once_not(
        &serving,
        "strongroom_last_verified_backup_timestamp_seconds",
        "0.0",
    );
    assert!(!left.exists());
    let (_status, text) = serving.get("/metrics");
    for line in [
        "strongroom_backup_schedule_failures 0.0",
        "strongroom_backup_schedule_seconds 3600.0",
        "strongroom_backups{verified=\"true\"} 1.0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    assert!(serving.end().success());

    let files = names(&sandbox);
    assert_eq!(files.len(), 1, "{files:?}");
    let bytes = sandbox.read(&format!("backups/{}", files[0]));
    assert!(bytes.starts_with(b"age-encryption.org/v1\n"));
    let listed = sandbox.json(["backup", "list"]);
    let listed = listed["backups"].as_array().unwrap();
    assert!(
        listed.len() == 1 && listed[0]["verified_at"].is_string(),
        "{listed:?}"
    );
    let fine = sandbox.json(["doctor"]);
    assert_eq!(check_of(&fine, "backup schedule")["status"], "ok");
    // The next start finds nothing to do, and the command neither.
    let serving = Serving::start(&sandbox);
    assert!(serving.end().success());
    assert_eq!(names(&sandbox), files);
}

#[test]
fn a_server_that_is_told_to_end_at_once_leaves_a_whole_backup_or_none() {
    let sandbox = with_schedule(UNENCRYPTED, "");
    let serving = Serving::start(&sandbox);
    assert!(serving.end().success());
    let files = names(&sandbox);
    assert!(
        files.iter().all(|name| name.ends_with(".backup")),
        "{files:?}"
    );
    let listed = sandbox.json(["backup", "list"]);
    assert_eq!(listed["backups"].as_array().unwrap().len(), files.len());
}

#[test]
fn a_backup_that_fails_is_counted_and_nothing_else_stops() {
    let sandbox = with_schedule(UNENCRYPTED, "");
    fs::remove_dir(sandbox.path("backups")).unwrap();
    let told = sandbox.json(["doctor"]);
    let check = check_of(&told, "backup schedule");
    assert_eq!(check["status"], "warning");
    assert!(
        check["detail"]
            .as_str()
            .unwrap()
            .starts_with("there is no folder")
    );
    let serving = Serving::start(&sandbox);
    let failures = once_not(&serving, "strongroom_backup_schedule_failures", "0.0");
    assert_eq!(failures, "1.0");
    assert_eq!(serving.get("/readyz").0, 200);
    assert!(serving.end().success());
}

#[test]
fn a_configuration_that_could_not_back_up_is_refused_and_one_that_may_not_be_meant_is_doubted() {
    let check = ["config", "check"];
    let nobody = with_schedule(
        "{ type = \"recipients\", keys = [\"age1nobody\"] }",
        "verify = false",
    );
    nobody.run(check).failed("BACKUP_RECIPIENT_INVALID", 2);
    nobody
        .run(["serve", "--address", "127.0.0.1:0"])
        .failed("BACKUP_RECIPIENT_INVALID", 2);
    let blind = with_schedule("{ type = \"recipients\", keys = [\"age1nobody\"] }", "");
    let ran = blind.run(check).failed("CONFIG_INVALID", 2);
    assert!(
        ran.stderr.contains("backup.schedule.verify"),
        "{}",
        ran.stderr
    );
    let doubtful = with_schedule(UNENCRYPTED, "every = \"8760h\"");
    let report = doubtful.json(check);
    let warnings = report["warnings"].to_string();
    for doubt in ["reads names of keys", "max-backup-age"] {
        assert!(warnings.contains(doubt), "{doubt} in {warnings}");
    }
}
