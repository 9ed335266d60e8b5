//! `replicas`: the processes that share the vault's database.

mod join;
mod list;
mod step_down;

use std::process::ExitCode;

use clap::Subcommand;
use strongroom_store::{ReplicaRecord, Replicas, StoreError};

use crate::args::Global;

/// What to do with the processes that share the vault's database.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Join(join::Options),
    List(list::Options),
    StepDown(step_down::Options),
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Join(options) => join::run(global, options).await,
        Command::List(options) => list::run(global, options).await,
        Command::StepDown(options) => step_down::run(global, options).await,
    }
}

/// Who writes, as far as the database says; nobody vouches for it.
async fn writer(replicas: &dyn Replicas) -> Result<Option<ReplicaRecord>, StoreError> {
    let all = replicas.list().await?;
    Ok(all.into_iter().find(|replica| replica.is_writer))
}
