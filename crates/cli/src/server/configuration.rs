//! A server that begins with another configuration than the last one says so in the audit log.

use std::time::Duration;

use strongroom_config::{Config, WatchedSections};
use strongroom_store::StoreError;
use strongroom_vault::{Caller, ConfigurationMark, Role, Vault, VaultError};

use crate::{args::Global, failure::CliError, session};

/// How often a process that does not write looks whether it does now.
const AGAIN: Duration = Duration::from_secs(10);

/// What the configuration says that is to be on record, of the file from which `config` was read.
pub(crate) fn mark(global: &Global, config: &Config) -> anyhow::Result<ConfigurationMark> {
    let (text, again) = session::read_config_text(global)?;
    if again != *config {
        return Err(CliError::ConfigurationChanges.into());
    }
    let sections = WatchedSections::of(&text)?;
    let WatchedSections {
        access,
        approvals,
        audit,
    } = &sections;
    Ok(ConfigurationMark::of(access, approvals, audit))
}

/// Puts a change on record before the server does what it says. A process that does not write puts it on record once it does, see
/// [`keep_noted`].
pub(crate) async fn note(
    vault: &Vault,
    caller: &Caller,
    mark: &ConfigurationMark,
) -> Result<(), VaultError> {
    match vault.note_configuration(caller, mark).await {
        Err(VaultError::Replica(_) | VaultError::Store(StoreError::NotWriter { .. })) => Ok(()),
        noted => noted.map(drop),
    }
}

/// Puts a change on record as soon as this process writes. Never ends.
pub(crate) async fn keep_noted(vault: &Vault, caller: &Caller, mark: &ConfigurationMark) {
    loop {
        if vault.standing().await.role != Role::Replica {
            match vault.note_configuration(caller, mark).await {
                Ok(_noted) => return std::future::pending().await,
                Err(error) => {
                    let error: &(dyn std::error::Error + 'static) = &error;
                    tracing::warn!(error, "a changed configuration could not be put on record");
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}
