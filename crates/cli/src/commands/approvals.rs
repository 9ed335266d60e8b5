//! `approvals`: a second person for what needs one.

mod decide;
mod list;
pub(crate) mod view;

use std::process::ExitCode;

use clap::Subcommand;

use crate::args::Global;

/// What to do with what waits for a second person.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Options),
    Approve(decide::ApproveOptions),
    Reject(decide::RejectOptions),
    Acknowledge(decide::AcknowledgeOptions),
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(options) => list::run(global, options).await,
        Command::Approve(options) => decide::approve(global, options).await,
        Command::Reject(options) => decide::reject(global, options).await,
        Command::Acknowledge(options) => decide::acknowledge(global, options).await,
    }
}
