//! The vault of a benchmark: in a temporary folder, or in a schema of its own of a PostgreSQL database.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use strongroom_config::{
    Config, KmsConfig, KmsProviderConfig, LocalConfig, Protection, SecretSource, StoreConfig,
    VaultConfig,
};
use strongroom_crypto::{KeyUsage, KeyUsages, SigningKeySpec, SystemRandom, clock::SystemClock};
use strongroom_kms_local::{LocalKms, Protection as FileProtection};
use strongroom_store::{Store, VaultId};
use strongroom_store_postgres::yardstick;
use strongroom_vault::{KeyEntry, NewSigningKey, NewVault, Settings, Vault};
use tempfile::TempDir;

use crate::{
    args::Global,
    environment,
    failure::CliError,
    kms_flags::KmsFlags,
    open_kms::OpenKms,
    progress, session,
    store::{self, ConfiguredStore},
};

/// Keys generated in one transaction.
const BATCH: u64 = 1000;

/// A PostgreSQL database instead of a file.
#[derive(Args, Debug)]
#[group(skip)]
pub(super) struct PlaceArgs {
    /// Measure in this database: postgres://USER@HOST:PORT/DATABASE, without a password.
    #[arg(long, value_name = "URL")]
    store_url: Option<String>,
    /// The file with the password of the database.
    #[arg(
        long,
        value_name = "FILE",
        requires = "store_url",
        conflicts_with = "store_password_env"
    )]
    store_password_file: Option<PathBuf>,
    /// The environment variable with the password of the database.
    #[arg(long, value_name = "VARIABLE", requires = "store_url")]
    store_password_env: Option<String>,
    /// The schema that is made there, and dropped afterwards.
    #[arg(
        long,
        value_name = "SCHEMA",
        requires = "store_url",
        default_value = "strongroom_bench"
    )]
    store_schema: String,
}

impl PlaceArgs {
    /// As it stands in a configuration; none: in a folder.
    pub(super) fn to_config(&self) -> anyhow::Result<Option<StoreConfig>> {
        let Some(url) = &self.store_url else {
            return Ok(None);
        };
        let password = match (&self.store_password_file, &self.store_password_env) {
            (Some(path), _) => Some(SecretSource::File(std::path::absolute(path)?)),
            (None, variable) => variable.clone().map(SecretSource::Environment),
        };
        let mut store = StoreConfig::new(url);
        store.password = password;
        store.schema.clone_from(&self.store_schema);
        Ok(Some(store))
    }
}

/// A schema that was made here. It is dropped by [`Self::end`], which must be called.
pub(super) struct OwnSchema {
    settings: strongroom_store_postgres::Settings,
}

impl OwnSchema {
    /// Makes it.
    ///
    /// # Errors
    /// [`CliError::SchemaExists`]; those of the database.
    pub(super) async fn make(
        settings: strongroom_store_postgres::Settings,
    ) -> anyhow::Result<Self> {
        if yardstick::make_schema(&settings).await? {
            Ok(Self { settings })
        } else {
            let schema = settings.schema.to_string();
            Err(CliError::SchemaExists { schema }.into())
        }
    }

    pub(super) const fn settings(&self) -> &strongroom_store_postgres::Settings {
        &self.settings
    }

    /// Drops it. What a measurement that failed left open is closed before, since it would be waited for.
    pub(super) async fn end<T>(self, measured: anyhow::Result<T>) -> anyhow::Result<T> {
        if measured.is_err() {
            store::close_what_is_open().await;
        }
        let dropped = yardstick::drop_schema(&self.settings).await;
        let measured = measured?;
        dropped?;
        Ok(measured)
    }
}

/// A vault with an embedded KMS.
pub(super) struct Rehearsal {
    folder: TempDir,
    pub(super) config: Config,
}

