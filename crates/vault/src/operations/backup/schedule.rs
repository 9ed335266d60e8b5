//! Backups on a schedule: when one is due, and how soon one that failed is tried again.

mod folder;
mod round;

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use strongroom_crypto::Timestamp;

use self::folder::kept_in;
pub use self::round::{BackupMeans, BackupRoundDone, BackupTurn};
use crate::{backups::Backup, vault::Vault};

/// How soon the first round that failed is tried again; each that fails doubles it.
const AGAIN: Duration = Duration::from_secs(60);
/// And it is tried at least so often.
const AGAIN_AT_MOST: Duration = Duration::from_secs(3600);

/// When backups are made by themselves, and how many are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupSchedule {
    /// The folder of the files; it is there.
    pub folder: PathBuf,
    /// How old the newest backup may become.
    pub every: Duration,
    /// How many are kept.
    pub keep: NonZeroUsize,
    /// Whether each is verified.
    pub verify: bool,
}

/// What a schedule wants now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupDue {
    /// This is to be done.
    Now(BackupWork),
    /// Nothing, for so long.
    In(Duration),
}

/// What there is to do on a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupWork {
    /// A backup is to be made.
    Make,
    /// The newest is to be verified: whoever made it did not come to that, or it failed.
    Verify(Backup),
}

impl BackupSchedule {
    /// How soon a round that failed is tried again, after so many failures in a row.
    #[must_use]
    pub fn again_in(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        AGAIN
            .saturating_mul(doubled)
            .min(AGAIN_AT_MOST)
            .min(self.every)
    }

    /// What is to be done, if this is the newest backup in the folder. A clock that was put back makes nobody wait for longer
    /// than one interval.
    fn due(&self, newest: Option<Backup>, now: Timestamp) -> BackupDue {
        let Some(newest) = newest else {
            return BackupDue::Now(BackupWork::Make);
        };
        let left = self.left(newest.created_at, now);
        if left.is_zero() {
            BackupDue::Now(BackupWork::Make)
        } else if self.verify && newest.verified_at.is_none() {
            BackupDue::Now(BackupWork::Verify(newest))
        } else {
            BackupDue::In(left)
        }
    }

    /// How long a backup of that time is young enough.
    fn left(&self, created_at: Timestamp, now: Timestamp) -> Duration {
        let age = now.as_micros().saturating_sub(created_at.as_micros());
        let age = Duration::from_micros(age.max(0).unsigned_abs());
        self.every.saturating_sub(age)
    }
}

impl Vault {
    /// What this schedule wants now. Only backups count that it made and whose file is in the folder: one that somebody took
    /// away, or made for themselves, keeps nobody from making the next.
    pub async fn backup_due(&self, schedule: &BackupSchedule) -> BackupDue {
        let kept = kept_in(&schedule.folder, self.backups()).await;
        let newest = kept.into_iter().next().map(|(backup, _file)| backup);
        schedule.due(newest, self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn daily(verify: bool) -> BackupSchedule {
        BackupSchedule {
            folder: PathBuf::new(),
            every: 24 * HOUR,
            keep: NonZeroUsize::MIN,
            verify,
        }
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_micros(hours * 3_600_000_000)
    }

    #[test]
    fn a_backup_is_due_when_the_newest_is_old_enough() {
        let made_at = |hours| Some(Backup::unverified_sample(at(hours)));
        let due = |newest, now| daily(false).due(newest, at(now));
        let make = BackupDue::Now(BackupWork::Make);
        assert_eq!(due(None, 5), make);
        assert_eq!(due(made_at(0), 5), BackupDue::In(19 * HOUR));
        assert_eq!(due(made_at(0), 24), make);
        assert_eq!(due(made_at(0), 500), make);
        assert_eq!(due(made_at(99), 5), BackupDue::In(24 * HOUR));
    }

    #[test]
    fn a_young_backup_that_was_not_verified_is_verified_and_not_made_again() {
        let newest = Backup::unverified_sample(at(0));
        let verify = BackupDue::Now(BackupWork::Verify(newest.clone()));
        assert_eq!(daily(true).due(Some(newest.clone()), at(5)), verify);
        let make = BackupDue::Now(BackupWork::Make);
        assert_eq!(daily(true).due(Some(newest), at(24)), make);
    }

    #[test]
    fn what_fails_again_and_again_is_tried_less_often_and_never_given_up() {
        let daily = daily(true);
        let pauses = [1, 2, 3, 6, 7, 500].map(|failures| daily.again_in(failures).as_secs() / 60);
        assert_eq!(pauses, [1, 2, 4, 32, 60, 60]);
        let often = BackupSchedule {
            every: Duration::from_secs(90),
            ..daily
        };
        assert_eq!(often.again_in(9), Duration::from_secs(90));
    }
}
