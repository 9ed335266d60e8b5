//! A wrapper key that is there before the vault, and is named.

use super::{Cloud, Google};
use crate::support::Sandbox;

#[test]
fn an_existing_wrapper_key_is_used_by_its_name() {
    let cloud = Cloud::with_vault(&[]);
    let key = cloud.wrapper_key();
    let second = cloud.sandbox.path("second");
    let mut args = cloud.init(&["--wrapper-key", &key]);
    args.extend(["--dir", second.to_str().unwrap()]);
    cloud.sandbox.run(args).succeeded();
    assert_eq!(cloud.wrapper_key(), key);
}

/// The same sandbox takes another attempt as if there had been none.
fn has_nothing(sandbox: &Sandbox) {
    assert!(!sandbox.vault().exists());
    assert!(!sandbox.key_home().exists());
}

#[test]
fn a_wrapper_key_that_cannot_be_used_leaves_nothing_behind() {
    let cloud = Cloud::new();
    let long = "k".repeat(301);
    for (key, code, status) in [
        ("", "KMS_KEY_ID_INVALID", 2),
        ("two\nlines", "KMS_KEY_ID_INVALID", 2),
        (&long, "KMS_KEY_ID_INVALID", 2),
        (
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "KMS_KEY_NOT_FOUND",
            3,
        ),
    ] {
        let args = cloud.init(&["--wrapper-key", key]);
        cloud.sandbox.run(args).failed(code, status);
        has_nothing(&cloud.sandbox);
    }
    assert_eq!(cloud.simulator.keys().unwrap().len(), 0);
    cloud.sandbox.run(cloud.init(&[])).succeeded();

    // One that is there, and not to be used.
    let key = cloud.wrapper_key();
    let administrator = cloud.simulator.administrator(super::REGION);
    administrator.disable_key(&key).unwrap();
    let other = Sandbox::new();
    let args = cloud.init(&["--wrapper-key", &key]);
    other.run(args.clone()).failed("KMS_KEY_DISABLED", 3);
    has_nothing(&other);
    administrator.enable_key(&key).unwrap();
    other.run(args).succeeded();
}

#[test]
fn a_wrapper_key_that_google_cannot_mean_leaves_nothing_behind() {
    let google = Google::new();
    let args = google.init(&["--wrapper-key", "../k"]);
    google.sandbox.run(args).failed("KMS_GCP_NAME_INVALID", 2);
    has_nothing(&google.sandbox);
}
