//! `backup list`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::view::BackupView;
use crate::{args::Global, output, session::Session};

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
    let session = Session::open(global).await?;
    let report = Report {
        backups: session.vault.backups().iter().map(BackupView::of).collect(),
        last_verified: session.vault.last_verified_backup().map(output::moment),
    };
    session.close().await;
    output::print(global.output, &report, |out| {
        let rows = report.backups.iter().map(BackupView::row);
        let header = ["BACKUP", "CREATED", "GENERATION", "VERIFIED", "SHA-256"];
        writeln!(out, "{}", output::table(header, rows))
    })?;
    Ok(ExitCode::SUCCESS)
}
