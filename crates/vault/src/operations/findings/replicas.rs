//! The processes that share the vault's database: who writes, and who lags behind.

use std::time::Duration;

use strongroom_errors::Coded as _;
use strongroom_store::{ReplicaRecord, Replicas};

use super::{Finding, Severity, failed, finding};
use crate::{UseRecords, Vault, VaultError};

/// What the database says of them, held against what this process knows; nothing where one process has the vault.
pub(super) async fn findings(vault: &Vault, silent_after: Duration) -> Vec<Finding> {
    let Some(replicas) = vault.replicas() else {
        return Vec::new();
    };
    let known = vault.standing().await.generation;
    match replicas.list().await {
        Ok(all) => {
            let mut findings = of_all(replicas, &all, known, silent_after);
            findings.extend(of_records(replicas, &all, vault.use_level()));
            findings
        }
        Err(error) => vec![failed("replicas", &error.into())],
    }
}

fn of_all(
    replicas: &dyn Replicas,
    all: &[ReplicaRecord],
    generation: u64,
    silent_after: Duration,
) -> Vec<Finding> {
    let own = replicas.own_id();
    let others: Vec<_> = all.iter().filter(|replica| replica.id != own).collect();
    let mut findings = vec![of_writer(all.iter().find(|it| it.is_writer), silent_after)];
    let troubled: Vec<_> = others
        .iter()
        .filter_map(|replica| of_trouble(replica, generation, silent_after))
        .collect();
    if troubled.is_empty() {
        let detail = match others.len() {
            0 => "no other process has the vault open".to_owned(),
            1 => format!("1 other process, which knows generation {generation}"),
            count => format!("{count} other processes, which know generation {generation}"),
        };
        findings.push(finding("replicas", Severity::Ok, detail));
    }
    findings.extend(troubled);
    findings
}

/// Those that refuse every use of a key, since only the one that writes keeps records of uses.
fn of_records(
    replicas: &dyn Replicas,
    all: &[ReplicaRecord],
    level: UseRecords,
) -> Option<Finding> {
    let refuses = |it: &&ReplicaRecord| it.id != replicas.own_id() && !it.is_writer;
    let refusing: Vec<_> = all.iter().filter(refuses).map(|it| &*it.name).collect();
    if level == UseRecords::Off || refusing.is_empty() {
        return None;
    }
    let detail = format!(
        "only the process that writes keeps records of uses, and [audit] signatures is '{}': these neither sign nor decrypt \
         as long as they do not write: {}",
        level.name(),
        refusing.join(", ")
    );
    let refusal = VaultError::UseNotRecorded { source: None };
    Some(Finding {
        code: Some(refusal.code().name()),
        ..finding("replicas", Severity::Warning, detail)
    })
}

fn of_writer(writer: Option<&ReplicaRecord>, silent_after: Duration) -> Finding {
    match writer {
        None => finding(
            "writer",
            Severity::Ok,
            "nobody has the lease: the next change takes it",
        ),
        Some(writer) if writer.silent_for > silent_after => finding(
            "writer",
            Severity::Warning,
            format!(
                "{} has the lease and was last heard of {:.1} s ago: the next change takes it over",
                writer.name,
                writer.silent_for.as_secs_f64()
            ),
        ),
        Some(writer) => finding("writer", Severity::Ok, format!("{} writes", writer.name)),
    }
}

/// What ails a process, if something does.
fn of_trouble(replica: &ReplicaRecord, newest: u64, silent_after: Duration) -> Option<Finding> {
    let name = &replica.name;
    let silent = replica.silent_for.as_secs_f64();
    let detail = if replica.silent_for > silent_after {
        format!(
            "{name} was last heard of {silent:.1} s ago: it ended without a word, or cannot reach the database"
        )
    } else if let Some(code) = &replica.report.degraded {
        format!("{name} cannot keep up: {code}")
    } else if replica.report.generation < newest {
        let known = replica.report.generation;
        format!(
            "{name} said {silent:.1} s ago that it knows generation {known}, and {newest} is the newest"
        )
    } else {
        return None;
    };
    Some(finding("replicas", Severity::Warning, detail))
}
