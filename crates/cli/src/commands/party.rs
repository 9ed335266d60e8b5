//! `party`: keys of external parties, which sign what participants submit for them.

mod announce;
mod keys;
mod migrate;
mod rotate;
mod show;
mod sign;
mod verify;
mod view;

use std::process::ExitCode;

use clap::Subcommand;

use crate::args::Global;

/// What to do for a party.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Generate(keys::GenerateOptions),
    Register(keys::RegisterOptions),
    Announce(announce::Options),
    Show(show::Options),
    Sign(sign::Options),
    Verify(verify::Options),
    Rotate(rotate::Options),
    Migrate(migrate::Options),
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Generate(options) => keys::generate(global, options).await,
        Command::Register(options) => keys::register(global, options).await,
        Command::Announce(options) => announce::run(global, options).await,
        Command::Show(options) => show::run(global, options).await,
        Command::Sign(options) => sign::run(global, options).await,
        Command::Verify(options) => verify::run(global, options).await,
        Command::Rotate(options) => rotate::run(global, options).await,
        Command::Migrate(options) => migrate::run(global, options).await,
    }
}
