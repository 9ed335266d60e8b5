//! `doctor`: look the vault over.

mod ages;
mod anchor;
mod backup;
mod duties;
mod external;
mod replicas;
mod server;
mod topology;
mod wrapper_keys;

use std::{
    collections::BTreeSet,
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use serde::Serialize;
use strongroom_config::Config;
use strongroom_errors::Coded;
use strongroom_kms::KmsHealth;
use strongroom_kms_local::ProtectionKind;
use strongroom_memory::LockedPages;
use strongroom_store::Store;
use strongroom_vault::{
    Inspection, KmsCondition, KmsReadiness, Readiness, Vault, VaultError, WrapStatus,
};

use crate::{
    args::Global,
    exit,
    failure::{self, CliError},
    open_kms::{OpenKms, OpenedKms, RefusedKms},
    output, progress, session,
    store::{ConfiguredStore, place_of},
};

/// Look the vault over: every row is authenticated, every private key opened, every wrap tried, the audit log verified,
/// and the node's announced keys held against the keys that are here.
///
/// Each KMS is asked whether its wrapper keys can be used. Duties are looked at as far as they can be seen from here: whether
/// wrapper keys can leave their KMS, who has them, who has the database, who may decrypt.
///
/// What is broken is told, and the rest is looked at all the same, as far as it can be opened. Exit status 0: nothing is
/// wrong (there may be warnings); 1: something is.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom doctor --dir my-vault\n  strongroom doctor --output json | jq '.checks[] | select(.status != \"ok\")'"
)]
pub(crate) struct Options {}

#[derive(Default, Serialize)]
struct Report {
    healthy: bool,
    vault_id: Option<String>,
    keys: Option<usize>,
    kms_calls: u64,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    detail: String,
    /// The code of the error that made it fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Warning,
    Failed,
}

pub(crate) async fn run(global: &Global, _options: Options) -> anyhow::Result<ExitCode> {
    session::refuse_endpoint(global)?;
    let mut report = Report::default();
    match session::read_config(global) {
        Ok(config) => {
            let path = global.config_path();
            report.add("configuration", Status::Ok, path.display().to_string());
            report.look_at(global, &config).await;
            report.checks.extend(duties::checks(&config, &global.dir));
        }
        Err(error) if matches!(error.downcast_ref(), Some(CliError::NoConfig { .. })) => {
            return Err(error);
        }
        Err(error) => report.fail("configuration", &error),
    }
    report.checks.extend(checks_of_process());
    report.healthy = report
        .checks
        .iter()
        .all(|check| check.status != Status::Failed);
    output::print(global.output, &report, |out| report.print(out))?;
    Ok(ExitCode::from(if report.healthy { 0 } else { exit::NO }))
}

impl Report {
    fn add(&mut self, name: &'static str, status: Status, detail: impl Into<String>) {
        self.checks.push(check(name, status, detail));
    }

    fn fail(&mut self, name: &'static str, error: &anyhow::Error) {
        self.checks.push(failed(name, error));
    }

    /// Key file, database and vault, as far as they can be opened: each is looked at even when another one is broken.
    async fn look_at(&mut self, global: &Global, config: &Config) {
        let kms = match OpenKms::open(config, &global.kms).await {
            Ok(kms) => {
                for kms in kms.iter() {
                    self.checks.push(check_of_kms(kms).await);
                }
                self.checks.extend(kms.refused().map(check_of_refused));
                Some(kms)
            }
            Err(error) => {
                self.fail("key file", &error);
                None
            }
        };
        let opened = match ConfiguredStore::of(config, &global.dir) {
            Ok(configured) => configured.open_with_server().await,
            Err(error) => Err(error),
        };
        let (store, server) = match opened.map_err(|refused| session::or_gone(config, refused)) {
            Ok(opened) => opened,
            Err(error) => return self.fail("database", &error),
        };
        let place = config.store.as_ref().map(place_of);
        let opens = match place {
            Some(Ok(place)) => format!("{place}: opens"),
            _ => "opens".to_owned(),
        };
        self.add("database", Status::Ok, opens);
        if let Some(server) = server {
            self.checks.extend(server::checks(&server).await);
        }
        match store.check_integrity().await {
            Ok(()) => self.add(
                "pages",
                Status::Ok,
                "the database's own check finds nothing",
            ),
            Err(error) => self.fail("pages", &error.into()),
        }
        let Some(kms) = kms else {
            return session::close_refused(store).await;
        };
        match session::open_vault(config, &kms, Arc::clone(&store)).await {
            Ok(vault) => {
                session::warn_of_clear_keys(&vault);
                self.look_into(global, config, vault, store.as_ref()).await;
            }
            Err(error) => {
                self.fail("vault", &error);
                self.checks.extend(wrapper_keys::checks_of_failure(&error));
            }
        }
        self.kms_calls = kms.total_calls();
    }

