//! Whether the wrapper keys in use can be used.

use strongroom_vault::{Vault, VaultError, WrapperKeyState, WrapperKeyStatus};

use super::{Check, Status, check};
use crate::output;

/// Asks each KMS for the state of its wrapper keys in use.
pub(super) async fn checks(vault: &Vault) -> Vec<Check> {
    let found = vault.check_wrapper_keys().await;
    let mut checks: Vec<_> = found.iter().map(check_of_state).collect();
    // A use may have been told what the question was not.
    for alarm in vault.readiness().wrapper_key_alarms {
        let is_said = |it: &WrapperKeyStatus| {
            (&it.kms, &it.wrapper_key_id) == (&alarm.kms, &alarm.wrapper_key_id)
                && matches!(it.state, WrapperKeyState::Unusable { .. })
        };
        if !found.iter().any(is_said) {
            let (id, kms) = (&alarm.wrapper_key_id, &alarm.kms);
            let detail = format!("{id} of {kms} could not be used: {}", alarm.state);
            checks.push(failed(detail, alarm.code));
        }
    }
    checks
}

/// Of a vault that no wrap opens: each wrapper key, with what its KMS answered.
pub(super) fn checks_of_failure(error: &anyhow::Error) -> Vec<Check> {
    let Some(VaultError::NoWrapOpens { attempts }) = error.downcast_ref() else {
        return Vec::new();
    };
    let attempts = attempts.iter().map(|attempt| {
        let (id, kms) = (&attempt.wrapper_key_id, &attempt.kms);
        let detail = format!("{id} of {kms}: {}", attempt.reason);
        failed(detail, attempt.code)
    });
    attempts.collect()
}

fn check_of_state(key: &WrapperKeyStatus) -> Check {
    let (id, kms) = (&key.wrapper_key_id, &key.kms);
    match &key.state {
        WrapperKeyState::Usable => {
            let detail = format!("{id} of {kms} can be used");
            check("wrapper key", Status::Ok, detail)
        }
        WrapperKeyState::Unusable {
            state, code, since, ..
        } => {
            let since = output::moment(*since);
            let detail = format!(
                "{id} of {kms} cannot be used: {state}, known since {since}; the vault may not open again"
            );
            failed(detail, code)
        }
        WrapperKeyState::NotKnown { code, reason, .. } => not_known(
            format!("whether {id} of {kms} can be used is not known: {reason}"),
            Some(code),
        ),
        other => not_known(format!("{id} of {kms}: {}", other.name()), None),
    }
}

fn failed(detail: String, code: &'static str) -> Check {
    Check {
        code: Some(code),
        ..check("wrapper key", Status::Failed, detail)
    }
}

fn not_known(detail: String, code: Option<&'static str>) -> Check {
    Check {
        code,
        ..check("wrapper key", Status::Warning, detail)
    }
}

/// A rotation that was begun and not finished, and what past ones left.
pub(super) fn checks_of_rotation(vault: &Vault) -> Vec<Check> {
    let mut checks = Vec::new();
    if vault.wrapper_key_rotation().is_some() {
        checks.push(check(
            "wrapper key",
            Status::Warning,
            "a rotation is under way, and both wrapper keys are needed: 'strongroom wrapper-key rotate --resume' finishes it",
        ));
    }
    let retired = vault.retired_data_keys().len();
    if retired > 0 {
        let retired = output::counted(retired, "retired data key");
        let detail = format!("{retired}, kept for older backups");
        checks.push(check("data keys", Status::Ok, detail));
    }
    checks
}
