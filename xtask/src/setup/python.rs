//! A virtual environment of Python with the packages of the tests.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};

use super::first_line;
use crate::{program::Program, workspace};

/// Pinned, with all that they need.
const REQUIREMENTS: &str = "xtask/python/requirements.txt";

/// The Python that makes the environment.
pub(super) fn check_system() -> Result<String, String> {
    // The module alone says nothing: Debian has it without what it needs.
    let probe = ["-c", "import ensurepip, sys, venv; print(sys.version)"];
    match Program::new("python3").args(probe).try_output() {
        Some(version) => Ok(first_line(&version)),
        None => Err("'python3' does not run, or makes no virtual environments".to_owned()),
    }
}

/// The environment, in the state that the file of requirements asks for.
pub(super) fn check_packages() -> Result<String, String> {
    let (folder, wanted) = paths().map_err(|error| format!("{error:#}"))?;
    let installed = fs::read(folder.join("requirements.txt")).ok();
    let wanted = fs::read(&wanted).map_err(|error| format!("{}: {error}", wanted.display()))?;
    if installed != Some(wanted) {
        return Err(format!("{} is not what it should be", folder.display()));
    }
    let probe = [
        "-c",
        "import boto3, google.cloud.kms, grpc_reflection, moto, prometheus_client; print('moto', moto.__version__)",
    ];
    let python = folder.join("bin/python");
    match Program::new(python).args(probe).try_output() {
        Some(version) => Ok(first_line(&version)),
        None => Err(format!("the packages in {} do not run", folder.display())),
    }
}

/// Makes it anew, and notes last of all that it is complete.
pub(super) fn install() -> Result<()> {
    let (folder, wanted) = paths()?;
    Program::new("python3")
        .args(["-m", "venv", "--clear"])
        .args([&folder])
        .run()?;
    Program::new(folder.join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--quiet",
        ])
        .args(["--no-deps", "--requirement"])
        .args([&wanted])
        .run()?;
    fs::copy(&wanted, folder.join("requirements.txt"))
        .with_context(|| format!("cannot write into {}", folder.display()))?;
    Ok(())
}

/// The folder of the environment, where the tests look for it, and the file of requirements.
fn paths() -> Result<(PathBuf, PathBuf)> {
    let target = workspace::metadata(&[])?.target_directory;
    let folder = target.join("python").into_std_path_buf();
    Ok((folder, workspace::root().join(REQUIREMENTS)))
}