    async fn look_into(
        &mut self,
        global: &Global,
        config: &Config,
        vault: Vault,
        store: &dyn Store,
    ) {
        self.vault_id = Some(vault.id().to_string());
        self.keys = Some(vault.key_count());
        self.add(
            "vault",
            Status::Ok,
            "opens; every row is authentic and adds up to the state record",
        );
        self.checks.extend(check_of_opening(&vault));
        let bar = progress::bar(global, vault.key_count() as u64, "opening keys");
        let inspection = vault
            .inspect(|done, _of| bar.set_position(done as u64))
            .await;
        bar.finish_and_clear();
        match inspection {
            Ok(inspection) => self.checks.extend(checks_of_vault(&inspection)),
            Err(error @ VaultError::AuditBroken { .. }) => self.fail("audit", &error.into()),
            Err(error) => self.fail("keys", &error.into()),
        }
        self.checks.extend(wrapper_keys::checks(&vault).await);
        self.checks.extend(wrapper_keys::checks_of_rotation(&vault));
        self.checks.extend(external::checks(&vault).await);
        self.checks.extend(check_of_reversal(&vault));
        self.checks.extend(checks_of_readiness(&vault.readiness()));
        self.checks.extend(topology::checks(&vault).await);
        self.checks.extend(anchor::checks(&vault, config).await);
        self.checks.extend(backup::checks(&vault, config).await);
        self.checks.extend(ages::checks(&vault).await);
        let (known, silent_after) = (
            vault.standing().await.generation,
            config.replica.silent_after,
        );
        self.checks
            .extend(replicas::checks(store, known, silent_after).await);
        session::close(vault).await;
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        for check in &self.checks {
            let mark = match check.status {
                Status::Ok => "ok     ",
                Status::Warning => "warning",
                Status::Failed => "FAILED ",
            };
            let detail = output::printable(&check.detail);
            write!(out, "{mark}  {:<13} {detail}", check.name)?;
            match check.code {
                Some(code) => writeln!(out, " ({code})")?,
                None => writeln!(out)?,
            }
        }
        let codes: BTreeSet<_> = self.checks.iter().filter_map(|check| check.code).collect();
        for code in codes {
            writeln!(out, "what to do: strongroom errors {code}")?;
        }
        Ok(())
    }
}

fn check(name: &'static str, status: Status, detail: impl Into<String>) -> Check {
    Check {
        name,
        status,
        detail: detail.into(),
        code: None,
    }
}

/// A check that `error` made fail, with all of its causes.
fn failed(name: &'static str, error: &anyhow::Error) -> Check {
    Check {
        code: failure::code_of(error).map(|code| code.name()),
        ..check(name, Status::Failed, format!("{error:#}"))
    }
}

fn checks_of_vault(inspection: &Inspection) -> Vec<Check> {
    let mut checks = vec![check(
        "audit",
        Status::Ok,
        format!(
            "{}, unbroken",
            output::counted(inspection.audit_records, "record")
        ),
    )];
    checks.push(check(
        "keys",
        Status::Ok,
        match inspection.opened {
            1 => "1 private key opens and fits its public half".to_owned(),
            count => format!("{count} private keys open and fit their public halves"),
        },
    ));
    if inspection.external > 0 {
        let held = output::counted(inspection.external as u64, "key");
        let detail = format!("{held} held by a KMS, which signs and decrypts");
        checks.push(check("external", Status::Ok, detail));
    }
    if inspection.copies > 0 {
        let copies = output::counted(inspection.copies as u64, "key");
        let detail = format!(
            "{copies} that a KMS holds still sealed here: when the node works with the KMS, 'strongroom keys drop-copy --all --yes'"
        );
        checks.push(check("copies", Status::Ok, detail));
    }
    for (fingerprint, error) in &inspection.broken {
        checks.push(Check {
            code: Some(error.code().name()),
            ..check("keys", Status::Failed, format!("{fingerprint}: {error}"))
        });
    }
    checks.extend(inspection.wraps.wraps.iter().map(check_of_wrap));
    if inspection.clear > 0 {
        let detail = format!(
            "{} private keys are stored readable: 'strongroom keys seal --all'",
            inspection.clear
        );
        checks.push(check("custody", Status::Warning, detail));
    }
    if inspection.exposed > 0 {
        let detail = format!(
            "{} keys are or were stored readable: replace them by new keys",
            inspection.exposed
        );
        checks.push(check("exposed", Status::Warning, detail));
    }
    checks
}

