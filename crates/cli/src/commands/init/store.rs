//! Where a new vault is, other than in its own folder.

use std::path::PathBuf;

use clap::Args;
use strongroom_config::{SecretSource, StoreConfig};

/// A PostgreSQL database, instead of a file in the vault's folder.
#[derive(Args, Debug)]
#[group(skip)]
pub(crate) struct StoreArgs {
    /// Keep the vault in this database: postgres://USER@HOST:PORT/DATABASE, without a password.
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
    /// The schema of the vault in the database [default: strongroom].
    #[arg(long, value_name = "SCHEMA", requires = "store_url")]
    store_schema: Option<String>,
}

impl StoreArgs {
    /// As it stands in the configuration; none: the vault is in its folder.
    pub(crate) fn to_config(&self) -> anyhow::Result<Option<StoreConfig>> {
        let Some(url) = &self.store_url else {
            return Ok(None);
        };
        let password = match (&self.store_password_file, &self.store_password_env) {
            (Some(path), _) => Some(SecretSource::File(std::path::absolute(path)?)),
            (None, variable) => variable.clone().map(SecretSource::Environment),
        };
        let mut store = StoreConfig::new(url);
        store.password = password;
        if let Some(schema) = &self.store_schema {
            store.schema.clone_from(schema);
        }
        Ok(Some(store))
    }
}
