//! What using the key management systems has shown.

use strongroom_kms::KmsHealth;

use super::{Finding, Severity, finding, moment};
use crate::{KmsCondition, KmsReadiness, Readiness, Vault};

/// Whether the first wrap opened the vault; if not, what was made for redundancy is in use.
pub(super) fn of_opening(vault: &Vault) -> Option<Finding> {
    let opening = vault.opening();
    let failed = opening.failed.first()?;
    let detail = format!(
        "{} opened the vault, since {} did not: {}",
        opening.kms, failed.kms, failed.reason
    );
    Some(Finding {
        code: Some(failed.code),
        ..finding("opening", Severity::Warning, detail)
    })
}

/// What the calls of this command have shown.
pub(super) fn of_readiness(readiness: &Readiness) -> Vec<Finding> {
    // Of those that only hold keys there is something to tell once one was used.
    let told = |kms: &&KmsReadiness| kms.wraps > 0 || kms.condition != KmsCondition::NotAsked;
    let kms = readiness.kms.iter().filter(told);
    let mut findings: Vec<_> = kms.map(of_condition).collect();
    if readiness.keys_waiting > 0 {
        let detail = format!(
            "{} private keys wait for a key management system that works",
            readiness.keys_waiting
        );
        findings.push(finding("readiness", Severity::Failed, detail));
    }
    findings
}

fn of_condition(kms: &KmsReadiness) -> Finding {
    let seen = match &kms.seen {
        KmsHealth::Degraded { reason } | KmsHealth::Failed { reason } => format!("; {reason}"),
        _ => String::new(),
    };
    match &kms.condition {
        KmsCondition::Fails {
            since,
            code,
            reason,
            ..
        } => Finding {
            code: Some(code),
            ..finding(
                "readiness",
                Severity::Failed,
                format!("{} fails since {}: {reason}{seen}", kms.kms, moment(*since)),
            )
        },
        _ => finding(
            "readiness",
            Severity::Ok,
            format!("{} answers{seen}", kms.kms),
        ),
    }
}
