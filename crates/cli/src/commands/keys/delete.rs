//! `keys delete`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_crypto::Fingerprint;

use crate::{args::Global, failure::CliError, output, session::Session};

/// Destroy a key, both halves. Only a backup brings it back.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom keys delete 1220... --yes")]
pub(crate) struct Options {
    /// The key.
    fingerprint: Fingerprint,
    /// Yes, destroy it.
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Report {
    deleted: String,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    if !options.yes {
        return Err(CliError::NotConfirmed { flag: "--yes" }.into());
    }
    let session = Session::open(global).await?;
    session
        .vault
        .delete_key(&session.caller, &options.fingerprint)
        .await?;
    session.close().await;
    let report = Report {
        deleted: options.fingerprint.to_string(),
    };
    output::print(global.output, &report, |out| {
        writeln!(out, "deleted {}", report.deleted)
    })?;
    Ok(ExitCode::SUCCESS)
}
