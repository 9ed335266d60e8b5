//! Passphrases and passwords: from a file, the environment or the terminal; never from an argument.

use std::{env, path::Path};

use strongroom_config::{PromptTag, SecretSource};
use strongroom_files::{Files, OsFiles};
use strongroom_memory::SecretBytes;

use crate::{failure::CliError, terminal};

/// Reads the secret that `source` names. `what` stands in the prompt.
pub(crate) fn read(source: &SecretSource, what: &str) -> anyhow::Result<SecretBytes> {
    let secret = match source {
        SecretSource::File(path) => from_file(path)?,
        SecretSource::Environment(variable) => from_environment(variable)?,
        SecretSource::Prompt(PromptTag {}) => terminal::read_hidden(&format!("{what}: "))?,
    };
    if secret.is_empty() {
        return Err(CliError::EmptyPassphrase.into());
    }
    Ok(secret)
}

/// Reads a new secret; at the terminal it is typed twice.
pub(crate) fn read_new(source: &SecretSource, what: &str) -> anyhow::Result<SecretBytes> {
    let secret = read(source, what)?;
    if matches!(source, SecretSource::Prompt(_)) {
        let again = terminal::read_hidden(&format!("{what}, again: "))?;
        if again != secret {
            return Err(CliError::PassphrasesDiffer.into());
        }
    }
    Ok(secret)
}

/// The first line of a file that only its owner may read.
fn from_file(path: &Path) -> anyhow::Result<SecretBytes> {
    let Some(mut contents) = OsFiles::new().read_private(path)? else {
        return Err(CliError::NoSecretFile {
            path: path.to_owned(),
        }
        .into());
    };
    // EXPOSE: looks for the end of the first line only.
    let line = contents
        .expose()
        .iter()
        .position(|byte| *byte == b'\n' || *byte == b'\r');
    contents.truncate(line.unwrap_or(contents.len()));
    Ok(contents)
}

fn from_environment(variable: &str) -> anyhow::Result<SecretBytes> {
    let value = env::var_os(variable).ok_or_else(|| CliError::NoVariable {
        variable: variable.to_owned(),
    })?;
    Ok(SecretBytes::take(value.into_encoded_bytes()))
}
