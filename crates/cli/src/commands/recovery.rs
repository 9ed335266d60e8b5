//! `recovery`: keys that are kept offline, for the day when every KMS is lost.

mod create;

use std::process::ExitCode;

use clap::Subcommand;

use crate::args::Global;

/// What to do with recovery keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(create::Options),
}

pub(crate) fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(options) => create::run(global, options),
    }
}
