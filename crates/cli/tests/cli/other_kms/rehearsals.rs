//! Rehearsals: what is started for a run is gone with it.

use std::fs;

use serde_json::Value;

use crate::support::{Ran, Sandbox};

/// Runs a quickstart that leaves nothing behind, in a temporary folder that must be empty afterwards.
#[track_caller]
fn rehearse(kind: &str) -> Value {
    rehearse_with(kind, &[])
}

/// The same, with keys that the KMS holds: how many of the seven it does.
#[track_caller]
fn rehearse_external(kind: &str) -> usize {
    let shown = rehearse_with(kind, &["--custody", "external"]);
    let keys = shown["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 7, "{shown}");
    let held = keys.iter().filter(|key| key["custody"] == "external");
    held.count()
}

#[track_caller]
fn rehearse_with(kind: &str, more: &[&str]) -> Value {
    let sandbox = Sandbox::new();
    let temporary = sandbox.path("t");
    fs::create_dir(&temporary).unwrap();
    let before = sandbox.snapshot();
    let args = ["quickstart", "--kms", kind, "--rehearse"];
    let mut command = sandbox.command(args);
    command.args(["--output", "json"]).args(more);
    command.env("TMPDIR", &temporary);
    let ran = Ran::of(command).succeeded();
    let shown = ran.json();
    let checks = shown["checks"].as_array().unwrap();
    assert!(checks.len() > 5, "{shown}");
    let passed = checks.iter().all(|check| check["passed"] == true);
    assert!(passed, "{shown}");
    assert!(shown["kms_calls"].as_u64() > Some(0), "{shown}");
    sandbox.assert_unchanged(&before);
    assert!(!sandbox.vault().exists());
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    shown
}

#[test]
fn a_quickstart_with_aws_is_rehearsed_with_the_simulator() {
    assert_eq!(rehearse("aws")["rehearsal"], "a simulator of AWS KMS");
}

#[test]
fn a_quickstart_with_a_driver_is_rehearsed_with_one_over_the_embedded_kms() {
    let shown = rehearse("driver");
    assert_eq!(shown["rehearsal"], "a driver over the embedded KMS");
}

#[test]
fn a_quickstart_with_a_token_is_rehearsed_with_a_new_one_of_softhsm() {
    assert_eq!(rehearse("pkcs11")["rehearsal"], "a token of SoftHSM");
}

#[test]
fn a_quickstart_with_google_cloud_is_rehearsed_with_the_simulator() {
    let shown = rehearse("gcp");
    assert_eq!(shown["rehearsal"], "a simulator of Google Cloud KMS");
}

#[test]
fn every_kms_is_rehearsed_with_keys_that_it_holds() {
    assert_eq!(rehearse_external("aws"), 7);
    assert_eq!(rehearse_external("gcp"), 7);
    assert_eq!(rehearse_external("driver"), 7);
    // SoftHSM does not decrypt with RSA-OAEP and SHA-256: the old and the new encryption key are kept in the vault.
    assert_eq!(rehearse_external("pkcs11"), 5);
}

#[test]
fn a_rehearsal_without_softhsm_says_how_to_get_it() {
    let sandbox = Sandbox::new();
    let args = ["quickstart", "--kms", "pkcs11", "--rehearse"];
    let module = ["--module", "/nowhere/libsofthsm2.so"];
    let args = [&args[..], &module].concat();
    let refused = sandbox.refuses(args, "REHEARSAL_NEEDS_SOFTHSM", 3);
    assert!(refused.stderr.contains("/nowhere"), "{refused:?}");
    assert!(refused.stderr.contains("apt-get"), "{refused:?}");
}

/// To initialize a token is to wipe it: somebody who sets the variables of a rehearsal keeps what there is.
#[test]
fn a_rehearsal_makes_no_token_beside_another_one() {
    let token = super::Token::new();
    let folder = token.sandbox.path("t");
    fs::create_dir(&folder).unwrap();
    let args = ["quickstart", "--kms", "pkcs11", "--rehearse"];
    let mut command = token.sandbox.command(args);
    command
        .env("SOFTHSM2_CONF", &token.configuration)
        .env("STRONGROOM_REHEARSAL", &folder);
    let refused = Ran::of(command);
    refused.failed("KMS_PKCS11_SETTINGS_INVALID", 2);
    let tokens = fs::read_dir(token.sandbox.path("tokens")).unwrap();
    assert_eq!(tokens.count(), 1);
}

#[test]
fn a_rehearsal_takes_nothing_of_a_real_kms() {
    let sandbox = Sandbox::new();
    let args = ["quickstart", "--rehearse", "--kms", "aws"];
    for more in [
        ["--region", "eu-central-1"],
        ["--kms-endpoint", "http://[::1]:1"],
    ] {
        let args = [&args[..], &more].concat();
        sandbox.refuses(args, "WRONG_USAGE", 2);
    }
    sandbox.refuses(["quickstart", "--rehearse"], "WRONG_USAGE", 2);
}

/// Without --rehearse a quickstart with AWS means the real one, which needs a region.
#[test]
fn a_quickstart_with_aws_is_no_rehearsal_unless_it_is_asked_for() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["quickstart", "--kms", "aws"]);
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    let refused = Ran::of(command);
    assert_eq!(refused.code(), Some("KMS_AWS_NO_REGION"), "{refused:?}");
}
