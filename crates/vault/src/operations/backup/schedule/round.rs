//! One round: a backup is made, verified, and what is beyond those that are kept is removed.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use strongroom_backup::{BackupError, BackupStore, Protection, Section, Unlock, decrypt};
use strongroom_files::{FileError, Files, remove_leftovers};
use strongroom_store::BackupId;

use super::{
    BackupDue, BackupSchedule, BackupWork,
    folder::{is_name, kept_in, name, surplus},
};
use crate::{
    background::on_a_thread,
    backups::Backup,
    caller::Caller,
    environment::Environment,
    error::VaultError,
    operations::backup::{create::NewBackup, verify::BackupReport},
    vault::Vault,
};

/// What a round takes beside its schedule: secrets are read when there is something to do.
#[derive(Debug)]
pub struct BackupMeans {
    /// Who can read the backup.
    pub protection: Protection,
    /// What opens it, if it is to be verified.
    pub unlock: Unlock,
    /// The file system.
    pub files: Arc<dyn Files>,
    /// The version of the program, for the header.
    pub program: String,
}

/// What a round did.
#[derive(Debug)]
#[non_exhaustive]
pub struct BackupRoundDone {
    /// The backup that was made, or that was there and not verified.
    pub backup: Backup,
    /// Its file.
    pub file: PathBuf,
    /// What verifying found; none if it was not asked for.
    pub report: Option<BackupReport>,
    /// Files that were removed, and their backups forgotten.
    pub removed: Vec<PathBuf>,
    /// When the next one is due.
    pub next_in: Duration,
}

/// What came of a look at a schedule.
#[derive(Debug)]
pub enum BackupTurn {
    /// A round.
    Done(Box<BackupRoundDone>),
    /// Nothing was due, nor is for so long.
    NotDue(Duration),
}

impl BackupRoundDone {
    /// Whether the backup would restore everything, as far as it was tried.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.report.as_ref().is_none_or(BackupReport::is_sound)
    }
}

impl Vault {
    /// Does what this schedule wants now, if anything. `means` is asked only then.
    ///
    /// # Errors
    /// What `means` fails with; those of [`Vault::back_up_on_schedule`].
    pub async fn take_backup_turn<E: From<VaultError>>(
        &self,
        caller: &Caller,
        schedule: &BackupSchedule,
        means: impl FnOnce() -> Result<BackupMeans, E>,
    ) -> Result<BackupTurn, E> {
        match self.backup_due(schedule).await {
            BackupDue::In(pause) => Ok(BackupTurn::NotDue(pause)),
            BackupDue::Now(work) => {
                let round = self.back_up_on_schedule(caller, schedule, work, means()?);
                Ok(BackupTurn::Done(Box::new(round.await?)))
            }
        }
    }

    /// Makes a backup in the folder of the schedule, or takes up the one that is there; verifies it if that is asked for; removes
    /// and forgets those of its own beyond the number that is kept.
    ///
    /// The name of a file has the random id of its backup, which this vault remembers: no file of somebody else is removed. The
    /// newest verified backup is never removed, nothing is when the new one is not sound, nor while the vault is in quarantine:
    /// then nobody has said yet that it is the right one. A file goes before it is forgotten: what the vault remembers of a file
    /// that is gone is seen (`backup list`), a file that it does not remember is not. For the same reason a backup that could not
    /// be remembered leaves no file.
    ///
    /// # Errors
    /// Those of [`Vault::create_backup`], [`Vault::verify_backup`], [`Vault::note_verified`] and [`Vault::forget_backup`].
    pub async fn back_up_on_schedule(
        &self,
        caller: &Caller,
        schedule: &BackupSchedule,
        work: BackupWork,
        means: BackupMeans,
    ) -> Result<BackupRoundDone, VaultError> {
        let (files, unlock) = (Arc::clone(&means.files), means.unlock);
        let backup = match work {
            BackupWork::Verify(backup) => backup,
            BackupWork::Make => {
                let new = NewBackup {
                    file: schedule.folder.clone(),
                    protection: means.protection,
                    files: means.files,
                    program: means.program,
                };
                self.make_on_schedule(caller, schedule, new).await?
            }
        };
        let file = schedule.folder.join(name(backup.id, backup.created_at));
        let report = if schedule.verify {
            Some(self.verify_file(caller, &file, unlock, &backup).await?)
        } else {
            None
        };
        let mut done = BackupRoundDone {
            next_in: schedule.left(backup.created_at, self.now()),
            backup,
            file,
            report,
            removed: Vec::new(),
        };
        if done.is_sound() && !self.is_quarantined() {
            let kept = kept_in(&schedule.folder, self.backups()).await;
            for (backup, file) in surplus(kept, self.last_verified_id(), schedule.keep) {
                files.remove(&file)?;
                self.forget_backup(caller, backup).await?;
                done.removed.push(file);
            }
        }
        Ok(done)
    }

    async fn make_on_schedule(
        &self,
        caller: &Caller,
        schedule: &BackupSchedule,
        new: NewBackup,
    ) -> Result<Backup, VaultError> {
        // A process that died while it wrote one has left a file that nobody else removes: no name comes twice.
        remove_leftovers(&schedule.folder, is_name);
        let (files, mut placed) = (Arc::clone(&new.files), None);
        let place = |id, at| {
            let file = schedule.folder.join(name(id, at));
            placed = Some((id, file.clone()));
            file
        };
        let made = self.create_backup_at(caller, new, place, |_| {}).await;
        let is_ours = !matches!(made, Err(VaultError::File(FileError::Exists { .. })));
        if made.is_err()
            && is_ours
            && let Some((id, file)) = placed
            && !self.is_in_doubt()
            && self.backup_records().of(id).is_none()
        {
            // Should this fail, too, what it failed with at first is what is told.
            let _stays = files.remove(&file);
        }
        Ok(made?.backup)
    }

    async fn verify_file(
        &self,
        caller: &Caller,
        file: &Path,
        unlock: Unlock,
        backup: &Backup,
    ) -> Result<BackupReport, VaultError> {
        let path = file.to_owned();
        let read = move || {
            let file = File::open(path).map_err(unreadable)?;
            BackupStore::read(decrypt(file, &unlock)?)
        };
        let store = on_a_thread(read).await?;
        if store.header().id != backup.id {
            // Whoever exchanges files of a folder does not have another one noted as verified.
            let section = Some(Section::Header);
            return Err(BackupError::Damaged { section, row: 0 }.into());
        }
        let environment = Environment {
            store: Arc::new(store.clone()),
            ..self.environment().clone()
        };
        let settings = self.settings().clone();
        let report = Self::verify_backup(environment, settings, &store, |_, _| {}).await?;
        self.note_verified(caller, &report, backup.file_hash)
            .await?;
        Ok(report)
    }

    fn last_verified_id(&self) -> Option<BackupId> {
        let verified = self.backups().into_iter();
        let verified = verified.filter(|backup| backup.verified_at.is_some());
        let last = verified.max_by_key(|backup| (backup.created_at, backup.id));
        last.map(|backup| backup.id)
    }
}

const fn unreadable(source: io::Error) -> BackupError {
    let action = "read";
    BackupError::Io { action, source }
}
