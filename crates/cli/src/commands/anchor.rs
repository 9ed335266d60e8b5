//! `anchor`: what remembers the latest state.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Subcommand;
use serde::Serialize;
use strongroom_config::Config;
use strongroom_store::VaultId;
use strongroom_vault::{AnchorRecord, StoredTag, Vault};

use crate::{
    args::Global, environment, failure::CliError, open_kms::OpenKms, output, session, settings,
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
    ///
    /// Where the anchor remembers another state, keys that were retired since are active in the database. The vault is then in
    /// quarantine: it verifies and decrypts, and signs nothing until 'strongroom backup release', which needs a second person if
    /// the section `approvals` names 'backup.release'.
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
    /// The tag of a wrapper key, if it is an anchor too.
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<TagReport>,
    /// Whether the vault signs nothing after its state was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine: Option<bool>,
}

#[derive(Serialize)]
struct TagReport {
    kms: String,
    wrapper_key_id: Option<String>,
    generation: Option<u64>,
}

impl From<StoredTag> for TagReport {
    fn from(tag: StoredTag) -> Self {
        Self {
            kms: tag.kms,
            wrapper_key_id: tag.wrapper_key_id,
            generation: tag.generation,
        }
    }
}

/// The tag as it stands in its KMS: the vault is not opened, which may be what is refused.
async fn tag(
    global: &Global,
    config: &Config,
    kms: Option<OpenKms>,
) -> anyhow::Result<Option<TagReport>> {
    if config.anchor.kms_tag.is_none() {
        return Ok(None);
    }
    let kms = match kms {
        Some(kms) => kms,
        None => OpenKms::open(config, &global.kms).await?,
    };
    let settings = settings::settings(config)?;
    let store = session::open_store_of(config, &global.dir).await?;
    let environment = kms.environment(store.clone(), config);
    let read = Vault::read_anchor_tag(&environment, &settings).await;
    session::close_refused(store).await;
    Ok(read?.map(TagReport::from))
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    let caller = environment::caller()?;
    let config = session::read_config(global)?;
    let anchor = session::anchor(&config);
    let (mut opened, mut quarantine) = (None, None);
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
        let settings = settings::settings(&config)?;
        let store = ConfiguredStore::of(&config, &global.dir)?.open().await?;
        let environment = kms.environment(store, &config);
        let id = VaultId::from_bytes(config.vault.id_bytes()?);
        let vault = Vault::danger_accept_state(environment, settings, &caller, id).await?;
        quarantine = Some(vault.is_quarantined());
        vault.close().await?;
        opened = Some(kms);
    }
    let report = Report {
        location: anchor.location(),
        record: anchor.load()?,
        tag: tag(global, &config, opened).await?,
        quarantine,
    };
    output::print(global.output, &report, |out| {
        writeln!(
            out,
            "anchor      {}",
            report.location.as_deref().unwrap_or("none")
        )?;
        if let Some(tag) = &report.tag {
            print_tag(out, tag)?;
        }
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
        )?;
        if report.quarantine == Some(true) {
            writeln!(out, "the vault is in quarantine: it signs nothing yet")?;
            writeln!(out, "what to do: strongroom errors VAULT_IN_QUARANTINE")?;
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

fn print_tag(out: &mut dyn Write, tag: &TagReport) -> io::Result<()> {
    let key = tag.wrapper_key_id.as_deref().unwrap_or("none");
    writeln!(out, "tag         of the wrapper key {key} in {}", tag.kms)?;
    match tag.generation {
        Some(generation) => writeln!(out, "            generation {generation}"),
        None => writeln!(
            out,
            "            it is not there: 'strongroom errors ANCHOR_TAG_MISSING'"
        ),
    }
}
