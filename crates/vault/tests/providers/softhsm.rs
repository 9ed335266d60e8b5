//! A process whose SoftHSM keeps its tokens in a folder of its own.
//!
//! SoftHSM learns from the environment where its tokens are. No process may change its own environment safely, so the test
//! runs in a second process of the same program.

use std::{fs, path::Path, process::Command, sync::Arc};

use strongroom_crypto::{SystemRandom, clock::SystemClock};
use strongroom_kms_pkcs11::{Pkcs11Kms, Settings, TokenName};
use strongroom_memory::SecretBytes;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const CONFIGURATION: &str = "SOFTHSM2_CONF";
/// Set in the second process.
const ALONE: &str = "STRONGROOM_TEST_ALONE";
const PIN: &str = "1234-user";

/// Runs `test`, which is called `name` with its modules, over new tokens with these labels.
pub(crate) fn with_tokens(name: &str, labels: &[String], test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    assert!(
        Path::new(MODULE).exists(),
        "this test needs SoftHSM: cargo xtask setup, or apt-get install softhsm2"
    );
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    fs::create_dir(&tokens).unwrap();
    let configuration = folder.path().join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens.display()
    );
    fs::write(&configuration, text).unwrap();
    let run = |program: &mut Command| {
        let output = program.env(CONFIGURATION, &configuration).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{printed}\n{errors}");
        printed
    };
    for label in labels {
        run(Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", label])
            .args(["--pin", PIN, "--so-pin", "1234-officer"]));
    }
    let printed = run(Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, "1"));
    assert!(printed.contains("1 passed"), "{printed}");
}

/// The KMS over the token with this label.
pub(crate) fn open(label: String) -> Pkcs11Kms {
    let pin = SecretBytes::from_slice(PIN.as_bytes());
    let settings = Settings::new(MODULE, TokenName::Label(label), pin);
    Pkcs11Kms::open(settings, Arc::new(SystemRandom), Arc::new(SystemClock)).unwrap()
}
