//! `backup list`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::view::BackupView;
use crate::{
    args::Global,
    client::{Backups, Client},
    output,
};

/// List the backups that were made of this vault, and when each was verified.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom backup list\n  \
    strongroom backup list --output json | jq '.backups[] | select(.verified_at)'")]
pub(crate) struct Options {}

#[derive(Serialize)]
struct Report {
    backups: Vec<BackupView>,
    /// When the newest verified one was made.
    last_verified: Option<String>,
}

pub(crate) async fn run(global: &Global, _options: Options) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let backups = client.backups().await;
    client.close().await;
    let Backups { all, last_verified } = backups?;
    let report = Report {
        backups: all,
        last_verified,
    };
    output::print(global.output, &report, |out| {
        let rows = report.backups.iter().map(BackupView::row);
        let header = ["BACKUP", "CREATED", "GENERATION", "VERIFIED", "SHA-256"];
        writeln!(out, "{}", output::table(header, rows))
    })?;
    Ok(ExitCode::SUCCESS)
}
