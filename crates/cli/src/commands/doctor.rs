//! `doctor`: look the vault over.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_errors::Coded;
use strongroom_kms_local::ProtectionKind;
use strongroom_memory::LockedPages;
use strongroom_vault::Inspection;

use crate::{args::Global, exit, output, progress, session::Session};

/// Look the vault over: every row is authenticated, every private key opened, every wrap tried, the audit log verified.
///
/// Exit status 0: nothing is wrong (there may be warnings); 1: something is.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom doctor --dir my-vault\n  strongroom doctor --output json | jq '.checks[] | select(.status != \"ok\")'"
)]
pub(crate) struct Options {}

#[derive(Serialize)]
struct Report {
    healthy: bool,
    vault_id: String,
    keys: usize,
    kms_calls: u64,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    detail: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Warning,
    Failed,
}

pub(crate) async fn run(global: &Global, _options: Options) -> anyhow::Result<ExitCode> {
    let session = Session::open(global).await?;
    let bar = progress::bar(global, session.vault.key_count() as u64, "opening keys");
    let inspection = session
        .vault
        .inspect(|done, _of| bar.set_position(done as u64))
        .await?;
    bar.finish_and_clear();
    let mut checks = vec![check(
        "rows",
        Status::Ok,
        "every row is authentic and adds up to the state record",
    )];
    checks.extend(checks_of_vault(&inspection));
    checks.extend(checks_of_setup(&session));
    checks.extend(checks_of_process());
    let report = Report {
        healthy: checks.iter().all(|check| check.status != Status::Failed),
        vault_id: session.vault.id().to_string(),
        keys: session.vault.key_count(),
        kms_calls: session.kms.total_calls(),
        checks,
    };
    session.close().await;
    output::print(global.output, &report, |out| {
        for check in &report.checks {
            let mark = match check.status {
                Status::Ok => "ok     ",
                Status::Warning => "warning",
                Status::Failed => "FAILED ",
            };
            writeln!(out, "{mark}  {:<12} {}", check.name, check.detail)?;
        }
        Ok(())
    })?;
    Ok(ExitCode::from(if report.healthy { 0 } else { exit::NO }))
}

fn check(name: &'static str, status: Status, detail: impl Into<String>) -> Check {
    Check {
        name,
        status,
        detail: detail.into(),
    }
}

fn checks_of_vault(inspection: &Inspection) -> Vec<Check> {
    let mut checks = vec![check(
        "audit",
        Status::Ok,
        format!("{} records, unbroken", inspection.audit_records),
    )];
    checks.push(check(
        "keys",
        Status::Ok,
        format!(
            "{} private keys open and fit their public halves",
            inspection.opened
        ),
    ));
    for (fingerprint, error) in &inspection.broken {
        checks.push(check(
            "keys",
            Status::Failed,
            format!("{fingerprint}: {error} ({})", error.code().name()),
        ));
    }
    for wrap in &inspection.wraps {
        let opens = format!("wrapper key {} of {}", wrap.wrapper_key_id, wrap.kms);
        checks.push(match wrap.failure {
            None => check("wrap", Status::Ok, format!("{opens} opens the vault")),
            Some(code) => check(
                "wrap",
                Status::Failed,
                format!("{opens} does not open the vault ({code})"),
            ),
        });
    }
    if inspection.clear > 0 {
        let detail = format!(
            "{} private keys are stored readable: 'strongroom keys seal --all'",
            inspection.clear
        );
        checks.push(check("custody", Status::Warning, detail));
    }
    if inspection.exposed > 0 {
        let detail = format!(
            "{} keys are or were stored readable: rotate them",
            inspection.exposed
        );
        checks.push(check("exposed", Status::Warning, detail));
    }
    checks
}

fn checks_of_setup(session: &Session) -> Vec<Check> {
    let mut checks = Vec::new();
    for kms in session.kms.iter() {
        let described = kms.local.describe();
        let status = match described.protection {
            ProtectionKind::Passphrase(_) => Status::Ok,
            ProtectionKind::UnprotectedKeyFile => Status::Warning,
        };
        checks.push(check(
            "key file",
            status,
            format!("{}: {}", described.path.display(), described.protection),
        ));
    }
    checks.push(match &session.config.vault.anchor {
        Some(path) => check(
            "anchor",
            Status::Ok,
            format!("{} agrees with the database", path.display()),
        ),
        None => check(
            "anchor",
            Status::Warning,
            "none: a rollback of the whole database goes unnoticed",
        ),
    });
    checks
}

fn checks_of_process() -> Vec<Check> {
    let report = strongroom_memory::hardening();
    let guarded = report.process.not_dumpable && report.process.no_core_files;
    let process = if guarded {
        check("process", Status::Ok, "not dumpable, writes no core files")
    } else {
        check(
            "process",
            Status::Warning,
            "the kernel did not let us forbid dumps of memory",
        )
    };
    let memory = match &report.process.pages {
        LockedPages::All => check("memory", Status::Ok, "every page is locked"),
        LockedPages::SecretsOnly { .. } => check(
            "memory",
            Status::Ok,
            "pages of secrets are locked as far as the limit allows",
        ),
        _ => check(
            "memory",
            Status::Warning,
            "pages could not be locked: secrets may reach swap",
        ),
    };
    vec![process, memory]
}
