//! `backup restore`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use serde::Serialize;
use strongroom_server::access::Operation;
use strongroom_store::VaultId;
use strongroom_vault::{Caller, Restore, Restored, Settings, Vault, VaultError};

use super::file::{ReadBackup, UnlockArgs};
use crate::{
    args::Global,
    client::RELEASE,
    environment,
    open_kms::OpenKms,
    output, progress,
    session::{self, close},
    settings,
    store::ConfiguredStore,
};

/// Restore a vault from a backup, into a folder, or a configured database, that holds none.
///
/// The configuration is the one of the vault, and one of the wrapper keys of the backup must be there. Nothing is written
/// unless the backup opens; a vault that is there is never replaced; a backup older than what the anchor remembers is
/// refused.
///
/// The restored vault is in quarantine: it verifies and decrypts, and signs nothing until 'strongroom backup release', since
/// keys that were retired after the backup are active in it. Where 'backup.release' needs a second person (section `approvals`), nobody has it
/// sign alone. What waited for a second person when the backup was made is gone; that a change of the configuration needs one is remembered,
/// so bring the file of that time.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom backup restore vault.backup --identity-file key.txt\n  \
    strongroom backup restore vault.backup --accept-older \\\n    --passphrase-file /run/secrets/backup")]
pub(crate) struct Options {
    /// The backup.
    file: PathBuf,
    #[command(flatten)]
    unlock: UnlockArgs,
    /// Restore it although the anchor remembers a later state: what was done since is lost.
    #[arg(long)]
    accept_older: bool,
    /// End the quarantine at once: no key was retired or rotated since the backup. Where that needs a second person it is asked for, and
    /// 'backup release' does it when it was approved.
    #[arg(long)]
    accept: bool,
}

#[derive(Serialize)]
struct Report {
    vault_id: String,
    keys: usize,
    /// That of the backup.
    generation: u64,
    /// What the anchor remembered before.
    anchored_generation: Option<u64>,
    quarantine: bool,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let caller = environment::caller()?;
    let (mark, config) = session::read_marked_config(global)?;
    let backup = ReadBackup::open(&options.file, &options.unlock)?;
    let settings = Settings {
        configuration: Some(mark),
        ..settings::settings(&config)?
    };
    let kms = OpenKms::open(&config, &global.kms).await?;
    let store = ConfiguredStore::of(&config, &global.dir)?.create().await?;
    let environment = kms.environment(Arc::clone(&store), &config);
    let how = Restore {
        vault: Some(VaultId::from_bytes(config.vault.id_bytes()?)),
        accept_older: options.accept_older,
    };
    let bar = progress::spinner(global, "restoring");
    let restored = Vault::restore_backup(environment, settings, &caller, &backup.store, how).await;
    bar.finish_and_clear();
    let Restored {
        vault,
        generation,
        remembered,
        ..
    } = match restored {
        Ok(restored) => restored,
        Err(refused) => {
            session::close_refused(store).await;
            return Err(refused.into());
        }
    };
    let released = if options.accept {
        release(global, &vault, &caller).await
    } else {
        Ok(())
    };
    let report = Report {
        vault_id: vault.id().to_string(),
        keys: vault.key_count(),
        generation,
        anchored_generation: remembered,
        quarantine: vault.is_quarantined(),
    };
    close(vault).await;
    released?;
    output::print(global.output, &report, |out| {
        writeln!(
            out,
            "restored {} with {}, as it was at generation {}",
            report.vault_id,
            output::counted(report.keys as u64, "key"),
            report.generation
        )?;
        if !report.quarantine {
            return Ok(());
        }
        writeln!(out, "it is in quarantine: it signs nothing yet")?;
        writeln!(out, "what to do: strongroom errors VAULT_IN_QUARANTINE")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A vault that was just restored knows of nobody's yes: where one is needed, this asks for it.
async fn release(global: &Global, vault: &Vault, caller: &Caller) -> Result<(), VaultError> {
    let reason = global.break_glass.as_deref();
    session::approved(vault, caller, reason, Operation::BackupRelease, RELEASE).await?;
    vault.release(caller).await
}
