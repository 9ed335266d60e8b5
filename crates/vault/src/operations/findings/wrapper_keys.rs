//! Whether the wrapper keys in use can be used.

use super::{Finding, Severity, counted, finding, moment};
use crate::{Vault, WrapperKeyState, WrapperKeyStatus};

/// Asks each KMS for the state of its wrapper keys in use.
pub(super) async fn findings(vault: &Vault) -> Vec<Finding> {
    let found = vault.check_wrapper_keys().await;
    let mut findings: Vec<_> = found.iter().map(of_state).collect();
    // A use may have been told what the question was not.
    for alarm in vault.readiness().wrapper_key_alarms {
        let is_said = |it: &WrapperKeyStatus| {
            (&it.kms, &it.wrapper_key_id) == (&alarm.kms, &alarm.wrapper_key_id)
                && matches!(it.state, WrapperKeyState::Unusable { .. })
        };
        if !found.iter().any(is_said) {
            let (id, kms) = (&alarm.wrapper_key_id, &alarm.kms);
            let detail = format!("{id} of {kms} could not be used: {}", alarm.state);
            findings.push(failed(detail, alarm.code));
        }
    }
    findings
}

fn of_state(key: &WrapperKeyStatus) -> Finding {
    let (id, kms) = (&key.wrapper_key_id, &key.kms);
    match &key.state {
        WrapperKeyState::Usable => {
            let detail = format!("{id} of {kms} can be used");
            finding("wrapper key", Severity::Ok, detail)
        }
        WrapperKeyState::Unusable {
            state, code, since, ..
        } => {
            let since = moment(*since);
            let detail = format!(
                "{id} of {kms} cannot be used: {state}, known since {since}; the vault may not open again"
            );
            failed(detail, code)
        }
        WrapperKeyState::NotKnown { code, reason, .. } => not_known(
            format!("whether {id} of {kms} can be used is not known: {reason}"),
            Some(code),
        ),
    }
}

fn failed(detail: String, code: &'static str) -> Finding {
    Finding {
        code: Some(code),
        ..finding("wrapper key", Severity::Failed, detail)
    }
}

fn not_known(detail: String, code: Option<&'static str>) -> Finding {
    Finding {
        code,
        ..finding("wrapper key", Severity::Warning, detail)
    }
}

/// A rotation that was begun and not finished, and what past ones left.
pub(super) fn of_rotation(vault: &Vault) -> Vec<Finding> {
    let mut findings = Vec::new();
    if vault.wrapper_key_rotation().is_some() {
        findings.push(finding(
            "wrapper key",
            Severity::Warning,
            "a rotation is under way, and both wrapper keys are needed: 'strongroom wrapper-key rotate --resume' finishes it",
        ));
    }
    let retired = vault.retired_data_keys().len();
    if retired > 0 {
        let retired = counted(retired, "retired data key");
        let detail = format!("{retired}, kept for older backups");
        findings.push(finding("data keys", Severity::Ok, detail));
    }
    findings
}
