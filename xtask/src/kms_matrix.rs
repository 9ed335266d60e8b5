//! The document that says which rule of the conformance suite was kept by which KMS, as the tests saw it.
//!
//! The tests record each outcome themselves, after the rule was checked, in a file that an environment variable names. So
//! whatever runs them can watch: no output is read, and `cargo xtask test` runs them once.

mod backends;
mod document;
mod matrix;
mod record;
mod rules;

use std::{
    collections::BTreeSet,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    documents::{self, Mode},
    program::Program,
    workspace,
};
use backends::BACKENDS;
use matrix::Matrix;

const DOCUMENT: &str = "docs/kms-matrix.md";

/// The suite, which is the list of its rules.
const SUITE: &str = "crates/test-support/src/kms";

/// Read by `strongroom-test-support`.
const VARIABLE: &str = "KMS_MATRIX_RECORD";

/// Runs the suite on every KMS, and nothing else.
pub(crate) fn run(mode: Mode) -> Result<()> {
    let recording = Recording::begin()?;
    recording.watch(suites()).run()?;
    recording.settle(mode)
}

fn suites() -> Program {
    let of = |flag: &'static str, names: BTreeSet<String>| {
        names
            .into_iter()
            .flat_map(move |name| [flag.to_owned(), name])
    };
    let packages = BACKENDS.iter().map(|backend| backend.package.to_owned());
    let binaries = BACKENDS.iter().map(|backend| backend.binary().to_owned());
    let filters: BTreeSet<_> = BACKENDS.iter().map(|backend| backend.filter()).collect();
    Program::cargo()
        .args(["test"])
        .args(of("--package", packages.collect()))
        .args(of("--test", binaries.collect()))
        .args(["--"])
        .args(filters)
}

/// What tests record from now on.
#[derive(Debug)]
pub(crate) struct Recording {
    path: PathBuf,
}

impl Recording {
    /// Forgets what earlier runs recorded.
    pub(crate) fn begin() -> Result<Self> {
        let target = workspace::metadata(&[])?.target_directory;
        Self::into_file(target.join("kms-matrix.jsonl").into_std_path_buf())
    }

    fn into_file(path: PathBuf) -> Result<Self> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("{} cannot be removed", path.display()))
            }
            _ => Ok(Self { path }),
        }
    }

    /// The program whose tests are to be recorded.
    pub(crate) fn watch(&self, program: Program) -> Program {
        program.env(VARIABLE, &self.path)
    }

    /// Writes or checks the document that follows from what was recorded.
    pub(crate) fn settle(&self, mode: Mode) -> Result<()> {
        let recorded = fs::read_to_string(&self.path)
            .with_context(|| format!("no test recorded anything in {}", self.path.display()))?;
        let suite = rules::read(&workspace::root().join(SUITE))?;
        let matrix = Matrix::try_new(suite, record::parse(&recorded)?)?;
        let text = document::generate(&matrix);
        documents::settle(mode, Path::new(DOCUMENT), &text, "cargo xtask kms-matrix")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_run_recorded_is_forgotten() {
        let path = std::env::temp_dir().join(format!("xtask-matrix-{}", std::process::id()));
        fs::write(&path, "old").unwrap();
        let recording = Recording::into_file(path).unwrap();
        let error = recording.settle(Mode::Check).unwrap_err();
        assert!(
            error.to_string().starts_with("no test recorded anything"),
            "{error}"
        );
    }

    #[test]
    fn every_kms_is_run_by_its_own_module() {
        let line = format!("{:?}", suites());
        for backend in BACKENDS {
            for part in [backend.package, backend.binary(), backend.filter()] {
                assert!(line.contains(part), "{part} in {line}");
            }
        }
    }
}
