//! What opening every key, trying every wrap and walking the audit log found.

use strongroom_errors::Coded as _;

use super::{Finding, Severity, counted, finding};
use crate::{Inspection, Vault, WrapStatus};

pub(super) fn of_vault(inspection: &Inspection) -> Vec<Finding> {
    let mut findings = vec![finding(
        "audit",
        Severity::Ok,
        format!("{}, unbroken", counted(inspection.audit_records, "record")),
    )];
    findings.push(finding(
        "keys",
        Severity::Ok,
        match inspection.opened {
            1 => "1 private key opens and fits its public half".to_owned(),
            count => format!("{count} private keys open and fit their public halves"),
        },
    ));
    if inspection.external > 0 {
        let held = counted(inspection.external as u64, "key");
        let detail = format!("{held} held by a KMS, which signs and decrypts");
        findings.push(finding("external", Severity::Ok, detail));
    }
    if inspection.copies > 0 {
        let copies = counted(inspection.copies as u64, "key");
        let detail = format!(
            "{copies} that a KMS holds still sealed here: when the node works with the KMS, 'strongroom keys drop-copy --all --yes'"
        );
        findings.push(finding("copies", Severity::Ok, detail));
    }
    for (fingerprint, error) in &inspection.broken {
        findings.push(Finding {
            code: Some(error.code().name()),
            ..finding("keys", Severity::Failed, format!("{fingerprint}: {error}"))
        });
    }
    findings.extend(inspection.wraps.wraps.iter().map(of_wrap));
    if inspection.clear > 0 {
        let detail = format!(
            "{} private keys are stored readable: 'strongroom keys seal --all'",
            inspection.clear
        );
        findings.push(finding("custody", Severity::Warning, detail));
    }
    if inspection.exposed > 0 {
        let detail = format!(
            "{} keys are or were stored readable: replace them by new keys",
            inspection.exposed
        );
        findings.push(finding("exposed", Severity::Warning, detail));
    }
    findings
}

fn of_wrap(wrap: &WrapStatus) -> Finding {
    let opens = format!("wrapper key {} of {}", wrap.wrapper_key_id, wrap.kms);
    match wrap.failure {
        None => finding("wrap", Severity::Ok, format!("{opens} opens the vault")),
        Some(_) if wrap.offline => {
            let detail = format!(
                "{opens} is kept offline, and was not tried: 'strongroom wrapper-key check' with --recovery-key tries it"
            );
            finding("wrap", Severity::Ok, detail)
        }
        Some(code) => {
            let detail = format!("{opens} does not open the vault");
            Finding {
                code: Some(code),
                ..finding("wrap", Severity::Failed, detail)
            }
        }
    }
}

/// Keys that the configuration would have readable, but does not say so twice.
pub(super) fn of_reversal(vault: &Vault) -> Option<Finding> {
    let count = vault.unreverted_keys().len();
    let detail = format!(
        "{count} private keys stay sealed although their custody is 'clear': 'reverted = true' stores them readable"
    );
    (count > 0).then(|| finding("custody", Severity::Warning, detail))
}
