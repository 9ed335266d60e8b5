//! What a thorough look at an open vault finds, for people: `doctor`.

mod ages;
mod anchor;
mod approvals;
mod backups;
mod configuration;
mod external;
mod inspection;
mod readiness;
mod replicas;
mod topology;
mod wrapper_keys;

use std::{fmt::Display, time::Duration};

use strongroom_errors::{Coded as _, in_words};

use crate::{
    error::{VaultError, instant as moment},
    vault::Vault,
};

/// Something that was looked at, and how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at: a stable name, such as `audit`. Several findings may have the same.
    pub name: &'static str,
    /// How it is.
    pub severity: Severity,
    /// What was found, for people.
    pub detail: String,
    /// The code of the error that it is about.
    pub code: Option<&'static str>,
}

/// How something is that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Somebody should know.
    Warning,
    /// Something is wrong.
    Failed,
}

impl Severity {
    /// The stable name: `ok`, `warning`, `failed`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// From when on something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FindingLimits {
    /// How old the last verified backup may be.
    pub max_backup_age: Duration,
    /// For how long another process may be silent.
    pub silent_after: Duration,
}

impl Default for FindingLimits {
    /// A week, and five seconds.
    fn default() -> Self {
        Self {
            max_backup_age: Duration::from_secs(7 * 86_400),
            silent_after: Duration::from_secs(5),
        }
    }
}

impl Vault {
    /// Looks the vault over: opens every private key, tries every wrap, verifies the audit log, asks each key management system
    /// for the state of its wrapper keys, and holds topology, backups, ages and approvals against what they should be.
    ///
    /// What is broken is a finding, and the rest is looked at all the same. `progress` hears how many keys are done, of how many.
    pub async fn findings(
        &self,
        limits: &FindingLimits,
        progress: impl FnMut(usize, usize),
    ) -> Vec<Finding> {
        let mut findings = Vec::from_iter(readiness::of_opening(self));
        match self.inspect(progress).await {
            Ok(inspection) => findings.extend(inspection::of_vault(&inspection)),
            Err(error @ VaultError::AuditBroken { .. }) => findings.push(failed("audit", &error)),
            Err(error) => findings.push(failed("keys", &error)),
        }
        findings.extend(wrapper_keys::findings(self).await);
        findings.extend(wrapper_keys::of_rotation(self));
        findings.extend(external::findings(self).await);
        findings.extend(inspection::of_reversal(self));
        findings.extend(readiness::of_readiness(&self.readiness()));
        findings.extend(topology::findings(self).await);
        findings.extend(anchor::findings(self).await);
        findings.extend(backups::findings(self, limits.max_backup_age));
        findings.extend(ages::findings(self).await);
        findings.extend(approvals::findings(self));
        findings.extend(configuration::finding_of(self).await);
        findings.extend(replicas::findings(self, limits.silent_after).await);
        findings
    }
}

fn finding(name: &'static str, severity: Severity, detail: impl Into<String>) -> Finding {
    Finding {
        name,
        severity,
        detail: detail.into(),
        code: None,
    }
}

/// What `error` kept from being as it should, with all of its causes.
fn failed(name: &'static str, error: &VaultError) -> Finding {
    Finding {
        code: Some(error.code().name()),
        ..finding(name, Severity::Failed, in_words(error))
    }
}

/// `1 key`, `2 keys`.
fn counted<N: Copy + Display + From<u8> + PartialEq>(count: N, thing: &str) -> String {
    let end = if count == N::from(1) { "" } else { "s" };
    format!("{count} {thing}{end}")
}
