//! How old the last backup is that is known to restore the vault.

use std::time::Duration;

use strongroom_config::{BackupScheduleConfig, Config};
use strongroom_crypto::{
    Timestamp,
    clock::{Clock, SystemClock},
};
use strongroom_vault::{BackupDue, BackupWork, Vault};

use super::{Check, Status, check, failed};
use crate::{backup_schedule::ScheduledBackups, output};

pub(super) async fn checks(vault: &Vault, config: &Config) -> Vec<Check> {
    let now = SystemClock.now();
    let allowed = config.policy.max_backup_age;
    let last = vault.last_verified_backup();
    let mut checks = vec![of_age(last, now, allowed)];
    if let Some(schedule) = &config.backup.schedule {
        checks.push(of_schedule(vault, schedule).await);
    }
    if vault.is_quarantined() {
        checks.push(Check {
            code: Some("VAULT_IN_QUARANTINE"),
            ..check(
                "quarantine",
                Status::Warning,
                "the vault was restored from a backup and signs nothing",
            )
        });
    }
    checks
}

/// Whether somebody makes the backups that the configuration wants.
async fn of_schedule(vault: &Vault, config: &BackupScheduleConfig) -> Check {
    const NAME: &str = "backup schedule";
    let folder = config.folder.display();
    if !config.folder.is_dir() {
        return check(
            NAME,
            Status::Warning,
            format!("there is no folder {folder}"),
        );
    }
    let backups = match ScheduledBackups::of(config) {
        Ok(backups) => backups,
        Err(error) => return failed(NAME, &error),
    };
    match vault.backup_due(backups.schedule()).await {
        BackupDue::In(left) => {
            let hours = output::counted(left.as_secs() / 3600, "hour");
            let detail = format!("the next backup is due in {hours}");
            check(NAME, Status::Ok, detail)
        }
        BackupDue::Now(BackupWork::Verify(backup)) => {
            let made = output::moment(backup.created_at);
            let detail = format!("the backup of {made} in {folder} is not verified yet");
            check(NAME, Status::Warning, detail)
        }
        BackupDue::Now(BackupWork::Make) => {
            let detail = format!(
                "a backup is due in {folder}: 'strongroom serve' makes it while this process writes"
            );
            check(NAME, Status::Warning, detail)
        }
    }
}

/// By when the backup was made: what was done since would be lost, however lately it was verified.
fn of_age(last: Option<Timestamp>, now: Timestamp, allowed: Duration) -> Check {
    let Some(last) = last else {
        let detail =
            "no backup was verified: 'strongroom backup create', then 'strongroom backup verify'";
        return check("backup", Status::Warning, detail);
    };
    let age = now.as_micros().saturating_sub(last.as_micros()).max(0);
    let age = Duration::from_micros(age.unsigned_abs());
    let (status, end) = if age > allowed {
        (Status::Warning, ", older than max-backup-age")
    } else {
        (Status::Ok, "")
    };
    let detail = format!(
        "the last verified backup was made at {}, {} ago{end}",
        output::moment(last),
        output::counted(age.as_secs() / 3600, "hour"),
    );
    check("backup", status, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_ages_from_when_it_was_made() {
        let hours = |hours: i64| Timestamp::from_micros(hours * 3_600_000_000);
        let allowed = Duration::from_secs(7 * 24 * 3600);
        let told = |last| of_age(last, hours(1000), allowed);
        assert!(told(None).status == Status::Warning);
        let fresh = told(Some(hours(1000 - 168)));
        assert!(fresh.status == Status::Ok && fresh.detail.contains("168 hours ago"));
        let old = told(Some(hours(1000 - 169)));
        assert!(old.status == Status::Warning && old.detail.contains("max-backup-age"));
        // A clock that was put back makes nothing older.
        assert!(told(Some(hours(2000))).status == Status::Ok);
    }
}
