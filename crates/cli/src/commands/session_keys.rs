//! `session-keys`: what secrets that are used for a while spare, and how long they live.

mod show;

use std::process::ExitCode;

use clap::Subcommand;

use crate::args::Global;

/// What to do with session keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Show(show::Options),
}

pub(crate) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Show(options) => show::run(global, options).await,
    }
}
