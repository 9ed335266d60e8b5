//! Backups on a schedule: one round makes a backup, verifies it, and removes what is beyond those that are kept.

use std::{
    fs::File,
    io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use strongroom_backup::{BackupError, BackupStore, Protection, Unlock, decrypt};
use strongroom_crypto::Timestamp;
use strongroom_files::Files;
use strongroom_store::BackupId;

use super::{create::NewBackup, verify::BackupReport};
use crate::{
    backups::Backup, caller::Caller, environment::Environment, error::VaultError,
    operations::backup::create::CreatedBackup, vault::Vault,
};

/// How backups are made again and again.
#[derive(Debug)]
pub struct BackupRound {
    /// The folder of the files; it is there.
    pub folder: PathBuf,
    /// How many are kept.
    pub keep: NonZeroUsize,
    /// Who can read them.
    pub protection: Protection,
    /// What opens them, if they are to be verified.
    pub verify: Option<Unlock>,
    /// The file system.
    pub files: Arc<dyn Files>,
    /// The version of the program, for the header.
    pub program: String,
}

/// What a round did.
#[derive(Debug)]
#[non_exhaustive]
pub struct BackupRoundDone {
    /// The backup that was made.
    pub made: CreatedBackup,
    /// Its file.
    pub file: PathBuf,
    /// What verifying found; none if it was not asked for.
    pub report: Option<BackupReport>,
    /// Files that were removed, and their backups forgotten.
    pub removed: Vec<PathBuf>,
}

impl BackupRoundDone {
    /// Whether the backup would restore everything, as far as it was tried.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.report.as_ref().is_none_or(BackupReport::is_sound)
    }
}

impl Vault {
    /// Makes a backup in the folder, verifies it if asked to, and removes and forgets those of its own beyond the number that is
    /// kept.
    ///
    /// The name of a file has the random id of its backup, which this vault remembers: no file of somebody else is removed. The
    /// newest verified backup is never removed, and nothing is when the new one is not sound. A file goes before it is
    /// forgotten: what the vault remembers of a file that is gone is seen (`backup list`), a file that it does not remember is not.
    ///
    /// # Errors
    /// Those of [`Vault::create_backup`], [`Vault::verify_backup`], [`Vault::note_verified`] and [`Vault::forget_backup`].
    pub async fn back_up_on_schedule(
        &self,
        caller: &Caller,
        round: BackupRound,
    ) -> Result<BackupRoundDone, VaultError> {
        let BackupRound {
            folder,
            keep,
            protection,
            verify,
            files,
            program,
        } = round;
        let new = NewBackup {
            file: folder.clone(),
            protection,
            files: Arc::clone(&files),
            program,
        };
        let place = |id, at| folder.join(name(id, at));
        let made = self.create_backup_at(caller, new, place, |_| {}).await?;
        let file = folder.join(name(made.backup.id, made.backup.created_at));
        let report = match verify {
            Some(unlock) => Some(self.verify_file(caller, &file, unlock, &made).await?),
            None => None,
        };
        let mut done = BackupRoundDone {
            made,
            file,
            report,
            removed: Vec::new(),
        };
        if done.is_sound() {
            for (backup, file) in surplus(self.backups(), &folder, keep) {
                files.remove(&file)?;
                self.forget_backup(caller, backup).await?;
                done.removed.push(file);
            }
        }
        Ok(done)
    }

    async fn verify_file(
        &self,
        caller: &Caller,
        file: &Path,
        unlock: Unlock,
        made: &CreatedBackup,
    ) -> Result<BackupReport, VaultError> {
        let path = file.to_owned();
        let read = move || {
            let file = File::open(path).map_err(unreadable)?;
            BackupStore::read(decrypt(file, &unlock)?)
        };
        let backup = match tokio::task::spawn_blocking(read).await {
            Ok(backup) => backup?,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let environment = Environment {
            store: Arc::new(backup.clone()),
            ..self.environment().clone()
        };
        let settings = self.settings().clone();
        let report = Self::verify_backup(environment, settings, &backup, |_, _| {}).await?;
        self.note_verified(caller, &report, made.backup.file_hash)
            .await?;
        Ok(report)
    }

    /// How long until the next backup is due: none was made for that long, or ever. Zero: it is.
    #[must_use]
    pub fn next_backup_due_in(&self, every: Duration) -> Duration {
        let last = self.backups().into_iter().map(|backup| backup.created_at);
        due_in(last.max(), self.now(), every)
    }
}

const fn unreadable(source: io::Error) -> BackupError {
    let action = "read";
    BackupError::Io { action, source }
}

/// A clock that was put back makes nobody wait for longer than one interval.
fn due_in(last: Option<Timestamp>, now: Timestamp, every: Duration) -> Duration {
    let Some(last) = last else {
        return Duration::ZERO;
    };
    let age = now.as_micros().saturating_sub(last.as_micros()).max(0);
    every.saturating_sub(Duration::from_micros(age.unsigned_abs()))
}

/// When it was made, for people and for their sorting, and the id that nobody else has.
fn name(id: BackupId, at: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or_default();
    format!("strongroom-{}-{id}.backup", at.strftime("%Y%m%dT%H%M%SZ"))
}

/// The files of this folder beyond those that are kept, the newest verified one never among them.
fn surplus(
    mut backups: Vec<Backup>,
    folder: &Path,
    keep: NonZeroUsize,
) -> Vec<(BackupId, PathBuf)> {
    backups.sort_by_key(|backup| std::cmp::Reverse((backup.created_at, backup.id)));
    let is_verified = |backup: &&Backup| backup.verified_at.is_some();
    let last_verified = backups.iter().find(is_verified).map(|backup| backup.id);
    let ours = backups
        .iter()
        .map(|backup| (backup.id, folder.join(name(backup.id, backup.created_at))))
        .filter(|(_, file)| file.is_file());
    ours.skip(keep.get())
        .filter(|(id, _)| Some(*id) != last_verified)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_due_when_the_last_one_is_old_enough() {
        let hours = |hours: i64| Timestamp::from_micros(hours * 3_600_000_000);
        let hour = Duration::from_secs(3600);
        let day = 24 * hour;
        assert_eq!(due_in(None, hours(5), day), Duration::ZERO);
        assert_eq!(due_in(Some(hours(0)), hours(5), day), 19 * hour);
        assert_eq!(due_in(Some(hours(0)), hours(24), day), Duration::ZERO);
        assert_eq!(due_in(Some(hours(0)), hours(500), day), Duration::ZERO);
        assert_eq!(due_in(Some(hours(99)), hours(5), day), day);
    }

    #[test]
    fn the_name_of_a_file_says_when_and_which() {
        let id = BackupId::from_bytes([0xab; 16]);
        let at = Timestamp::from_micros(1_800_000_000_000_000);
        let id_text = "ab".repeat(16);
        assert_eq!(
            name(id, at),
            format!("strongroom-20270115T080000Z-{id_text}.backup")
        );
    }
}
