//! Where a secret is to be found; never the secret.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where a secret is to be found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum SecretSource {
    /// The first line of this file, which nobody but its owner may read.
    File(PathBuf),
    /// This environment variable.
    Environment(String),
    /// The terminal, asked each time.
    Prompt(PromptTag),
}

/// `prompt = {}`: asked at the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptTag {}
