//! `replicas join`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_config::{Config, with_replica};
use strongroom_files::Access;
use strongroom_store::VaultId;
use strongroom_vault::{Anchor as _, AnchorRecord, FileAnchor, Vault};

use crate::{
    args::Global, environment, failure::CliError, open_kms::OpenKms, output, session, settings,
    store::ConfiguredStore,
};

/// Let another process use a vault that is in a database: with a name, an anchor and a configuration of its own.
///
/// FILE is the configuration of a process that has the vault. It is written to the folder of this one, with another name and
/// another anchor, once the vault has opened with it. What the sections name must be reachable from here: the database, its
/// password, one of the key management systems.
///
/// Bring the anchor of that process along: then this one refuses another vault and an older state from its first day. Without it
/// nobody can check that but you.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom replicas join first/strongroom.toml --dir second --name eu-2 \\\n    --anchor first/anchor.json\n  \
    strongroom replicas join first/strongroom.toml --dir second \\\n    --i-know-this-database-is-the-right-one")]
pub(crate) struct Options {
    /// The configuration of a process that has the vault.
    file: PathBuf,
    /// What the others call this one [default: the name of the machine].
    #[arg(long)]
    name: Option<String>,
    /// Where the anchor goes [default: the user's configuration folder, strongroom/VAULT-ID].
    #[arg(long, value_name = "DIR")]
    key_dir: Option<PathBuf>,
    /// The anchor of that process.
    #[arg(long, value_name = "FILE")]
    anchor: Option<PathBuf>,
    /// Begin without it.
    #[arg(long, conflicts_with = "anchor")]
    i_know_this_database_is_the_right_one: bool,
}

#[derive(Serialize)]
struct Report {
    vault_id: String,
    name: String,
    config: String,
    anchor: String,
    keys: usize,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    session::refuse_endpoint(global)?;
    if options.anchor.is_none() && !options.i_know_this_database_is_the_right_one {
        let flag = "--anchor, or --i-know-this-database-is-the-right-one";
        return Err(CliError::FlagMissing { flag }.into());
    }
    let (files, path) = (session::files(), global.config_path());
    if files.read(&path)?.is_some() {
        let path = global.dir.clone();
        return Err(CliError::FolderInUse { path }.into());
    }
    let theirs = session::read_guarded_text(&options.file)?;
    let first = session::parse_config(&theirs)?;
    if first.store.is_none() {
        return Err(CliError::OneProcess.into());
    }
    let name = options.name.clone();
    let name = name.unwrap_or_else(environment::host_name);
    let anchor = own_anchor(&options, &first, &name)?;
    let text = with_replica(&theirs, &name, &anchor)?;
    let config = session::parse_config(&text)?;
    let vault = open(global, &config, &options, &anchor).await?;
    let report = Report {
        vault_id: vault.id().to_string(),
        name,
        config: path.display().to_string(),
        anchor: anchor.display().to_string(),
        keys: vault.key_count(),
    };
    session::close(vault).await;
    files.create_folder(&global.dir, Access::OwnerOnly)?;
    files.write_new_durably(&path, text.as_bytes(), Access::OwnerOnly)?;
    output::print(global.output, &report, |out| {
        writeln!(out, "{} has joined vault {}", report.name, report.vault_id)?;
        writeln!(out, "  configuration  {}", report.config)?;
        writeln!(out, "  anchor         {}", report.anchor)?;
        let vault = global.vault_args();
        writeln!(out, "Next: strongroom wrapper-key check {vault}")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Where the anchor goes. Other processes may be on this machine, and an anchor is one process's: it bears its name.
fn own_anchor(options: &Options, first: &Config, name: &str) -> anyhow::Result<PathBuf> {
    let folder = match &options.key_dir {
        Some(folder) => std::path::absolute(folder)?,
        None => environment::key_home()?.join(&first.vault.id),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let plain: String = name
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    let anchor = folder.join(format!("anchor-{plain}.json"));
    let is_theirs = first.vault.anchor.as_ref() == Some(&anchor);
    // One that an interrupted attempt left behind is taken up.
    let is_of_another_vault =
        load(&anchor)?.is_some_and(|record| record.vault_id != first.vault.id);
    if is_theirs || is_of_another_vault {
        return Err(CliError::KeyFolderInUse { path: folder }.into());
    }
    Ok(anchor)
}

fn load(anchor: &Path) -> anyhow::Result<Option<AnchorRecord>> {
    Ok(FileAnchor::new(session::files(), anchor).load()?)
}

/// How far a record remembers.
fn generation(record: &AnchorRecord) -> u64 {
    let newest = record.confirmed.as_ref().or(record.pending.as_ref());
    newest.map_or(0, |checkpoint| checkpoint.generation)
}

/// Opens the vault, as this process will.
async fn open(
    global: &Global,
    config: &Config,
    options: &Options,
    anchor: &Path,
) -> anyhow::Result<Vault> {
    let caller = environment::caller()?;
    let files = session::files();
    let kms = OpenKms::open(config, &global.kms).await?;
    if let Some(folder) = anchor.parent() {
        files.create_folder(folder, Access::OwnerOnly)?;
    }
    let store = ConfiguredStore::of(config, &global.dir)?.open().await?;
    let Some(theirs) = &options.anchor else {
        let environment = kms.environment(store, config);
        let id = VaultId::from_bytes(config.vault.id_bytes()?);
        let settings = settings::settings(config)?;
        return Ok(Vault::danger_accept_state(environment, settings, &caller, id).await?);
    };
    let (Some(remembered), Some(theirs)) = (files.read_guarded(theirs)?, load(theirs)?) else {
        let path = theirs.clone();
        return Err(CliError::NoSecretFile { path }.into());
    };
    // What is there, from an interrupted attempt, may have seen more since.
    let known = load(anchor)?;
    if known.is_none_or(|known| generation(&known) < generation(&theirs)) {
        files.write_durably(anchor, &remembered, Access::OwnerOnly)?;
    }
    session::open_vault(config, &kms, store).await
}
