//! `audit`: the audit log.

mod export;
mod key;
mod list;
mod reconcile;
mod tail;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

use crate::args::Global;

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Options),
    Tail(tail::Options),
    Verify(verify::Options),
    Export(export::Options),
    Key(key::Options),
    Reconcile(reconcile::Options),
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(options) => list::run(global, options).await,
        Command::Tail(options) => tail::run(global, options).await,
        Command::Verify(options) => verify::run(global, options).await,
        Command::Export(options) => export::run(global, options).await,
        Command::Key(options) => key::run(global, options).await,
        Command::Reconcile(options) => reconcile::run(global, &options),
    }
}
