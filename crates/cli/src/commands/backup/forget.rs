//! `backup forget`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_server::access::Operation;
use strongroom_store::BackupId;

use crate::{args::Global, failure::CliError, output, session::Session};

/// Let the vault count on a backup no longer: its file is gone, or nobody will restore it.
///
/// What only this backup needed can then be pruned ('strongroom wrapper-key prune'). The file is not touched; to verify it makes
/// the vault know it again.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom backup list\n  strongroom backup forget ID --yes")]
pub(crate) struct Options {
    /// The id of the backup: 'strongroom backup list' shows it.
    id: BackupId,
    /// Yes, nobody will restore it.
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Report {
    forgotten: String,
    created_at: String,
    /// When the newest verified one that is left was made.
    last_verified: Option<String>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    if !options.yes {
        return Err(CliError::NotConfirmed { flag: "--yes" }.into());
    }
    let session = Session::open(global).await?;
    let request = format!("backup forget {}", options.id);
    session
        .approved(global, Operation::BackupForget, &request)
        .await?;
    let vault = &session.vault;
    let forgotten = vault.forget_backup(&session.caller, options.id).await;
    let last_verified = vault.last_verified_backup().map(output::moment);
    session.close().await;
    let forgotten = forgotten?;
    let report = Report {
        forgotten: forgotten.id.to_string(),
        created_at: output::moment(forgotten.created_at),
        last_verified,
    };
    output::print(global.output, &report, |out| {
        writeln!(
            out,
            "forgot the backup {} of {}",
            report.forgotten, report.created_at
        )?;
        match &report.last_verified {
            Some(_) => Ok(()),
            None => writeln!(out, "no verified backup is left"),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
