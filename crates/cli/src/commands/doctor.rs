//! `doctor`: look the vault over.

mod backup_schedule;
mod duties;
mod server;

use std::{
    borrow::Cow,
    collections::BTreeSet,
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use serde::Serialize;
use strongroom_config::Config;
use strongroom_kms::KmsHealth;
use strongroom_kms_local::ProtectionKind;
use strongroom_memory::LockedPages;
use strongroom_vault::{ConfigurationMark, Finding, Severity, Vault, VaultError};

use crate::{
    args::Global,
    exit,
    failure::{self, CliError},
    open_kms::{OpenKms, OpenedKms, RefusedKms},
    output, progress,
    remote::{Server, known_of},
    session, settings,
    store::{ConfiguredStore, place_of},
};

/// Look the vault over: every row is authenticated, every private key opened, every wrap tried, the audit log verified,
/// and the node's announced keys held against the keys that are here.
///
/// Each KMS is asked whether its wrapper keys can be used. Duties are looked at as far as they can be seen from here: whether
/// wrapper keys can leave their KMS, who has them, who has the database, who may decrypt.
///
/// With --endpoint a server looks over its vault itself; what can be seen on its machine only is left out.
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
    keys: Option<u64>,
    /// A server does not tell it.
    kms_calls: Option<u64>,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    name: Cow<'static, str>,
    status: Status,
    detail: String,
    /// The code of the error that made it fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Cow<'static, str>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Warning,
    Failed,
}

pub(crate) async fn run(global: &Global, _options: Options) -> anyhow::Result<ExitCode> {
    let report = match Server::connect(global).await? {
        Some(server) => Report::of(global, &server).await?,
        None => Report::of_vault_here(global).await?,
    };
    output::print(global.output, &report, |out| report.print(out))?;
    Ok(ExitCode::from(if report.healthy { 0 } else { exit::NO }))
}

impl Report {
    async fn of_vault_here(global: &Global) -> anyhow::Result<Self> {
        let mut report = Self::default();
        match session::read_marked_config(global) {
            Ok((mark, config)) => {
                let path = global.config_path();
                report.add("configuration", Status::Ok, path.display().to_string());
                report.look_at(global, mark, &config).await;
                report.checks.extend(duties::checks(&config, &global.dir));
            }
            Err(error) if matches!(error.downcast_ref(), Some(CliError::NoConfig { .. })) => {
                return Err(error);
            }
            Err(error) => report.fail("configuration", &error),
        }
        report.checks.extend(checks_of_process());
        Ok(report.judged())
    }

    /// As the vault of a server finds itself.
    async fn of(global: &Global, server: &Server) -> anyhow::Result<Self> {
        let bar = progress::bar(global, 0, "opening keys");
        let examined = server.examine(|done, of| {
            bar.set_length(of);
            bar.set_position(done);
        });
        let examined = examined.await;
        bar.finish_and_clear();
        let examined = examined?;
        let mut report = Self {
            vault_id: Some(examined.vault_id.clone()),
            keys: Some(examined.keys),
            ..Self::default()
        };
        let findings = examined.into_findings().map(Check::told);
        report.checks = findings.collect::<anyhow::Result<_>>()?;
        Ok(report.judged())
    }

    fn judged(mut self) -> Self {
        let mut checks = self.checks.iter();
        self.healthy = checks.all(|check| check.status != Status::Failed);
        self
    }

    fn add(&mut self, name: &'static str, status: Status, detail: impl Into<String>) {
        self.checks.push(check(name, status, detail));
    }

    fn fail(&mut self, name: &'static str, error: &anyhow::Error) {
        self.checks.push(failed(name, error));
    }

    /// Key file, database and vault, as far as they can be opened: each is looked at even when another one is broken.
    async fn look_at(&mut self, global: &Global, mark: ConfigurationMark, config: &Config) {
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
        match session::open_marked_vault(config, Some(mark), &kms, Arc::clone(&store)).await {
            Ok(vault) => {
                session::warn_of_clear_keys(&vault);
                self.look_into(global, config, vault).await;
            }
            Err(error) => {
                self.fail("vault", &error);
                self.checks.extend(checks_of_failure(&error));
            }
        }
        self.kms_calls = Some(kms.total_calls());
    }

    async fn look_into(&mut self, global: &Global, config: &Config, vault: Vault) {
        self.vault_id = Some(vault.id().to_string());
        self.keys = Some(vault.key_count() as u64);
        self.add(
            "vault",
            Status::Ok,
            "opens; every row is authentic and adds up to the state record",
        );
        let limits = settings::finding_limits(config);
        let bar = progress::bar(global, vault.key_count() as u64, "opening keys");
        let findings = vault
            .findings(&limits, |done, _of| bar.set_position(done as u64))
            .await;
        bar.finish_and_clear();
        self.checks.extend(findings.into_iter().map(Check::of));
        if let Some(schedule) = &config.backup.schedule {
            let check = backup_schedule::check_of(&vault, schedule).await;
            self.checks.push(check);
        }
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
            match &check.code {
                Some(code) => writeln!(out, " ({code})")?,
                None => writeln!(out)?,
            }
        }
        let codes: BTreeSet<_> = self
            .checks
            .iter()
            .filter_map(|check| check.code.as_ref())
            .collect();
        for code in codes {
            writeln!(out, "what to do: strongroom errors {code}")?;
        }
        Ok(())
    }
}

impl Check {
    /// What a server told.
    fn told([name, severity, detail, code]: [String; 4]) -> anyhow::Result<Self> {
        let all = [Severity::Ok, Severity::Warning, Severity::Failed];
        let severity = known_of(all, Severity::name, &severity)?;
        Ok(Self {
            name: name.into(),
            status: severity.into(),
            detail,
            code: Some(code).filter(|code| !code.is_empty()).map(Into::into),
        })
    }

    fn of(finding: Finding) -> Self {
        Self {
            name: finding.name.into(),
            status: finding.severity.into(),
            detail: finding.detail,
            code: finding.code.map(Into::into),
        }
    }
}

impl From<Severity> for Status {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Ok => Self::Ok,
            Severity::Warning => Self::Warning,
            Severity::Failed => Self::Failed,
        }
    }
}

fn check(name: &'static str, status: Status, detail: impl Into<String>) -> Check {
    Check {
        name: name.into(),
        status,
        detail: detail.into(),
        code: None,
    }
}

/// A check that `error` made fail, with all of its causes.
fn failed(name: &'static str, error: &anyhow::Error) -> Check {
    Check {
        code: failure::code_of(error).map(|code| code.name().into()),
        ..check(name, Status::Failed, format!("{error:#}"))
    }
}

/// Of a vault that no wrap opens: each wrapper key, with what its KMS answered.
fn checks_of_failure(error: &anyhow::Error) -> Vec<Check> {
    let Some(VaultError::NoWrapOpens { attempts }) = error.downcast_ref() else {
        return Vec::new();
    };
    let attempts = attempts.iter().map(|attempt| {
        let (id, kms) = (&attempt.wrapper_key_id, &attempt.kms);
        let detail = format!("{id} of {kms}: {}", attempt.reason);
        Check {
            code: Some(attempt.code.into()),
            ..check("wrapper key", Status::Failed, detail)
        }
    });
    attempts.collect()
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
