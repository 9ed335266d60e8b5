//! `replicas step-down`.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use serde::Serialize;
use strongroom_store::{ReplicaRecord, Replicas as _};
use tokio::time::Instant;

use super::writer;
use crate::{
    args::Global, failure::CliError, output, remote::Server, session, store::ConfiguredStore,
};

/// How often it is looked who writes.
const PAUSE: Duration = Duration::from_millis(100);

/// Ask the process that writes to give the lease up, and wait until it did.
///
/// It finishes what it is writing, and leaves the lease to the others for a while; it goes on signing. Before a restart of its
/// machine, so that nobody waits for it. With --endpoint the server that is named does so, if it is the one that writes.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom replicas step-down\n  \
    strongroom replicas step-down --wait 60 --output json")]
pub(crate) struct Options {
    /// How many seconds to wait for it.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    wait: u64,
}

#[derive(Serialize)]
struct Report {
    /// Who wrote; none if nobody did.
    stepped_down: Option<String>,
    /// Who writes now; none if nobody has taken the lease yet.
    writer: Option<String>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let patience = Duration::from_secs(options.wait);
    let report = match Server::connect(global).await? {
        Some(server) => there(&server, patience).await?,
        None => here(global, patience).await?,
    };
    output::print(global.output, &report, |out| {
        match &report.stepped_down {
            Some(name) => writeln!(out, "{name} gave the lease up")?,
            None => writeln!(out, "nobody had the lease")?,
        }
        match &report.writer {
            Some(name) => writeln!(out, "{name} writes now"),
            None => writeln!(out, "nobody writes: the next change takes the lease"),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn here(global: &Global, patience: Duration) -> anyhow::Result<Report> {
    let config = session::read_config(global)?;
    let configured = ConfiguredStore::of(&config, &global.dir)?;
    let store = configured
        .open_shared()
        .await?
        .ok_or(CliError::OneProcess)?;
    let writer = async || Ok(writer(store.as_ref()).await?);
    let ask = async || Ok(store.ask_to_step_down().await?);
    let done = step_down(writer, ask, patience).await;
    session::close_refused(store).await;
    done
}

/// A server gives up its own lease, and nobody else's.
async fn there(server: &Server, patience: Duration) -> anyhow::Result<Report> {
    let writer = async || {
        let (shared, listed) = server.replicas().await?;
        if !shared {
            return Err(CliError::OneProcess.into());
        }
        Ok(listed.into_iter().find(|replica| replica.is_writer))
    };
    step_down(writer, async || server.step_down().await, patience).await
}

/// Asks whoever writes, and waits until somebody else does, or nobody.
async fn step_down(
    writer: impl AsyncFn() -> anyhow::Result<Option<ReplicaRecord>>,
    ask: impl AsyncFn() -> anyhow::Result<()>,
    patience: Duration,
) -> anyhow::Result<Report> {
    let Some(before) = writer().await? else {
        return Ok(Report {
            stepped_down: None,
            writer: None,
        });
    };
    let began = Instant::now();
    ask().await?;
    loop {
        let now = writer().await?;
        if now.as_ref().is_none_or(|now| now.id != before.id) {
            return Ok(Report {
                stepped_down: Some(before.name),
                writer: now.map(|now| now.name),
            });
        }
        if began.elapsed() >= patience {
            return Err(CliError::NotSteppedDown { name: before.name }.into());
        }
        tokio::time::sleep(PAUSE).await;
    }
}
