//! What the tests recorded: a line of JSON for each trial.

use anyhow::{Context, Result};
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trial {
    pub(super) subject: String,
    pub(super) rule: String,
    pub(super) outcome: Outcome,
    pub(super) capabilities: Capabilities,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The rule was checked and held.
    #[serde(rename = "kept")]
    Kept,
    /// It was checked and did not hold, which was expected.
    #[serde(rename = "known wrong")]
    KnownWrong,
    /// Nothing was checked, since the KMS promises nothing that the rule is about.
    #[serde(rename = "not offered")]
    NotOffered,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct Capabilities {
    pub(super) signing: Vec<String>,
    pub(super) encryption: Vec<String>,
    pub(super) import: Vec<String>,
    pub(super) multi_region: bool,
    pub(super) rewraps_inside: bool,
    pub(super) max_wrap_bytes: usize,
    pub(super) max_message_bytes: usize,
}

pub(super) fn parse(recorded: &str) -> Result<Vec<Trial>> {
    let trial =
        |line| serde_json::from_str(line).with_context(|| format!("no record of a trial: {line}"));
    recorded.lines().map(trial).collect()
}
