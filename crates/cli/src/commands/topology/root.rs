//! `topology root`: delegations by a root key that is kept offline.

mod assemble;
mod error;
mod files;
mod inspect;
mod prepare;
mod shape;
mod sign;

use std::process::ExitCode;

use clap::Subcommand;

pub(crate) use self::error::RootError;
use crate::args::Global;

/// The steps of a certificate.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Prepare(prepare::Options),
    Sign(sign::Options),
    Assemble(assemble::Options),
    Inspect(inspect::Options),
}

pub(super) fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Prepare(options) => prepare::run(global, options),
        Command::Sign(options) => sign::run(global, options),
        Command::Assemble(options) => assemble::run(global, options),
        Command::Inspect(options) => inspect::run(global, options),
    }
}
