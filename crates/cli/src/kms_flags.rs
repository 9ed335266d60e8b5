//! What every command takes about key management systems.

use std::path::{Path, PathBuf};

use clap::Args;
use strongroom_config::{PromptTag, SecretSource};
use strongroom_kms_recovery::{Recipient, RecoveryKey, RecoveryKms, Share};

use crate::{failure::CliError, kms_log::KmsLogArgs, secrets, session};

/// What every command takes about key management systems.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct KmsFlags {
    #[command(flatten)]
    pub(crate) log: KmsLogArgs,
    #[command(flatten)]
    pub(crate) recovery: RecoveryFlags,
}

/// The private half of a recovery key, brought from where it is kept.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RecoveryFlags {
    /// Open by a recovery wrap: the private half of the recovery key, behind its passphrase.
    #[arg(
        id = "recovery_key",
        long = "recovery-key",
        global = true,
        value_name = "FILE",
        conflicts_with = "recovery_share"
    )]
    key: Option<PathBuf>,
    /// The passphrase of --recovery-key [default: it is asked for].
    #[arg(
        id = "recovery_passphrase_file",
        long = "recovery-passphrase-file",
        global = true,
        value_name = "FILE",
        hide = true,
        requires = "recovery_key"
    )]
    passphrase: Option<PathBuf>,
    /// The same from shares: once for each.
    #[arg(
        id = "recovery_share",
        long = "recovery-share",
        global = true,
        value_name = "FILE"
    )]
    shares: Vec<PathBuf>,
}

impl RecoveryFlags {
    /// The recovery key of this recipient: with its private half, if that was brought.
    pub(crate) fn open(&self, recipient: &str) -> anyhow::Result<RecoveryKms> {
        let recipient: Recipient = recipient.parse()?;
        Ok(match self.private_half()? {
            Some(key) => RecoveryKms::with_key(recipient, key)?,
            None => RecoveryKms::offline(recipient),
        })
    }

    /// Whether a private half was brought: then it is an error if it cannot be used, and not one KMS less.
    pub(crate) fn is_given(&self) -> bool {
        self.key.is_some() || !self.shares.is_empty()
    }

    fn private_half(&self) -> anyhow::Result<Option<RecoveryKey>> {
        if let Some(path) = &self.key {
            return Ok(Some(self.behind_passphrase(path)?));
        }
        if self.shares.is_empty() {
            return Ok(None);
        }
        let shares = self.shares.iter().map(|path| read_share(path));
        let shares = shares.collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Some(RecoveryKey::from_shares(&shares)?))
    }

    fn behind_passphrase(&self, path: &Path) -> anyhow::Result<RecoveryKey> {
        let Some(file) = session::files().read(path)? else {
            let path = path.to_owned();
            return Err(CliError::NoSecretFile { path }.into());
        };
        let source = match &self.passphrase {
            Some(path) => SecretSource::File(path.clone()),
            None => SecretSource::Prompt(PromptTag {}),
        };
        let passphrase = secrets::read(&source, "Passphrase of the recovery key")?;
        Ok(RecoveryKey::from_protected(&file, &passphrase)?)
    }
}

fn read_share(path: &Path) -> anyhow::Result<Share> {
    let Some(text) = session::files().read_private(path)? else {
        let path = path.to_owned();
        return Err(CliError::NoSecretFile { path }.into());
    };
    Ok(Share::from_text(&text)?)
}
