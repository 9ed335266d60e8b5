//! A process whose SoftHSM and kryoptic keep their tokens in a folder of its own.
//!
//! Both learn from the environment where their tokens are, once for the process. No process may change its own
//! environment safely, so this one starts itself again: with the same arguments, in the same place, before any test has
//! done anything.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";
const CONFIGURATION: &str = "SOFTHSM2_CONF";

/// In the target folder, where the set-up builds it.
const KRYOPTIC: &str = "kryoptic/release/libkryoptic_pkcs11.so";
const KRYOPTIC_CONFIGURATION: &str = "KRYOPTIC_CONF";
/// Kryoptic has as many tokens as its configuration names.
const KRYOPTIC_SLOTS: usize = 100;

/// Set in a process that is to run a single test, alone.
const ALONE: &str = "STRONGROOM_TEST_ALONE";

/// A library with tokens in software.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Library {
    SoftHsm,
    /// It does RSA-OAEP with SHA-256, which SoftHSM does not.
    Kryoptic,
}

impl Library {
    pub(crate) fn module(self) -> PathBuf {
        let (path, advice) = match self {
            Self::SoftHsm => (
                PathBuf::from(SOFTHSM),
                "cargo xtask setup, or apt-get install softhsm2",
            ),
            Self::Kryoptic => (target().join(KRYOPTIC), "cargo xtask setup"),
        };
        assert!(
            path.exists(),
            "this test needs {self:?} at {}: {advice}",
            path.display()
        );
        path
    }
}

/// Where SoftHSM is.
pub(crate) fn module() -> PathBuf {
    Library::SoftHsm.module()
}

/// Makes sure that this process has tokens of its own. To be called before a library is loaded.
pub(crate) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let given = std::env::var_os(CONFIGURATION).map(PathBuf::from);
        let is_ours = given == Some(folder().join("softhsm2.conf"));
        // Comes back only if it fails.
        let failure = (!is_ours).then(|| with_tokens(std::env::args_os().skip(1)).exec());
        assert!(
            failure.is_none(),
            "this program does not start again: {failure:?}"
        );
    });
}

/// Where the tokens of this process are. The number of the process stays the same when it starts itself again.
pub(crate) fn tokens() -> PathBuf {
    folder().join("tokens")
}

/// Runs `test`, which is called `name` with its modules, in a process in which nothing else happens.
pub(crate) fn alone(name: &str, test: impl FnOnce()) {
    prepare();
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn folder() -> PathBuf {
    base().join(std::process::id().to_string())
}

fn base() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("softhsm")
}

fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// This program with other arguments, and a new folder for tokens.
fn with_tokens(arguments: impl Iterator<Item = std::ffi::OsString>) -> Command {
    remove_leftovers();
    std::fs::create_dir_all(tokens()).unwrap();
    let configuration = folder().join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens().display()
    );
    std::fs::write(&configuration, text).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments).env(CONFIGURATION, configuration);
    let configuration = folder().join("kryoptic.conf");
    std::fs::write(&configuration, kryoptic_configuration()).unwrap();
    command.env(KRYOPTIC_CONFIGURATION, configuration);
    command
}

fn kryoptic_configuration() -> String {
    let slot = |number| {
        let database = tokens().join(format!("{number}.sql"));
        format!(
            "[[slots]]\nslot = {number}\ndbtype = \"sqlite\"\ndbargs = \"{}\"\n",
            database.display()
        )
    };
    (0..KRYOPTIC_SLOTS).map(slot).collect()
}

/// Nobody tells a test process that it ends, so each takes away what ended ones left, and what an earlier process of the
/// same number left.
fn remove_leftovers() {
    let Ok(folders) = std::fs::read_dir(base()) else {
        return;
    };
    for folder in folders.flatten() {
        let name = folder.file_name();
        let lives = Path::new("/proc").join(&name).exists();
        if !lives || name == *std::process::id().to_string() {
            // Another process may take it away at the same time.
            let _gone = std::fs::remove_dir_all(folder.path());
        }
    }
}
