//! Documents that the program itself knows best: its help and its error codes.

mod cli_document;
mod error_document;

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::{program::Program, workspace};

/// What to do with a document that is not up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write it.
    Write,
    /// Fail.
    Check,
}

/// Generates every document from the program as it is now.
pub(crate) fn run(mode: Mode) -> Result<()> {
    let program = workspace::built_program()?;
    let help = |path: &[String]| {
        let help = Program::new(&program).args(path).args(["--help"]);
        // The width of help is that of COLUMNS when no terminal is near.
        without_settings(help).env("COLUMNS", "110").output()
    };
    let errors =
        without_settings(Program::new(&program).args(["errors", "--output", "json"])).output()?;
    let documents = [
        ("docs/cli.md", cli_document::generate(help)?),
        ("docs/errors.md", error_document::generate(&errors)?),
    ];
    for (name, text) in documents {
        settle(mode, &workspace::root().join(name), name, &text)?;
    }
    Ok(())
}

/// The user's own settings must not leak into what is committed: help shows the values of variables.
fn without_settings(program: Program) -> Program {
    let ours = std::env::vars_os().map(|(name, _)| name);
    ours.filter(|name| {
        name.to_str()
            .is_some_and(|name| name.starts_with("STRONGROOM_") || name.starts_with("KMS_LOG_"))
    })
    .fold(program, Program::without_env)
}

fn settle(mode: Mode, path: &Path, name: &str, text: &str) -> Result<()> {
    let committed = fs::read_to_string(path).unwrap_or_default();
    if committed == text {
        println!("{name}: up to date");
        return Ok(());
    }
    match mode {
        Mode::Check => bail!(
            "{name} is not what the program says now. Run 'cargo xtask codegen' and commit the change."
        ),
        Mode::Write => {
            fs::write(path, text).with_context(|| format!("{name} cannot be written"))?;
            println!("{name}: written");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_writes_nothing_and_names_the_remedy() {
        let path = std::env::temp_dir().join(format!("xtask-codegen-{}.md", std::process::id()));
        let error = settle(Mode::Check, &path, "docs/x.md", "new").unwrap_err();
        assert!(error.to_string().contains("cargo xtask codegen"), "{error}");
        assert!(!path.exists());
        settle(Mode::Write, &path, "docs/x.md", "new").unwrap();
        settle(Mode::Check, &path, "docs/x.md", "new").unwrap();
        fs::remove_file(&path).unwrap();
    }
}
