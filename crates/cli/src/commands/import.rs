//! `import`: the keys that other programs keep.

mod canton_db;

use std::process::ExitCode;

use clap::Subcommand;

use crate::args::Global;

/// From where keys come.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    CantonDb(canton_db::Options),
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::CantonDb(options) => canton_db::run(global, options).await,
    }
}
