//! `vault`: the vault as a whole.

mod move_to;
mod place;

use std::process::ExitCode;

use clap::Subcommand;

use crate::args::Global;

/// What to do with the vault as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Move(move_to::Options),
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Move(options) => move_to::run(global, options).await,
    }
}
