//! Backups on a schedule: flags of `backup schedule` and the section `backup.schedule` of the configuration are one value.

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use strongroom_backup::{Protection, Recipients, Unlock};
use strongroom_config::{BackupProtection, BackupScheduleConfig, Config};
use strongroom_files::{Files, OsFiles};
use strongroom_server::BackupMaker;
use strongroom_vault::{BackupMeans, BackupSchedule};

use crate::{failure::CliError, secrets, session};

const PASSPHRASE: &str = "Passphrase of the backup";

/// When backups are made, and where their secrets are.
#[derive(Debug)]
pub(crate) struct ScheduledBackups {
    schedule: BackupSchedule,
    protection: BackupProtection,
}

impl ScheduledBackups {
    /// Refuses public keys that are none: whoever finds out at night has no backup.
    pub(crate) fn of(config: &BackupScheduleConfig) -> anyhow::Result<Self> {
        if let BackupProtection::Recipients { keys, .. } = &config.protection
            && !keys.is_empty()
        {
            Recipients::parse(keys.iter().map(String::as_str))?;
        }
        Ok(Self {
            schedule: BackupSchedule {
                folder: config.folder.clone(),
                every: config.every,
                keep: config.keep,
                verify: config.verify,
            },
            protection: config.protection.clone(),
        })
    }

    pub(crate) const fn schedule(&self) -> &BackupSchedule {
        &self.schedule
    }

    /// Reads who can read the next backup, and what opens it.
    pub(crate) fn means(&self) -> anyhow::Result<BackupMeans> {
        let (protection, unlock) = match &self.protection {
            BackupProtection::Unencrypted {} => (Protection::None, Unlock::Nothing),
            BackupProtection::Passphrase { from } => {
                let unlock = if self.schedule.verify {
                    Unlock::Passphrase(secrets::read(from, PASSPHRASE)?)
                } else {
                    Unlock::Nothing
                };
                (
                    Protection::Passphrase(secrets::read(from, PASSPHRASE)?),
                    unlock,
                )
            }
            BackupProtection::Recipients {
                keys,
                file,
                identity_file,
            } => {
                let unlock = match identity_file {
                    Some(path) if self.schedule.verify => identities(path)?,
                    _ => Unlock::Nothing,
                };
                let recipients = recipients(keys, file.as_ref())?;
                (Protection::Recipients(recipients), unlock)
            }
        };
        Ok(BackupMeans {
            protection,
            unlock,
            files: session::files(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }
}

impl BackupMaker for ScheduledBackups {
    fn schedule(&self) -> &BackupSchedule {
        &self.schedule
    }

    fn means(&self) -> Result<BackupMeans, Box<dyn Error + Send + Sync>> {
        Ok(self.means()?)
    }
}

/// Those in the file first: their lines are the ones that messages name.
fn recipients(keys: &[String], file: Option<&PathBuf>) -> anyhow::Result<Recipients> {
    let text = match file {
        // Whoever writes there reads the backups.
        Some(path) => match OsFiles::new().read_guarded(path)? {
            Some(contents) => String::from_utf8_lossy(&contents).into_owned(),
            None => return Err(CliError::NoSecretFile { path: path.clone() }.into()),
        },
        None => String::new(),
    };
    let given = keys.iter().map(String::as_str);
    Ok(Recipients::parse(text.lines().chain(given))?)
}

/// The secret keys of age in a file.
pub(crate) fn identities(path: &Path) -> anyhow::Result<Unlock> {
    let Some(file) = OsFiles::new().read_private(path)? else {
        let path = path.to_owned();
        return Err(CliError::NoSecretFile { path }.into());
    };
    Ok(Unlock::identities(&file)?)
}

/// What the configuration of backups allows, and is perhaps not meant. The vault is in `dir`.
pub(crate) fn doubts(config: &Config, dir: &Path) -> Vec<String> {
    let Some(schedule) = &config.backup.schedule else {
        return Vec::new();
    };
    let mut doubts = Vec::new();
    if schedule.folder.starts_with(dir) {
        doubts.push("the folder lies in the vault's own and is lost with it");
    }
    if schedule.protection == (BackupProtection::Unencrypted {}) {
        doubts.push("who has a backup reads names of keys, topology and the audit log");
    }
    if !schedule.verify {
        doubts.push("backups are not verified: nobody knows whether one can be restored");
    } else if schedule.every > config.policy.max_backup_age {
        doubts.push("'every' is longer than 'max-backup-age': 'strongroom doctor' will warn");
    }
    let named = |doubt| format!("backup.schedule: {doubt}");
    doubts.into_iter().map(named).collect()
}
