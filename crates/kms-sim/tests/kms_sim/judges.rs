//! The outside judges: the Python clients of Amazon and Google.

use std::path::{Path, PathBuf};
use std::process::Command;

use strongroom_kms_sim::{Scenario, Simulator};

/// The Python that `cargo xtask setup` made.
fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("python/bin/python")
}

/// Runs a script of `tests/clients` against a new simulator, and counts the calls that came.
fn judged_by(script: &str) -> u64 {
    let python = python();
    assert!(
        python.exists(),
        "{} is not there: run 'cargo xtask setup'",
        python.display()
    );
    let simulator = Simulator::start(Scenario::default()).unwrap();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let output = Command::new(python)
        .arg(scripts.join(script))
        .args([simulator.endpoint(), simulator.control_endpoint()])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{complaints}");
    simulator.calls().total()
}

#[test]
fn amazons_python_client_finds_the_aws_face_to_be_aws() {
    assert!(judged_by("aws_scenario.py") > 100);
}

#[test]
fn googles_python_client_finds_the_google_face_to_be_google() {
    assert!(judged_by("gcp_scenario.py") > 100);
}
