//! The outside judge: Amazon's own Python client.

use std::path::{Path, PathBuf};
use std::process::Command;

use strongroom_kms_sim::{Scenario, Simulator};

/// The Python that `cargo xtask setup` made.
fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("python/bin/python")
}

#[test]
fn amazons_python_client_finds_the_aws_face_to_be_aws() {
    let python = python();
    assert!(
        python.exists(),
        "{} is not there: run 'cargo xtask setup'",
        python.display()
    );
    let simulator = Simulator::start(Scenario::default()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/aws_scenario.py");
    let output = Command::new(python)
        .arg(script)
        .args([simulator.endpoint(), simulator.control_endpoint()])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{complaints}");
    assert!(simulator.calls().total() > 100, "{told}");
}
