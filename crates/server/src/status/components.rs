//! The parts of a node that have to do with keys, by Canton's names (reference: vault service, section 5).

use strongroom_vault::{KmsReadiness, Readiness, Vault};

use crate::{
    contract::canton_admin::health::v30::{
        ComponentStatus,
        component_status::{Status, StatusData},
    },
    scheduled_backups::ScheduledBackups,
};

/// What is known of each part, without asking anybody.
pub(super) fn of(vault: &Vault, scheduled: Option<&ScheduledBackups>) -> Vec<ComponentStatus> {
    let readiness = vault.readiness();
    let mut components = vec![crypto(&readiness), storage(&readiness)];
    components.extend(readiness.kms.iter().map(kms));
    components.extend(scheduled.map(backups));
    components
}

/// Whether every private key can be used.
fn crypto(readiness: &Readiness) -> ComponentStatus {
    let status = if readiness.keys_waiting > 0 {
        let waiting = readiness.keys_waiting;
        Status::Failed(data(Some(format!(
            "{waiting} private keys cannot be used now"
        ))))
    } else if !readiness.reopens {
        let text = "keys are in memory, but no key management system would open the vault again";
        Status::Degraded(data(Some(text.to_owned())))
    } else if let Some(alarm) = readiness.wrapper_key_alarms.first() {
        let text = format!("wrapper key {} cannot be used", alarm.wrapper_key_id);
        Status::Degraded(data(Some(text)))
    } else {
        Status::Ok(data(None))
    };
    component("crypto", status)
}

fn storage(readiness: &Readiness) -> ComponentStatus {
    let status = if readiness.in_doubt {
        let text = "it is not known whether the last change was done";
        Status::Degraded(data(Some(text.to_owned())))
    } else {
        Status::Ok(data(None))
    };
    component("db-storage", status)
}

fn kms(kms: &KmsReadiness) -> ComponentStatus {
    let status = if kms.fails() {
        Status::Failed(data(Some("the last call to it failed".to_owned())))
    } else {
        Status::Ok(data(None))
    };
    component(&format!("kms-{}", kms.kms), status)
}

fn backups(scheduled: &ScheduledBackups) -> ComponentStatus {
    let status = match scheduled.failures() {
        0 => Status::Ok(data(None)),
        failures => Status::Degraded(data(Some(format!(
            "backups on schedule fail, {failures} in a row"
        )))),
    };
    component("backups", status)
}

fn component(name: &str, status: Status) -> ComponentStatus {
    ComponentStatus {
        name: name.to_owned(),
        status: Some(status),
    }
}

const fn data(description: Option<String>) -> StatusData {
    StatusData { description }
}
