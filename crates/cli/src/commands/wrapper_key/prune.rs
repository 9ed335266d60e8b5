//! `wrapper-key prune`.

use std::{collections::BTreeSet, process::ExitCode};

use clap::Args;
use serde::Serialize;
use strongroom_server::access::Operation;

use crate::{args::Global, failure::CliError, output, session::Session};

/// Remove the data keys that rotations retired, with their wraps. Backups from their time cannot be accepted any more.
///
/// Refused as long as a row, or a backup that the vault knows of, needs one. No wrapper key is touched: those that only
/// retired data keys needed can be disabled in their KMS once no backup of that time is kept.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom wrapper-key prune --yes")]
pub(crate) struct Options {
    /// Yes, nobody will restore a backup from before the last rotation.
    #[arg(long)]
    yes: bool,
    /// Even if a backup that the vault knows of needs one: it is gone, or can be.
    #[arg(long)]
    danger_backups_become_worthless: bool,
}

#[derive(Serialize)]
struct Report {
    pruned_data_key_ids: Vec<String>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    if !options.yes {
        return Err(CliError::NotConfirmed { flag: "--yes" }.into());
    }
    let session = Session::open(global).await?;
    let request = format!(
        "wrapper-key prune danger-backups-become-worthless={}",
        options.danger_backups_become_worthless
    );
    session
        .approved(global, Operation::WrapperKeysPrune, &request)
        .await?;
    let needed = if options.danger_backups_become_worthless {
        BTreeSet::new()
    } else {
        session.vault.data_keys_of_backups()
    };
    let pruned = session
        .vault
        .prune_data_keys(&session.caller, &needed)
        .await;
    session.close().await;
    let report = Report {
        pruned_data_key_ids: pruned?.iter().map(ToString::to_string).collect(),
    };
    output::print(global.output, &report, |out| {
        match report.pruned_data_key_ids.as_slice() {
            [] => writeln!(out, "there is no retired data key"),
            pruned => writeln!(out, "removed {}: {}", keys(pruned.len()), pruned.join(", ")),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn keys(count: usize) -> String {
    output::counted(count, "retired data key")
}
