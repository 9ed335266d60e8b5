//! The parts of a node that have to do with keys, by Canton's names (reference: vault service, section 5).

use std::collections::BTreeMap;

use strongroom_vault::{KmsReadiness, Readiness, Vault};

use crate::{
    contract::canton_admin::health::v30::{
        ComponentStatus,
        component_status::{Status, StatusData},
    },
    scheduled_backups::ScheduledBackups,
};

/// A part of the node, and how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) condition: Condition,
}

/// How a part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Ok,
    /// It does its work, and something is wrong with it.
    Degraded(String),
    /// It does not do its work.
    Failed(String),
}

impl Condition {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded(_) => "degraded",
            Self::Failed(_) => "failed",
        }
    }

    pub(crate) fn description(&self) -> Option<&str> {
        match self {
            Self::Ok => None,
            Self::Degraded(text) | Self::Failed(text) => Some(text),
        }
    }
}

/// What is known of each part, as the status has it.
pub(super) fn of(vault: &Vault, scheduled: Option<&ScheduledBackups>) -> Vec<ComponentStatus> {
    let parts = parts(vault, scheduled).into_iter();
    let told = parts.map(|part| {
        let data = StatusData {
            description: part.condition.description().map(str::to_owned),
        };
        let status = match part.condition {
            Condition::Ok => Status::Ok(data),
            Condition::Degraded(_) => Status::Degraded(data),
            Condition::Failed(_) => Status::Failed(data),
        };
        ComponentStatus {
            name: part.name,
            status: Some(status),
        }
    });
    told.collect()
}

/// What is known of each part, without asking anybody.
pub(crate) fn parts(vault: &Vault, scheduled: Option<&ScheduledBackups>) -> Vec<Part> {
    let readiness = vault.readiness();
    let mut parts = vec![
        part("crypto", crypto(&readiness)),
        part("db-storage", storage(vault, &readiness)),
        if readiness.keys_held > 0 {
            part("kms-private-crypto", of_all(&readiness.kms))
        } else {
            part("jce-private-crypto", Condition::Ok)
        },
    ];
    parts.extend(clients(&readiness.kms));
    parts.extend(scheduled.map(|scheduled| part("backups", backups(scheduled))));
    parts
}

fn part(name: &str, condition: Condition) -> Part {
    let name = name.to_owned();
    Part { name, condition }
}

/// Whether every private key can be used.
fn crypto(readiness: &Readiness) -> Condition {
    if readiness.keys_waiting > 0 {
        let waiting = readiness.keys_waiting;
        Condition::Failed(format!("{waiting} private keys cannot be used now"))
    } else if !readiness.reopens {
        let text = "keys are in memory, but no key management system would open the vault again";
        Condition::Degraded(text.to_owned())
    } else if let Some(alarm) = readiness.wrapper_key_alarms.first() {
        Condition::Degraded(format!(
            "wrapper key {} cannot be used",
            alarm.wrapper_key_id
        ))
    } else {
        Condition::Ok
    }
}

fn storage(vault: &Vault, readiness: &Readiness) -> Condition {
    if let Some(code) = vault.write_failure() {
        Condition::Failed(format!("no change can be kept: {code}"))
    } else if readiness.in_doubt {
        Condition::Degraded("it is not known whether the last change was done".to_owned())
    } else {
        Condition::Ok
    }
}

/// The clients of key management systems: `aws-kms`, `gcp-kms`, `driver-kms` and so on; with the configured name behind it where
/// there are several of a kind.
fn clients(all: &[KmsReadiness]) -> Vec<Part> {
    let mut of_kind = BTreeMap::<&str, usize>::new();
    for kms in all {
        *of_kind.entry(kind(kms)).or_default() += 1;
    }
    let named = all.iter().map(|kms| {
        let kind = kind(kms);
        let name = match of_kind.get(kind) {
            Some(1) => format!("{kind}-kms"),
            _ => format!("{kind}-kms-{}", kms.kms),
        };
        part(&name, client(kms))
    });
    named.collect()
}

/// Whatever has no kind of ours is out of process, and calls itself what it likes.
fn kind(kms: &KmsReadiness) -> &str {
    match kms.kind.as_str() {
        kind @ ("aws" | "gcp" | "local" | "pkcs11" | "recovery") => kind,
        _ => "driver",
    }
}

fn client(kms: &KmsReadiness) -> Condition {
    if kms.fails() {
        Condition::Failed("the last call to it failed".to_owned())
    } else {
        Condition::Ok
    }
}

/// The worst of them.
fn of_all(all: &[KmsReadiness]) -> Condition {
    let failing = all.iter().map(client).find(|it| *it != Condition::Ok);
    failing.unwrap_or(Condition::Ok)
}

fn backups(scheduled: &ScheduledBackups) -> Condition {
    match scheduled.failures() {
        0 => Condition::Ok,
        failures => Condition::Degraded(format!("backups on schedule fail, {failures} in a row")),
    }
}
