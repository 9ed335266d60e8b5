//! `replicas step-down`.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use serde::Serialize;
use strongroom_store::Replicas;
use tokio::time::Instant;

use super::writer;
use crate::{args::Global, failure::CliError, output, session, store::ConfiguredStore};

/// How often it is looked who writes.
const PAUSE: Duration = Duration::from_millis(100);

/// Ask the process that writes to give the lease up, and wait until it did.
///
/// It finishes what it is writing, and leaves the lease to the others for a while; it goes on signing. Before a restart of its
/// machine, so that nobody waits for it.
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
    let config = session::read_config(global)?;
    let configured = ConfiguredStore::of(&config, &global.dir)?;
    let store = configured
        .open_shared()
        .await?
        .ok_or(CliError::OneProcess)?;
    let done = ask(store.as_ref(), Duration::from_secs(options.wait)).await;
    session::close_refused(store).await;
    let report = done?;
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

async fn ask(replicas: &dyn Replicas, patience: Duration) -> anyhow::Result<Report> {
    let Some(before) = writer(replicas).await? else {
        return Ok(Report {
            stepped_down: None,
            writer: None,
        });
    };
    let began = Instant::now();
    replicas.ask_to_step_down().await?;
    loop {
        let now = writer(replicas).await?;
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
