//! `backup`: making, verifying, restoring, listing and forgetting backups.

mod create;
mod file;
mod forget;
mod list;
mod release;
mod restore;
mod schedule;
mod verify;
pub(crate) mod view;

use std::process::ExitCode;

use clap::Subcommand;

use crate::args::Global;

/// What to do with backups.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(create::Options),
    Verify(verify::Options),
    Restore(restore::Options),
    List(list::Options),
    Forget(forget::Options),
    Release(release::Options),
    Schedule(schedule::Options),
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(options) => create::run(global, options).await,
        Command::Verify(options) => verify::run(global, options).await,
        Command::Restore(options) => restore::run(global, options).await,
        Command::List(options) => list::run(global, options).await,
        Command::Forget(options) => forget::run(global, options).await,
        Command::Release(options) => release::run(global, options).await,
        Command::Schedule(options) => schedule::run(global, options).await,
    }
}
