//! Documents that the program itself knows best: its help and its error codes.

mod cli_document;
mod error_document;

use std::path::Path;

use anyhow::Result;

use crate::{
    documents::{self, Mode},
    program::Program,
    workspace,
};

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
        documents::settle(mode, Path::new(name), &text, "cargo xtask codegen")?;
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
