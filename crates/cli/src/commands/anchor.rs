//! `anchor`: what remembers the latest state.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use strongroom_store::VaultId;
use strongroom_vault::{AnchorRecord, Vault};

use crate::{
    args::Global, environment, failure::CliError, open_kms::OpenKms, output, session,
    store::ConfiguredStore,
};

/// What to do with the anchor.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what the anchor remembers
    #[command(
        after_help = "Examples:\n  strongroom anchor show\n  strongroom anchor show --output json | jq .record.confirmed"
    )]
    Show,
    /// Take the database as it is for the latest: after a restore, or when the anchor was lost
    #[command(
        after_help = "Examples:\n  strongroom anchor accept --i-know-this-database-is-the-right-one"
    )]
    Accept {
        /// Nothing can check this but you: an older copy of the database would be taken as well.
        #[arg(long)]
        i_know_this_database_is_the_right_one: bool,
    },
}

#[derive(Serialize)]
struct Report {
    location: Option<String>,
    record: Option<AnchorRecord>,
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    let caller = environment::caller()?;
    let config = session::read_config(global)?;
    let anchor = session::anchor(&config);
    if let Command::Accept {
        i_know_this_database_is_the_right_one,
    } = command
    {
        if !i_know_this_database_is_the_right_one {
            return Err(CliError::NotConfirmed {
                flag: "--i-know-this-database-is-the-right-one",
            }
            .into());
        }
        let kms = OpenKms::open(&config, &global.kms).await?;
        let store = ConfiguredStore::of(&config, &global.dir)?.open().await?;
        let environment = kms.environment(store, &config);
        let settings = session::settings(&config);
        let id = VaultId::from_bytes(config.vault.id_bytes()?);
        Vault::danger_accept_state(environment, settings, &caller, id)
            .await?
            .close()
            .await?;
    }
    let report = Report {
        location: anchor.location(),
        record: anchor.load()?,
    };
    output::print(global.output, &report, |out| {
        writeln!(
            out,
            "anchor      {}",
            report.location.as_deref().unwrap_or("none")
        )?;
        let Some(record) = &report.record else {
            return match &report.location {
                Some(_configured) => {
                    writeln!(out, "it is not there: 'strongroom errors ANCHOR_MISSING'")
                }
                None => Ok(()),
            };
        };
        writeln!(out, "vault       {}", record.vault_id)?;
        writeln!(out, "data key    {}", record.data_key_id)?;
        let generation = |checkpoint: &Option<strongroom_vault::Checkpoint>| {
            checkpoint.as_ref().map_or_else(
                || "-".to_owned(),
                |checkpoint| checkpoint.generation.to_string(),
            )
        };
        writeln!(
            out,
            "generation  {} (pending: {})",
            generation(&record.confirmed),
            generation(&record.pending)
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
