//! From a configuration to an open vault.

mod kept;

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use strongroom_config::Config;
use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec};
use strongroom_files::{Files, OsFiles};
use strongroom_kms::Capabilities;
use strongroom_server::access::Operation;
use strongroom_store::{Custody, Store, StoreError, VaultId};
use strongroom_store_sqlite::SqliteStore;
use strongroom_vault::{
    Anchor, AnchorError, Ask, Caller, ConfigurationMark, FileAnchor, NoAnchor, Settings, Vault,
    VaultError,
};

pub(crate) use self::kept::Kept;
use crate::{
    args::Global,
    environment,
    failure::CliError,
    open_kms::OpenKms,
    remote::RemoteError,
    server::{self, configuration},
    settings,
    store::ConfiguredStore,
};

/// An open vault, and what a command may ask beside it.
pub(crate) struct Session {
    pub(crate) vault: Arc<Vault>,
    pub(crate) config: Config,
    pub(crate) kms: Arc<OpenKms>,
    /// Who runs the command.
    pub(crate) caller: Caller,
    /// Why it goes on without a second person, if it does.
    pub(crate) break_glass: Option<String>,
}

impl Session {
    /// Opens the vault that `global` names.
    pub(crate) async fn open(global: &Global) -> anyhow::Result<Self> {
        let caller = environment::caller()?;
        let (mark, config) = read_marked_config(global)?;
        if let Some((vault, kms)) = global.kept.vault_of(&config).await {
            return Ok(Self {
                vault,
                config,
                kms,
                caller,
                break_glass: global.break_glass.clone(),
            });
        }
        let kms = OpenKms::open(&config, &global.kms).await?;
        let store = open_store_of(&config, &global.dir).await?;
        let vault = open_marked_vault(&config, Some(mark), &kms, store).await?;
        let vault = start(vault, &caller).await?;
        let session = Self {
            vault: Arc::new(vault),
            config,
            kms: Arc::new(kms),
            caller,
            break_glass: global.break_glass.clone(),
        };
        global.kept.keep(&session);
        Ok(session)
    }

    /// The spec of signing keys of which nothing is said: Ed25519, or where a KMS holds them the first that it does.
    pub(crate) fn default_signing_spec(&self) -> SigningKeySpec {
        let usual = SigningKeySpec::EcCurve25519;
        match self.maker_of(settings::custody(&self.config.custody).signing) {
            Some(can) if !can.signing_specs.contains(&usual) => {
                can.signing_specs.first().copied().unwrap_or(usual)
            }
            _ => usual,
        }
    }

    /// The same for encryption keys: ECIES on P-256, which the clouds do not have.
    pub(crate) fn default_encryption_spec(&self) -> EncryptionKeySpec {
        let usual = EncryptionKeySpec::EcP256;
        match self.maker_of(settings::custody(&self.config.custody).encryption) {
            Some(can) if !can.encryption_specs.contains(&usual) => {
                can.encryption_specs.first().copied().unwrap_or(usual)
            }
            _ => usual,
        }
    }

    /// What the KMS can do that makes keys of this custody; none if no KMS does.
    fn maker_of(&self, custody: Custody) -> Option<Capabilities> {
        if custody != Custody::External {
            return None;
        }
        self.kms.maker(self.config.custody.external_kms.as_deref())
    }

    /// Lets a command through that needs no second person, or that another one has approved; `request` is all that it is asked to
    /// do.
    pub(crate) async fn approved(
        &self,
        operation: Operation,
        request: &str,
    ) -> Result<(), VaultError> {
        let reason = self.break_glass.as_deref();
        approved(&self.vault, &self.caller, reason, operation, request).await
    }

    /// The same for a command that is done to exactly these, of which `request` says no more than "all". To none is nothing.
    pub(crate) async fn approved_about<N: ToString>(
        &self,
        operation: Operation,
        request: &str,
        these: &[N],
    ) -> Result<(), VaultError> {
        if these.is_empty() {
            return Ok(());
        }
        let these: Vec<_> = these.iter().map(ToString::to_string).collect();
        let ask = ask(operation, request).about(&these);
        let reason = self.break_glass.as_deref();
        agreed(&self.vault, &self.caller, reason, &ask).await
    }

    /// Whether this operation needs a second person.
    pub(crate) fn needs(&self, operation: Operation) -> bool {
        self.vault.needs_approval(operation.name())
    }

