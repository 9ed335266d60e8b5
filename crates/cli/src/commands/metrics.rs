//! `metrics`: numbers for monitoring.

use std::process::ExitCode;

use clap::Args;

use crate::{args::Global, client::Client, output};

/// Print numbers for monitoring, as OpenMetrics text: backups, keys by place and state, ages and limits, wrapper keys, rotations.
///
/// For the textfile collector of a node exporter run it by the clock, and rename: a file that is half written is read as it is.
/// docs/metrics.md says what each number means. No number names a key of the vault. Each KMS is asked for the state of its
/// wrapper keys: over the network that takes the right to check them (`wrapper-keys.check`). Who may only see the status asks `/metrics`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom metrics\n  strongroom metrics > vault.tmp && mv vault.tmp vault.prom"
)]
pub(crate) struct Options {}

pub(crate) async fn run(global: &Global, _options: Options) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let numbers = client.numbers().await;
    client.close().await;
    output::write(numbers?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
