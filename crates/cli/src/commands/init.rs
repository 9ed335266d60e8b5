//! `init`: make an empty vault.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use serde::Serialize;
use strongroom_config::{
    CacheConfig, Config, CustodyConfig, KmsConfig, KmsProviderConfig, PromptTag, Protection,
    SecretSource, VaultConfig,
};
use strongroom_crypto::{Random, SystemRandom, clock::SystemClock};
use strongroom_files::{Access, FileAction, FileError, Files};
use strongroom_kms::{KeyState, KmsKeyId};
use strongroom_kms_local::{
    DEFAULT_COST, KeyKind, LocalKey, LocalKms, Protection as FileProtection,
};
use strongroom_store::{Store, StoreError, VaultId};
use strongroom_store_sqlite::SqliteStore;
use strongroom_vault::{NewVault, Vault};

use crate::{
    args::Global,
    environment,
    failure::CliError,
    output, secrets,
    session::{self, OpenKms, Session},
};

/// The name of the embedded KMS in new configurations.
const LOCAL: &str = "local";

/// Make an empty vault: its configuration, its key file and its database.
///
/// The key file and the anchor go to the user's configuration folder, so that copying the vault's folder does not copy
/// its key. Interrupted, it is simply repeated.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom init --dir my-vault --passphrase-file /run/secrets/strongroom\n  \
    strongroom init --dir my-vault --passphrase-prompt --node participant1\n  \
    strongroom init --dir my-vault --unprotected-key-file")]
pub(crate) struct Options {
    /// The node's name, the prefix of the names of its keys.
    #[arg(long, default_value = "node")]
    node: String,
    /// Where key file and anchor go [default: the user's configuration folder, strongroom/VAULT-ID].
    #[arg(long, value_name = "DIR")]
    key_dir: Option<PathBuf>,
    #[command(flatten)]
    protection: ProtectionArgs,
}

/// What guards the key file; exactly one.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct ProtectionArgs {
    /// Protect the key file by the passphrase in this file.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Protect the key file by the passphrase in this environment variable.
    #[arg(long, value_name = "VARIABLE")]
    passphrase_env: Option<String>,
    /// Protect the key file by a passphrase typed at the terminal.
    #[arg(long)]
    passphrase_prompt: bool,
    /// Protect the key file by file permissions only.
    #[arg(long)]
    unprotected_key_file: bool,
}

impl ProtectionArgs {
    /// As it stands in the configuration.
    pub(crate) fn to_config(&self) -> anyhow::Result<Protection> {
        let from = if let Some(path) = &self.passphrase_file {
            SecretSource::File(std::path::absolute(path)?)
        } else if let Some(variable) = &self.passphrase_env {
            SecretSource::Environment(variable.clone())
        } else if self.passphrase_prompt {
            SecretSource::Prompt(PromptTag {})
        } else {
            return Ok(Protection::UnprotectedKeyFile {});
        };
        Ok(Protection::Passphrase { from })
    }
}

