//! `backup release`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::{
    args::Global,
    client::{Client, Released},
    failure::CliError,
    output,
};

/// End the quarantine of a vault that was restored, or accepted against its anchor: it signs again.
///
/// Before, bring topology up to date and retire the keys that it no longer lists. Nothing can check that but you; the audit
/// log keeps a record of it. 'backup.release' in the section `approvals` makes it need a second person: that is the second person for restoring a
/// backup and for accepting a rollback.
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
    let client = Client::open(global).await?;
    let released = client.release().await;
    client.close().await;
    let Released {
        vault_id,
        quarantine,
    } = released?;
    let report = Report {
        vault_id,
        quarantine,
    };
    output::print(global.output, &report, |out| {
        writeln!(out, "{} signs again", report.vault_id)
    })?;
    Ok(ExitCode::SUCCESS)
}
