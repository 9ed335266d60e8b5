//! `vault move`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use serde::Serialize;
use strongroom_config::{Config, SecretSource, StoreConfig, with_store};
use strongroom_files::Access;
use strongroom_store::{Store, StoreError, VaultId};
use strongroom_vault::{Destination, Vault};

use super::place::{Place, is_same};
use crate::{
    args::Global, environment, failure::CliError, open_kms::OpenKms, output, progress, session,
    settings, store::ConfiguredStore,
};

/// Move the vault into another database: from its folder into PostgreSQL, or back.
///
/// Every row is copied as it is, sealed. The copy is authenticated before the old database is marked, which takes nothing more
/// from then on and cannot be opened; then the configuration names the new one. Interrupted, it is repeated. The anchor, the key
/// file and the wraps stay what they are.
///
/// The old database is kept: remove it once a backup of the new one is verified.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom vault move --to postgres://strongroom@db.example:5432/ledger \\\n    --password-file /run/secrets/strongroom-db\n  \
    strongroom vault move --from sqlite:my-vault --dir my-vault \\\n    --to postgres://strongroom@localhost/ledger --schema node1\n  \
    strongroom vault move --to sqlite:my-vault --dir my-vault")]
pub(crate) struct Options {
    /// Where to: postgres://USER@HOST:PORT/DATABASE without a password, or sqlite:DIR with the vault's folder.
    #[arg(long, value_name = "PLACE")]
    to: String,
    /// Where from: nothing is done if the configuration has the vault elsewhere.
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
    /// The file with the password of the new database.
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    password_file: Option<PathBuf>,
    /// The environment variable with the password of the new database.
    #[arg(long, value_name = "VARIABLE")]
    password_env: Option<String>,
    /// The schema of the vault in the new database [default: strongroom].
    #[arg(long, value_name = "SCHEMA")]
    schema: Option<String>,
    /// Leave the configuration as it is, and print what it would have to say.
    #[arg(long)]
    keep_config: bool,
}

