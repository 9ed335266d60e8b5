//! What a run saw, for `cargo xtask kms-matrix`.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;

use serde_json::json;
use strongroom_kms::Capabilities;

use super::subject::Failure;
use super::trial::Trial;

/// Names the file that gets a line for each trial that ended as it should; unset: nothing is recorded.
const RECORD: &str = "KMS_MATRIX_RECORD";

/// How a trial ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Kept,
    KnownWrong,
    NotOffered,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::KnownWrong => "known wrong",
            Self::NotOffered => "not offered",
        }
    }
}

/// Appends a line. To be called last in a test, so that nothing is recorded that fails afterwards.
pub(super) fn record(
    trial: Trial,
    outcome: Outcome,
    capabilities: &Capabilities,
) -> Result<(), Failure> {
    let Some(path) = env::var_os(RECORD) else {
        return Ok(());
    };
    let line = json!({
        "subject": trial.subject,
        "rule": trial.rule,
        "outcome": outcome.word(),
        "capabilities": {
            "signing": words(&capabilities.signing_specs),
            "encryption": words(&capabilities.encryption_specs),
            "import": words(&capabilities.import_specs),
            "multi_region": capabilities.multi_region,
            "rewraps_inside": capabilities.rewraps_inside,
            "max_wrap_bytes": capabilities.max_wrap_bytes,
            "max_message_bytes": capabilities.max_message_bytes,
        },
    });
    // Tests of several processes append at the same time: a line must go out in one piece.
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    Ok(file.write_all(format!("{line}\n").as_bytes())?)
}

fn words<T: ToString>(specs: &[T]) -> Vec<String> {
    specs.iter().map(ToString::to_string).collect()
}
