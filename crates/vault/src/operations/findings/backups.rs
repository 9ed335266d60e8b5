//! How old the last backup is that is known to restore the vault.

use std::time::Duration;

use strongroom_crypto::Timestamp;

use super::{Finding, Severity, counted, finding, moment};
use crate::Vault;

pub(super) fn findings(vault: &Vault, allowed: Duration) -> Vec<Finding> {
    let last = vault.last_verified_backup();
    let mut findings = vec![of_age(last, vault.now(), allowed)];
    if vault.is_quarantined() {
        findings.push(Finding {
            code: Some("VAULT_IN_QUARANTINE"),
            ..finding(
                "quarantine",
                Severity::Warning,
                "the vault was restored from a backup and signs nothing",
            )
        });
    }
    findings
}

/// By when the backup was made: what was done since would be lost, however lately it was verified.
fn of_age(last: Option<Timestamp>, now: Timestamp, allowed: Duration) -> Finding {
    let Some(last) = last else {
        let detail =
            "no backup was verified: 'strongroom backup create', then 'strongroom backup verify'";
        return finding("backup", Severity::Warning, detail);
    };
    let age = now.as_micros().saturating_sub(last.as_micros()).max(0);
    let age = Duration::from_micros(age.unsigned_abs());
    let (severity, end) = if age > allowed {
        (Severity::Warning, ", older than max-backup-age")
    } else {
        (Severity::Ok, "")
    };
    let detail = format!(
        "the last verified backup was made at {}, {} ago{end}",
        moment(last),
        counted(age.as_secs() / 3600, "hour"),
    );
    finding("backup", severity, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_ages_from_when_it_was_made() {
        let hours = |hours: i64| Timestamp::from_micros(hours * 3_600_000_000);
        let allowed = Duration::from_secs(7 * 24 * 3600);
        let told = |last| of_age(last, hours(1000), allowed);
        assert!(told(None).severity == Severity::Warning);
        let fresh = told(Some(hours(1000 - 168)));
        assert!(fresh.severity == Severity::Ok && fresh.detail.contains("168 hours ago"));
        let old = told(Some(hours(1000 - 169)));
        assert!(old.severity == Severity::Warning && old.detail.contains("max-backup-age"));
        // A clock that was put back makes nothing older.
        assert!(told(Some(hours(2000))).severity == Severity::Ok);
    }
}
