//! `backup release`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_server::access::Operation;

use crate::{args::Global, failure::CliError, output, session::Session};

/// End the quarantine of a restored vault: it signs again.
///
/// Before, bring topology up to date and retire the keys that it no longer lists. Nothing can check that but you; the audit
/// log keeps a record of it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom keys retire 1220...\n  \
    strongroom backup release --i-have-retired-what-is-no-longer-announced")]
pub(crate) struct Options {
    /// Yes, every key that is active here may sign.
    #[arg(long)]
    i_have_retired_what_is_no_longer_announced: bool,
}

#[derive(Serialize)]
struct Report {
    vault_id: String,
    quarantine: bool,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    if !options.i_have_retired_what_is_no_longer_announced {
        return Err(CliError::NotConfirmed {
            flag: "--i-have-retired-what-is-no-longer-announced",
        }
        .into());
    }
    let session = Session::open(global).await?;
    session
        .approved(global, Operation::BackupRelease, "backup release")
        .await?;
    let released = session.vault.release(&session.caller).await;
    let report = Report {
        vault_id: session.vault.id().to_string(),
        quarantine: session.vault.is_quarantined(),
    };
    session.close().await;
    released?;
    output::print(global.output, &report, |out| {
        writeln!(out, "{} signs again", report.vault_id)
    })?;
    Ok(ExitCode::SUCCESS)
}