fn check_of_wrap(wrap: &WrapStatus) -> Check {
    let opens = format!("wrapper key {} of {}", wrap.wrapper_key_id, wrap.kms);
    match wrap.failure {
        None => check("wrap", Status::Ok, format!("{opens} opens the vault")),
        Some(_) if wrap.offline => {
            let detail = format!(
                "{opens} is kept offline, and was not tried: 'strongroom wrapper-key check' with --recovery-key tries it"
            );
            check("wrap", Status::Ok, detail)
        }
        Some(code) => {
            let detail = format!("{opens} does not open the vault");
            Check {
                code: Some(code),
                ..check("wrap", Status::Failed, detail)
            }
        }
    }
}

/// Whether the first wrap opened the vault; if not, what was made for redundancy is in use.
fn check_of_opening(vault: &Vault) -> Option<Check> {
    let opening = vault.opening();
    let failed = opening.failed.first()?;
    let detail = format!(
        "{} opened the vault, since {} did not: {}",
        opening.kms, failed.kms, failed.reason
    );
    Some(Check {
        code: Some(failed.code),
        ..check("opening", Status::Warning, detail)
    })
}

/// Keys that the configuration would have readable, but does not say so twice.
fn check_of_reversal(vault: &Vault) -> Option<Check> {
    let count = vault.unreverted_keys().len();
    let detail = format!(
        "{count} private keys stay sealed although their custody is 'clear': 'reverted = true' stores them readable"
    );
    (count > 0).then(|| check("custody", Status::Warning, detail))
}

/// What the calls of this command have shown.
fn checks_of_readiness(readiness: &Readiness) -> Vec<Check> {
    // Of those that only hold keys there is something to tell once one was used.
    let told = |kms: &&KmsReadiness| kms.wraps > 0 || kms.condition != KmsCondition::NotAsked;
    let kms = readiness.kms.iter().filter(told);
    let mut checks: Vec<_> = kms.map(check_of_condition).collect();
    if readiness.keys_waiting > 0 {
        let detail = format!(
            "{} private keys wait for a key management system that works",
            readiness.keys_waiting
        );
        checks.push(check("readiness", Status::Failed, detail));
    }
    checks
}

fn check_of_condition(kms: &KmsReadiness) -> Check {
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
        } => Check {
            code: Some(code),
            ..check(
                "readiness",
                Status::Failed,
                format!(
                    "{} fails since {}: {reason}{seen}",
                    kms.kms,
                    output::moment(*since)
                ),
            )
        },
        _ => check(
            "readiness",
            Status::Ok,
            format!("{} answers{seen}", kms.kms),
        ),
    }
}

/// Another one is opened, or nobody would get here.
fn check_of_refused(kms: &RefusedKms) -> Check {
    let name = if kms.config.local().is_some() {
        "key file"
    } else {
        "kms"
    };
    let failed = failed(name, &kms.error);
    Check {
        detail: format!("{}: {}", kms.name, failed.detail),
        ..failed
    }
}

async fn check_of_kms(kms: &OpenedKms) -> Check {
    let Some(local) = kms.local() else {
        if kms.config.is_rehearsal() {
            let detail = format!("{}: a simulator, which guards nothing", kms.name);
            return check("kms", Status::Warning, detail);
        }
        // Whether it answers is seen by the wraps, which it opens.
        let (status, feels) = match kms.health().await {
            KmsHealth::Ok => (Status::Ok, String::new()),
            KmsHealth::Degraded { reason } => (Status::Warning, format!(": {reason}")),
            KmsHealth::Failed { reason } | KmsHealth::Fatal { reason } => {
                (Status::Failed, format!(": {reason}"))
            }
            _ => (Status::Warning, ": it does not say how it feels".to_owned()),
        };
        let detail = format!("{}: {}{feels}", kms.name, kms.config.kind());
        return check("kms", status, detail);
    };
    let described = local.describe();
    let status = match described.protection {
        ProtectionKind::Passphrase(_) => Status::Ok,
        ProtectionKind::UnprotectedKeyFile => Status::Warning,
    };
    check(
        "key file",
        status,
        format!("{}: {}", described.path.display(), described.protection),
    )
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