    /// Closes the vault; a command calls it last. What the command did is durable by then, so an unclean end, for example
    /// because somebody else reads the database, does not make it fail.
    ///
    /// One that a console keeps stays open.
    pub(crate) async fn close(self) {
        if let Some(vault) = Arc::into_inner(self.vault) {
            close(vault).await;
        }
    }
}

/// The same for a vault that a command opened in a way of its own; `break_glass` is why it goes on without a second person.
pub(crate) async fn approved(
    vault: &Vault,
    caller: &Caller,
    break_glass: Option<&str>,
    operation: Operation,
    request: &str,
) -> Result<(), VaultError> {
    agreed(vault, caller, break_glass, &ask(operation, request)).await
}

fn ask(operation: Operation, request: &str) -> Ask {
    Ask::new(operation.name(), "command", request.as_bytes(), request)
}

async fn agreed(
    vault: &Vault,
    caller: &Caller,
    break_glass: Option<&str>,
    ask: &Ask,
) -> Result<(), VaultError> {
    match break_glass {
        Some(reason) => vault.break_glass(caller, ask, reason).await,
        None => vault.pass_approval(caller, ask).await,
    }
}

/// Closes a vault as [`Session::close`] does.
pub(crate) async fn close(vault: Vault) {
    if let Err(error) = vault.close().await {
        warn_of_unclean_end(&error);
    }
}

/// Opens the vault in `store`, which must be the configured one, for what needs no second person in any case. A refused store is closed.
pub(crate) async fn open_vault(
    config: &Config,
    kms: &OpenKms,
    store: Arc<dyn Store>,
) -> anyhow::Result<Vault> {
    open_marked_vault(config, None, kms, store).await
}

/// The same for whatever is done with it; `mark` is of the file that the configuration was read from.
pub(crate) async fn open_marked_vault(
    config: &Config,
    mark: Option<ConfigurationMark>,
    kms: &OpenKms,
    store: Arc<dyn Store>,
) -> anyhow::Result<Vault> {
    let opened = open_in(Arc::clone(&store), config, mark, kms).await;
    if opened.is_err() {
        close_refused(store).await;
    }
    opened
}

async fn open_in(
    store: Arc<dyn Store>,
    config: &Config,
    mark: Option<ConfigurationMark>,
    kms: &OpenKms,
) -> anyhow::Result<Vault> {
    let settings = Settings {
        configuration: mark,
        ..settings::settings(config)?
    };
    let vault = Vault::open(kms.environment(store, config), settings)
        .await
        .map_err(|refused| or_gone(config, refused.into()))?;
    check_configured(&vault, config)?;
    Ok(vault)
}

/// What a start does first: keys that are there come into the custody that the configuration names, and those that left are
/// destroyed where it is time. Somebody who only looks leaves that out.
async fn start(vault: Vault, caller: &Caller) -> anyhow::Result<Vault> {
    match vault.apply_custody(caller).await {
        Ok(_changes) => {}
        // The keys can be used as they are, and the next command of a process that writes brings them there.
        Err(VaultError::Store(error @ StoreError::NotWriter { .. })) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "keys do not come into their configured custody"
        ),
        Err(error) => {
            close(vault).await;
            return Err(error.into());
        }
    }
    if vault.has_due()
        && let Err(error) = vault.destroy_due(caller).await
    {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "keys that are due to be destroyed in their KMS remain there"
        );
    }
    warn_of_clear_keys(&vault);
    Ok(vault)
}

/// A refused vault is left as it was found, without the files that belong to an open database.
pub(crate) async fn close_refused(store: Arc<dyn Store>) {
    if let Err(error) = store.close().await {
        warn_of_unclean_end(&error);
    }
}

fn warn_of_unclean_end(error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(
        error,
        "the database was not closed cleanly; nothing is lost, and the next command cleans up"
    );
}

/// Refuses where a server is named: the vault that is here is not the one that is meant.
pub(crate) fn refuse_endpoint(global: &Global) -> anyhow::Result<()> {
    match global.server.endpoint()? {
        Some(_) => Err(RemoteError::NotOffered { what: "this" }.into()),
        None => Ok(()),
    }
}

/// Reads the configuration that `global` names.
pub(crate) fn read_config(global: &Global) -> anyhow::Result<Config> {
    read_config_text(global).map(|(_text, config)| config)
}

