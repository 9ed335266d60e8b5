//! `operations`: long work of a server, whoever began it.

mod cancel;
mod list;
pub(crate) mod view;
mod watch;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{
    args::Global,
    remote::{RemoteError, Server},
};

/// What to do with long work of a server.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Options),
    Watch(watch::Options),
    Cancel(cancel::Options),
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(options) => list::run(global, options).await,
        Command::Watch(options) => watch::run(global, options).await,
        Command::Cancel(options) => cancel::run(global, options).await,
    }
}

/// The server that is named: a vault that is here has no work that another command could see.
async fn server(global: &Global) -> anyhow::Result<Server> {
    let connected = Server::connect(global).await?;
    Ok(connected.ok_or(RemoteError::NotNamed)?)
}