#[derive(Serialize)]
struct Report {
    vault_id: String,
    from: String,
    to: String,
    keys: usize,
    /// Whether an interrupted move was finished.
    finished_earlier: bool,
    /// The configuration that names the new place; none if it was left as it is.
    config: Option<String>,
    /// The section `[store]` for a configuration that was left as it is; empty for a vault in its folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<String>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let caller = environment::caller()?;
    let (text, config) = session::read_config_text(global)?;
    if let Some(from) = &options.from
        && !Place::parse(from)?.is_of(&config, &global.dir)
    {
        return Err(CliError::VaultElsewhere.into());
    }
    let wanted = options.wanted(global)?;
    if is_same_store(wanted.as_ref(), config.store.as_ref()) {
        let (option, why) = ("--to", "the configuration has the vault there already");
        return Err(CliError::NoEffect { option, why }.into());
    }
    // That it can be changed is known before anything else is.
    let changed = with_store(&text, wanted.as_ref())?;
    let source = ConfiguredStore::of(&config, &global.dir)?;
    let target = match &wanted {
        Some(store) => ConfiguredStore::in_database(store.clone(), config.replica.clone())?,
        None => ConfiguredStore::Folder(global.dir.clone()),
    };
    let kms = OpenKms::open(&config, &global.kms).await?;
    let bar = progress::spinner(global, "moving");
    let outcome = move_vault(&config, &kms, &source, &target, &caller).await;
    bar.finish_and_clear();
    let (vault, finished_earlier) = outcome?;
    let mut report = Report {
        vault_id: vault.id().to_string(),
        from: source.place()?.to_string(),
        to: target.place()?.to_string(),
        keys: vault.key_count(),
        finished_earlier,
        config: None,
        section: None,
    };
    session::close(vault).await;
    if options.keep_config {
        report.section = Some(section(wanted.as_ref())?);
    } else {
        let path = global.config_path();
        session::files().rewrite_durably(&path, changed.as_bytes(), Access::OwnerOnly)?;
        report.config = Some(path.display().to_string());
    }
    output::print(global.output, &report, |out| {
        let keys = output::counted(report.keys as u64, "key");
        writeln!(out, "moved {} with {keys}", report.vault_id)?;
        writeln!(
            out,
            "  from  {}  (kept, and takes nothing more)",
            report.from
        )?;
        writeln!(out, "  to    {}", report.to)?;
        match (&report.config, &report.section) {
            (Some(path), _) => writeln!(out, "{path} names it"),
            (None, Some(section)) if section.is_empty() => {
                writeln!(out, "take the section [store] out of the configuration")
            }
            (None, section) => {
                writeln!(out, "the configuration has to say:")?;
                write!(out, "{}", section.as_deref().unwrap_or_default())
            }
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Moves the vault, or finishes what was begun; says which.
async fn move_vault(
    config: &Config,
    kms: &OpenKms,
    source: &ConfiguredStore,
    target: &ConfiguredStore,
    caller: &strongroom_vault::Caller,
) -> anyhow::Result<(Vault, bool)> {
    let (settings, id) = (
        settings::settings(config)?,
        VaultId::from_bytes(config.vault.id_bytes()?),
    );
    let name = target.place()?.to_string();
    let (from, is_left) = match source.open().await {
        Err(refused) if is_moved_to(&refused, &name) => (source.open_left().await?, true),
        opened => (
            opened.map_err(|refused| session::or_gone(config, refused))?,
            false,
        ),
    };
    let into = if is_left && target.exists().await? {
        target.open().await
    } else {
        target.create().await
    };
    let store = match into {
        Ok(store) => store,
        Err(refused) => {
            session::close_refused(from).await;
            return Err(refused);
        }
    };
    let destination = Destination {
        store: Arc::clone(&store),
        name,
    };
    let environment = kms.environment(Arc::clone(&from), config);
    let moved = if is_left {
        Vault::finish_move(environment, settings, id, &destination).await
    } else {
        Vault::move_to(environment, settings, caller, id, &destination).await
    };
    close(from).await;
    match moved {
        Ok(vault) => Ok((vault, is_left)),
        Err(refused) => {
            close(store).await;
            Err(refused.into())
        }
    }
}

async fn close(store: Arc<dyn Store>) {
    session::close_refused(store).await;
}

fn is_moved_to(refused: &anyhow::Error, name: &str) -> bool {
    matches!(refused.downcast_ref(), Some(StoreError::Moved { target }) if target == name)
}

/// Whether both are one place, however it is reached.
fn is_same_store(one: Option<&StoreConfig>, other: Option<&StoreConfig>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => one.url == other.url && one.schema == other.schema,
        _ => false,
    }
}

fn section(store: Option<&StoreConfig>) -> anyhow::Result<String> {
    #[derive(Serialize)]
    struct Section<'a> {
        store: &'a StoreConfig,
    }
    let section = store.map(|store| toml::to_string(&Section { store }));
    Ok(section.transpose()?.unwrap_or_default())
}

impl Options {
    /// What the configuration is to say of the database.
    fn wanted(&self, global: &Global) -> anyhow::Result<Option<StoreConfig>> {
        let place = Place::parse(&self.to)?;
        let of_database = [
            ("--password-file", self.password_file.is_some()),
            ("--password-env", self.password_env.is_some()),
            ("--schema", self.schema.is_some()),
        ];
        let Some(mut store) = place.to_config() else {
            let why = "the vault goes into its folder";
            if let Some((option, _)) = of_database.into_iter().find(|(_, given)| *given) {
                return Err(CliError::NoEffect { option, why }.into());
            }
            return match place {
                Place::Folder(folder) if !is_same(&folder, &global.dir) => {
                    Err(CliError::OtherFolder { path: folder }.into())
                }
                _ => Ok(None),
            };
        };
        store.password = match (&self.password_file, &self.password_env) {
            (Some(path), _) => Some(SecretSource::File(std::path::absolute(path)?)),
            (None, variable) => variable.clone().map(SecretSource::Environment),
        };
        if let Some(schema) = &self.schema {
            store.schema.clone_from(schema);
        }
        Ok(Some(store))
    }
}