/// What `init` prints.
#[derive(Serialize)]
struct Report {
    vault_id: String,
    dir: PathBuf,
    config: PathBuf,
    key_files: Vec<PathBuf>,
    anchor: Option<PathBuf>,
    kms_calls: u64,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let protection = options.protection.to_config()?;
    refuse_other_plans(global, &protection)?;
    let session = make(
        global,
        &options.node,
        options.key_dir.as_deref(),
        protection,
    )
    .await?;
    let key_files: Vec<PathBuf> = session
        .kms
        .iter()
        .map(|kms| kms.local.path().to_owned())
        .collect();
    let report = Report {
        vault_id: session.vault.id().to_string(),
        dir: global.dir.clone(),
        config: global.config_path(),
        key_files,
        anchor: session.config.vault.anchor.clone(),
        kms_calls: session.kms.total_calls(),
    };
    session.close().await;
    output::print(global.output, &report, |out| {
        writeln!(
            out,
            "Made vault {} in {}",
            report.vault_id,
            report.dir.display()
        )?;
        writeln!(out, "  configuration  {}", report.config.display())?;
        for key_file in &report.key_files {
            writeln!(
                out,
                "  key file       {}  (back it up apart from the database)",
                key_file.display()
            )?;
        }
        if let Some(anchor) = &report.anchor {
            writeln!(out, "  anchor         {}", anchor.display())?;
        }
        writeln!(
            out,
            "Next: strongroom keys generate-signing --dir {} --usage protocol",
            report.dir.display()
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Makes a vault, or goes on with one whose making was interrupted.
///
/// The order makes every step repeatable: the configuration names the vault and its key file before either is there;
/// the database holds a vault only when its first commit is durable.
pub(crate) async fn make(
    global: &Global,
    node: &str,
    key_dir: Option<&Path>,
    protection: Protection,
) -> anyhow::Result<Session> {
    let files = session::files();
    let config = if files.read(&global.config_path())?.is_some() {
        session::read_config(global)?
    } else {
        refuse_other_contents(&global.dir)?;
        let config = new_config(node, key_dir, protection)?;
        config.validate()?;
        files.create_folder(&global.dir, Access::OwnerOnly)?;
        files.write_durably(
            &global.config_path(),
            config.to_toml()?.as_bytes(),
            Access::OwnerOnly,
        )?;
        config
    };
    refuse_to_replace(&global.dir, &config)?;
    let kms = OpenKms::open_with(&config, |kms| open_or_make_local(&files, kms))?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::create(&global.dir).await?);
    let environment = kms.environment(store, &config);
    let id = VaultId::from_bytes(config.vault.id_bytes()?);
    // A wrapper key that an interrupted attempt left behind is taken up, not left without a trace.
    let new = NewVault {
        id,
        wrapper_key: configured_wrapper_key(&config)?.or_else(|| left_behind(&kms)),
    };
    let vault = Vault::create(
        environment,
        session::settings(&config),
        &environment::caller(),
        new,
    )
    .await?;
    Ok(Session { vault, config, kms })
}

/// A finished vault is not made again, and an unfinished one is finished as it was begun: whoever now asks for a
/// passphrase must not get a vault without one.
fn refuse_other_plans(global: &Global, protection: &Protection) -> anyhow::Result<()> {
    let path = global.dir.clone();
    if SqliteStore::exists(&path) {
        return Err(StoreError::AlreadyAVault { path }.into());
    }
    if session::files().read(&global.config_path())?.is_none() {
        return Ok(());
    }
    let begun = session::read_config(global)?;
    let as_begun = |kms: &KmsConfig| {
        let KmsProviderConfig::Local {
            protection: begun, ..
        } = &kms.provider;
        begun == protection
    };
    if begun.kms.first().is_some_and(as_begun) {
        Ok(())
    } else {
        Err(CliError::BegunOtherwise { path }.into())
    }
}

/// A folder with something else in it is not ours to fill.
fn refuse_other_contents(dir: &Path) -> anyhow::Result<()> {
    let in_use = match std::fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            return Err(FileError::NotAFolder {
                path: dir.to_owned(),
            }
            .into());
        }
        Err(source) => {
            return Err(FileError::Denied {
                path: dir.to_owned(),
                action: FileAction::Read,
                source,
            }
            .into());
        }
    };
    if in_use {
        Err(CliError::FolderInUse {
            path: dir.to_owned(),
        }
        .into())
    } else {
        Ok(())
    }
}

/// A vault that was once finished and has lost its database is not an unfinished one: a new one in its place would
/// hide the loss, and make the anchor forget it.
fn refuse_to_replace(dir: &Path, config: &Config) -> anyhow::Result<()> {
    if SqliteStore::exists(dir) {
        return Ok(());
    }
    let anchor = session::anchor(config);
    match (anchor.load()?, anchor.location()) {
        (Some(record), Some(location)) if record.confirmed.is_some() => {
            Err(CliError::DatabaseGone {
                vault_id: record.vault_id,
                anchor: location,
            }
            .into())
        }
        _ => Ok(()),
    }
}

fn new_config(
    node: &str,
    key_dir: Option<&Path>,
    protection: Protection,
) -> anyhow::Result<Config> {
    let mut id = [0; 16];
    SystemRandom.fill(&mut id)?;
    let id = VaultId::from_bytes(id).to_string();
    let keys = match key_dir {
        Some(folder) => std::path::absolute(folder)?,
        None => environment::key_home()?.join(&id),
    };
    Ok(Config {
        vault: VaultConfig {
            id,
            node: node.to_owned(),
            anchor: Some(keys.join("anchor.json")),
        },
        kms: vec![KmsConfig {
            name: LOCAL.to_owned(),
            wrapper_key_id: None,
            provider: KmsProviderConfig::Local {
                key_file: keys.join("kms.key"),
                protection,
            },
        }],
        custody: CustodyConfig::default(),
        cache: CacheConfig::default(),
    })
}

/// Opens the key file of an embedded KMS, or makes it if it is not there.
fn open_or_make_local(files: &Arc<dyn Files>, kms: &KmsConfig) -> anyhow::Result<LocalKms> {
    let KmsProviderConfig::Local {
        key_file,
        protection,
    } = &kms.provider;
    if files.read_private(key_file)?.is_some() {
        return session::open_local(kms);
    }
    let protection = match protection {
        Protection::UnprotectedKeyFile {} => FileProtection::UnprotectedKeyFile,
        Protection::Passphrase { from } => FileProtection::Passphrase(
            secrets::read_new(from, "New passphrase of the key file")?,
            DEFAULT_COST,
        ),
    };
    let made = LocalKms::create(
        Arc::clone(files),
        key_file,
        &protection,
        Arc::new(SystemRandom),
        Arc::new(SystemClock),
    );
    Ok(made?)
}

fn configured_wrapper_key(config: &Config) -> anyhow::Result<Option<KmsKeyId>> {
    let id = config
        .kms
        .first()
        .and_then(|kms| kms.wrapper_key_id.as_deref());
    Ok(id.map(KmsKeyId::try_new).transpose()?)
}

/// A usable wrapper key in the first KMS: the key file belongs to this vault alone, so nobody else uses it.
fn left_behind(kms: &OpenKms) -> Option<KmsKeyId> {
    let usable = |key: &LocalKey| key.kind == KeyKind::Wrapper && key.state == KeyState::Enabled;
    kms.iter()
        .next()?
        .local
        .list_keys()
        .into_iter()
        .find(usable)
        .map(|key| key.id)
}