impl Rehearsal {
    /// Makes the vault, works with it, and removes it.
    pub(super) async fn with<T>(
        store: Option<StoreConfig>,
        work: impl AsyncFnOnce(&Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let (folder, in_database) = (tempfile::tempdir()?, store.is_some());
        let config = Self::configuration(folder.path(), store);
        config.validate()?;
        let rehearsal = Self { folder, config };
        if !in_database {
            rehearsal.create().await?;
            return work(&rehearsal).await;
        }
        let schema = OwnSchema::make(rehearsal.database_settings()?).await?;
        let measured = match rehearsal.create().await {
            Ok(()) => work(&rehearsal).await,
            Err(error) => Err(error),
        };
        schema.end(measured).await
    }

    fn configuration(folder: &Path, store: Option<StoreConfig>) -> Config {
        let local = KmsProviderConfig::Local(LocalConfig {
            key_file: folder.join("kms.key"),
            protection: Protection::UnprotectedKeyFile {},
        });
        let vault = VaultConfig {
            id: "00".repeat(16),
            node: "bench".to_owned(),
            anchor: Some(folder.join("anchor.json")),
            clock_tolerance: VaultConfig::CLOCK_TOLERANCE,
        };
        Config {
            store,
            ..Config::new(vault, KmsConfig::new("local", local))
        }
    }

    async fn create(&self) -> anyhow::Result<()> {
        let (random, clock) = (Arc::new(SystemRandom), Arc::new(SystemClock));
        LocalKms::create(
            session::files(),
            self.folder().join("kms.key"),
            &FileProtection::UnprotectedKeyFile,
            random,
            clock,
        )?;
        let kms = OpenKms::open(&self.config, &KmsFlags::default()).await?;
        let store = self.configured_store()?.create().await?;
        let new = NewVault {
            id: VaultId::from_bytes(self.config.vault.id_bytes()?),
            wrapper_key: None,
        };
        let vault = Vault::create(
            kms.environment(store, &self.config),
            Settings::default(),
            &environment::caller()?,
            new,
        )
        .await?;
        Ok(vault.close().await?)
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The folder of a vault that is in one.
    pub(super) fn database(&self) -> PathBuf {
        self.folder().join("vault")
    }

    pub(super) fn configured_store(&self) -> anyhow::Result<ConfiguredStore> {
        ConfiguredStore::of(&self.config, &self.database())
    }

    /// How a vault in PostgreSQL is reached, by one more process.
    pub(super) fn database_settings(&self) -> anyhow::Result<strongroom_store_postgres::Settings> {
        match self.configured_store()? {
            ConfiguredStore::Database(database) => database.settings(),
            ConfiguredStore::Folder(_) => anyhow::bail!("the vault is not in a database"),
        }
    }

    pub(super) async fn open_store(&self) -> anyhow::Result<Arc<dyn Store>> {
        self.configured_store()?.open().await
    }

    /// Opens the vault.
    pub(super) async fn vault(&self) -> anyhow::Result<Vault> {
        let kms = OpenKms::open(&self.config, &KmsFlags::default()).await?;
        let store = self.open_store().await?;
        Ok(Vault::open(kms.environment(store, &self.config), Settings::default()).await?)
    }

    pub(super) async fn generate(
        &self,
        global: &Global,
        keys: u64,
        spec: SigningKeySpec,
    ) -> anyhow::Result<()> {
        let vault = self.vault().await?;
        let bar = progress::bar(global, keys, "generating");
        while bar.position() < keys {
            let batch = BATCH.min(keys - bar.position());
            generate_in(&vault, batch, spec).await?;
            bar.inc(batch);
        }
        bar.finish_and_clear();
        vault.close().await?;
        if self.config.store.is_some() {
            yardstick::vacuum(&self.database_settings()?).await?;
        }
        Ok(())
    }
}

/// Keys of the protocol, in one transaction.
pub(super) async fn generate_in(
    vault: &Vault,
    keys: u64,
    spec: SigningKeySpec,
) -> anyhow::Result<Vec<Arc<KeyEntry>>> {
    let usages = KeyUsages::try_new([KeyUsage::Protocol])?;
    let new = (0..keys).map(|_| NewSigningKey {
        spec,
        usages,
        name: None,
    });
    let caller = environment::caller()?;
    Ok(vault.generate_signing_keys(&caller, new.collect()).await?)
}
