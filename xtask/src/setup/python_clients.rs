//! The official Python clients of the clouds, in a virtual environment of the target folder: the outside judges of our
//! simulators. The tests find it as `python` beside the profiles, unless STRONGROOM_PYTHON names another interpreter.

use std::path::PathBuf;

use anyhow::Result;

use crate::{program::Program, workspace};

/// Packages of PyPI and their versions. What a simulator is checked against changes only here.
const CLIENTS: &[(&str, &str)] = &[("boto3", "1.44.5")];

/// Says which clients are there, or which is missing or of another version.
pub(super) fn check() -> Result<String, String> {
    let interpreter = interpreter().map_err(|error| format!("{error:#}"))?;
    let mut found = Vec::new();
    for (package, wanted) in CLIENTS {
        let script = format!("import importlib.metadata as m; print(m.version('{package}'))");
        let version = Program::new(&interpreter)
            .args(["-c", &script])
            .try_output();
        judge(package, wanted, version.as_deref())?;
        found.push(format!("{package} {wanted}"));
    }
    Ok(found.join(", "))
}

fn judge(package: &str, wanted: &str, version: Option<&str>) -> Result<(), String> {
    match version.map(str::trim) {
        Some(version) if version == wanted => Ok(()),
        Some(version) => Err(format!("{package} is {version}, not {wanted}")),
        None => Err(format!("{package} is not there")),
    }
}

/// Makes the environment anew and installs the clients from PyPI.
pub(super) fn install() -> Result<()> {
    let folder = folder()?;
    Program::new("python3")
        .args(["-m", "venv", "--clear"])
        .args([&folder])
        .run()?;
    let pins = CLIENTS
        .iter()
        .map(|(package, version)| format!("{package}=={version}"));
    Program::new(interpreter()?)
        .args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "--no-input"])
        .args(pins)
        .run()
}

/// Python 3 that can make virtual environments; Debian packs that apart.
pub(super) fn check_python() -> Result<String, String> {
    let script = "import ensurepip, sys, venv; print('Python', sys.version.split()[0])";
    match Program::new("python3").args(["-c", script]).try_output() {
        Some(version) => Ok(version.trim().to_owned()),
        None => Err("'python3' does not run, or cannot make virtual environments".to_owned()),
    }
}

fn folder() -> Result<PathBuf> {
    Ok(workspace::target_folder()?.join("python"))
}

fn interpreter() -> Result<PathBuf> {
    Ok(folder()?.join("bin/python"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pinned_version_will_do() {
        assert_eq!(judge("boto3", "1.44.5", Some("1.44.5\n")), Ok(()));
        assert_eq!(
            judge("boto3", "1.44.5", Some("1.44.6\n")),
            Err("boto3 is 1.44.6, not 1.44.5".to_owned())
        );
        assert_eq!(
            judge("boto3", "1.44.5", None),
            Err("boto3 is not there".to_owned())
        );
    }

    #[test]
    fn the_environment_lies_where_the_tests_look() {
        let interpreter = interpreter().unwrap();
        assert!(interpreter.ends_with("python/bin/python"));
        assert!(interpreter.starts_with(workspace::target_folder().unwrap()));
    }
}
