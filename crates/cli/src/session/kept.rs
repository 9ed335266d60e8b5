//! The vault that a console keeps open from one command to the next.

use std::{fmt, sync::Arc};

use parking_lot::Mutex;
use strongroom_config::Config;
use strongroom_vault::Vault;

use super::{Session, close};
use crate::open_kms::OpenKms;

/// The vault that a console keeps open; of any other command, none.
#[derive(Clone, Default)]
pub(crate) struct Kept(Option<Arc<Mutex<Option<Open>>>>);

struct Open {
    vault: Arc<Vault>,
    kms: Arc<OpenKms>,
    config: Config,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.0.is_some()).finish()
    }
}

impl Kept {
    /// One that keeps.
    pub(crate) fn new() -> Self {
        Self(Some(Arc::default()))
    }

    /// The vault, if it is open, and with this configuration: after a change it is opened anew.
    pub(super) async fn vault_of(&self, config: &Config) -> Option<(Arc<Vault>, Arc<OpenKms>)> {
        let slot = self.0.as_ref()?;
        let open = slot.lock().take_if(|open| open.config != *config);
        if let Some(changed) = open {
            changed.close().await;
        }
        let open = slot.lock();
        let open = open.as_ref()?;
        Some((Arc::clone(&open.vault), Arc::clone(&open.kms)))
    }

    /// Keeps the vault of a session. One that others share is opened for each command: a console that waits for somebody to
    /// type hears of no change, and would have the lease.
    pub(super) fn keep(&self, session: &Session) {
        let Some(slot) = &self.0 else { return };
        if session.config.store.is_some() {
            return;
        }
        *slot.lock() = Some(Open {
            vault: Arc::clone(&session.vault),
            kms: Arc::clone(&session.kms),
            config: session.config.clone(),
        });
    }

    /// Closes what is kept, for a command that needs the vault for itself, and at the end.
    pub(crate) async fn release(&self) {
        let open = self.0.as_ref().and_then(|slot| slot.lock().take());
        if let Some(open) = open {
            open.close().await;
        }
    }
}

impl Open {
    async fn close(self) {
        if let Some(vault) = Arc::into_inner(self.vault) {
            close(vault).await;
        }
    }
}
