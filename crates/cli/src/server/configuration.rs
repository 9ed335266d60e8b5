//! A server that begins with another configuration than the last one says so in the audit log, and does not begin with one that needs
//! a second person and that nobody approved.

use std::{error::Error, time::Duration};

use strongroom_config::{Config, WatchedSections};
use strongroom_store::StoreError;
use strongroom_vault::{Caller, ConfigurationGuard, ConfigurationMark, Role, Vault, VaultError};

use crate::settings;

/// How often a process looks whether what it does is what the vault remembers.
const AGAIN: Duration = Duration::from_secs(10);

/// What the configuration says that is to be on record; `text` is what `config` was read from.
pub(crate) fn mark(text: &str, config: &Config) -> anyhow::Result<ConfigurationMark> {
    let WatchedSections {
        access,
        approvals,
        audit,
    } = &WatchedSections::of(text)?;
    let guard = ConfigurationGuard::of(&settings::approvals(&config.approvals));
    Ok(ConfigurationMark::of(access, approvals, audit, guard))
}

/// What a server that begins goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// Its configuration was remembered when it began, or leaving that takes nobody.
    Remembered,
    /// An approval that somebody else is to use up.
    Approved,
}

/// Puts a change on record before the server does what it says, and uses up the approval that it needs. A process that does not write
/// puts it on record once it does, see [`keep_noted`].
pub(crate) async fn note(vault: &Vault, caller: &Caller) -> Result<Begun, VaultError> {
    match vault.note_configuration(caller).await {
        Err(VaultError::Replica(_) | VaultError::Store(StoreError::NotWriter { .. })) => {
            tracing::warn!(
                "this process goes by another configuration than the one on record, and cannot put it there: it does once it writes"
            );
            let remembered = vault.remembered_configuration().await;
            let guard = remembered.map(|mark| mark.guard()).unwrap_or_default();
            Ok(match guard {
                ConfigurationGuard::Record => Begun::Remembered,
                ConfigurationGuard::Person | ConfigurationGuard::PersonOrReason => Begun::Approved,
            })
        }
        noted => noted.map(|_noted| Begun::Remembered),
    }
}

/// Puts a change on record as soon as this process writes, each time that it comes to write: others may have begun with another one
/// meanwhile. Says so once if the vault remembers another one that this process must not leave by itself.
///
/// Ends only where the server must end: it began by an approval that was rejected or expired before anybody used it up, so it lets
/// callers in by a file that no two persons agree to.
pub(crate) async fn keep_noted(vault: &Vault, caller: &Caller, begun: Begun) -> VaultError {
    let (mut begun, mut told) = (begun, false);
    loop {
        tokio::time::sleep(AGAIN).await;
        if vault.goes_by_remembered_configuration().await {
            begun = Begun::Remembered;
        }
        let stands = match vault.heed_configuration().await {
            Ok(()) if vault.standing().await.role == Role::Replica => Ok(false),
            Ok(()) => vault.note_configuration(caller).await,
            refused => refused.map(|()| false),
        };
        match stands {
            Ok(_noted) => told = false,
            // Looked at twice: at the first time somebody may just have been using it up.
            Err(refused @ VaultError::Approval(_)) if told && begun == Begun::Approved => {
                return refused;
            }
            Err(error) => {
                if !told {
                    let error: &(dyn Error + 'static) = &error;
                    tracing::error!(
                        error,
                        "this process goes by another configuration than the one on record"
                    );
                }
                told = true;
            }
        }
    }
}