/// The same, and by what the vault knows it again.
pub(crate) fn read_marked_config(global: &Global) -> anyhow::Result<(ConfigurationMark, Config)> {
    let (text, config) = read_config_text(global)?;
    Ok((configuration::mark(&text, &config)?, config))
}

/// The same, and as it was written.
pub(crate) fn read_config_text(global: &Global) -> anyhow::Result<(String, Config)> {
    refuse_endpoint(global)?;
    read_config_text_of(&global.config_path())
}

/// A configuration in this file, whoever has it.
pub(crate) fn read_config_text_of(path: &Path) -> anyhow::Result<(String, Config)> {
    let text = read_guarded_text(path)?;
    let config = parse_config(&text).with_context(|| format!("in {}", path.display()))?;
    Ok((text, config))
}

/// A configuration in this text that this program can go by: what it would not understand later is refused here.
pub(crate) fn parse_config(text: &str) -> anyhow::Result<Config> {
    let config = Config::parse(text)?;
    server::check_approvals(&config.approvals)?;
    settings::check(&config)?;
    Ok(config)
}

/// The text of a configuration, which nobody but its owner may write.
pub(crate) fn read_guarded_text(path: &Path) -> anyhow::Result<String> {
    let Some(contents) = OsFiles::new().read_guarded(path)? else {
        let path = path.to_owned();
        return Err(CliError::NoConfig { path }.into());
    };
    String::from_utf8(contents).map_err(|_not_text| {
        let encoding = "UTF-8";
        let input = path.display().to_string();
        CliError::BadEncoding { input, encoding }.into()
    })
}

/// Opens the store of a vault that is in its own folder, whatever is configured.
pub(crate) async fn open_store(dir: &Path) -> anyhow::Result<Arc<dyn Store>> {
    Ok(Arc::new(SqliteStore::open(dir).await?))
}

/// Opens the store of the configured vault.
pub(crate) async fn open_store_of(config: &Config, dir: &Path) -> anyhow::Result<Arc<dyn Store>> {
    ConfiguredStore::of(config, dir)?
        .open()
        .await
        .map_err(|refused| or_gone(config, refused))
}

/// `refused`, or, if it says that there is no vault although the anchor remembers one, that the vault is gone: to make
/// one there is the last thing to advise then.
pub(crate) fn or_gone(config: &Config, refused: anyhow::Error) -> anyhow::Error {
    let no_store = matches!(
        refused.downcast_ref(),
        Some(StoreError::NotAVault { .. } | StoreError::VaultMissing)
    );
    let no_vault = matches!(refused.downcast_ref(), Some(VaultError::NotInitialized));
    match remembered(config) {
        Ok(Some((vault_id, anchor))) if no_store || no_vault => CliError::DatabaseGone {
            vault_id,
            anchor,
            source: Some(refused.into()),
        }
        .into(),
        _ => refused,
    }
}

/// The configured vault and its anchor, if the anchor remembers that the vault was finished once.
pub(crate) fn remembered(config: &Config) -> Result<Option<(String, String)>, AnchorError> {
    let anchor = anchor(config);
    let (record, location) = (anchor.load()?, anchor.location());
    let finished = record
        .filter(|record| record.confirmed.is_some() && record.vault_id == config.vault.id)
        .map(|record| record.vault_id);
    Ok(finished.zip(location))
}

pub(crate) fn files() -> Arc<dyn Files> {
    Arc::new(OsFiles::new())
}

pub(crate) fn anchor(config: &Config) -> Arc<dyn Anchor> {
    match &config.vault.anchor {
        Some(path) => Arc::new(FileAnchor::new(files(), path)),
        None => Arc::new(NoAnchor),
    }
}

/// The vault must be the configured one, and a configured wrapper key must be the one that the vault is sealed under: editing the configuration is no rotation.
fn check_configured(vault: &Vault, config: &Config) -> anyhow::Result<()> {
    vault.expect_id(VaultId::from_bytes(config.vault.id_bytes()?))?;
    for kms in &config.kms {
        if let Some(configured) = &kms.wrapper_key_id {
            vault.expect_wrapper_key(&kms.name, configured)?;
        }
    }
    Ok(())
}

/// Custody `clear` is loud.
pub(crate) fn warn_of_clear_keys(vault: &Vault) {
    let clear = vault.clear_keys();
    if !clear.is_empty() {
        tracing::warn!(
            keys = clear.len(),
            "private keys are stored readable; seal them with 'strongroom keys seal --all'"
        );
    }
}
