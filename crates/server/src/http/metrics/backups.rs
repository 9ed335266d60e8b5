//! How backups on schedule go.

use prometheus_client::registry::Registry;

use super::vault::{Float, count};
use crate::scheduled_backups::ScheduledBackups;

pub(super) fn register(registry: &mut Registry, backups: &ScheduledBackups) {
    let interval = Float::default();
    interval.set(backups.every().as_secs_f64());
    let help = "How old the newest backup on schedule may become";
    registry.register("backup_schedule_seconds", help, interval);
    let failures = u64::from(backups.failures());
    let help = "Backups on schedule that failed in a row; 0 when all is well";
    count(registry, "backup_schedule_failures", help, failures);
}
