//! Whether somebody makes the backups that the configuration wants.

use strongroom_config::BackupScheduleConfig;
use strongroom_vault::{BackupDue, BackupWork, Vault};

use super::{Check, Status, check, failed};
use crate::{backup_schedule::ScheduledBackups, output};

/// When the next one is due, and who makes it.
pub(super) async fn check_of(vault: &Vault, config: &BackupScheduleConfig) -> Check {
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
