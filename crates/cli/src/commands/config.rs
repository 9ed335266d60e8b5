//! `config`: print an example configuration, check one, or have a change of one approved.

mod hash;
mod propose;

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use strongroom_config::{Config, EXAMPLE, LocalConfig, Protection};
use strongroom_vault::UseRecords;

use crate::{
    args::Global,
    backup_schedule::{self, ScheduledBackups},
    output, server, session, settings,
};

/// What to do with configurations.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a configuration with every field and its meaning
    #[command(after_help = "Examples:\n  strongroom config example > new.toml")]
    Example,
    /// Check the configuration of --dir or --config, without opening anything
    #[command(
        after_help = "Examples:\n  strongroom config check --dir my-vault\n  strongroom config check --config new.toml"
    )]
    Check,
    Hash(hash::Options),
    Propose(propose::Options),
}

#[derive(Serialize)]
struct Report {
    config: String,
    valid: bool,
    warnings: Vec<String>,
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Example => {
            output::write(EXAMPLE.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Check => check(global),
        Command::Hash(options) => hash::run(global, &options),
        Command::Propose(options) => propose::run(global, &options).await,
    }
}

fn check(global: &Global) -> anyhow::Result<ExitCode> {
    let config = session::read_config(global)?;
    server::access(&config.callers)?;
    if let Some(schedule) = &config.backup.schedule {
        ScheduledBackups::of(schedule)?;
    }
    let dir = std::path::absolute(&global.dir)?;
    let mut warnings = Vec::new();
    for kms in &config.kms {
        if kms.provider.is_rehearsal() {
            warnings.push(format!(
                "kms {}: a simulator guards nothing: its keys are for rehearsals only",
                kms.name
            ));
        }
        let Some(LocalConfig {
            key_file,
            protection,
        }) = kms.provider.local()
        else {
            continue;
        };
        if *protection == (Protection::UnprotectedKeyFile {}) {
            warnings.push(format!(
                "kms {}: the key file is protected by file permissions only",
                kms.name
            ));
        }
        if key_file.starts_with(&dir) {
            warnings.push(format!(
                "kms {}: the key file lies in the vault's folder and is copied with it",
                kms.name
            ));
        }
    }
    if config.vault.anchor.is_none() && config.anchor.kms_tag.is_none() {
        warnings.push(
            "vault: there is no anchor, so a rollback of the whole database goes unnoticed"
                .to_owned(),
        );
    }
    let settings = settings::settings(&config)?;
    if settings.keeps_clear_keys() {
        warnings.push("custody: new keys of some usage are stored readable".to_owned());
    }
    if config.custody.reverted {
        warnings.push(
            "custody: 'reverted' stores sealed keys readable at every start: take it out after the first"
                .to_owned(),
        );
    }
    warnings.extend(records_doubt(&config, settings.audit.uses));
    warnings.extend(backup_schedule::doubts(&config, &dir));
    warnings.extend(server::doubts(&config));
    let report = Report {
        config: global.config_path().display().to_string(),
        valid: true,
        warnings,
    };
    output::print(global.output, &report, |out| {
        writeln!(out, "{} is valid", report.config)?;
        report
            .warnings
            .iter()
            .try_for_each(|warning| writeln!(out, "warning: {warning}"))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Several processes may have this database, and the records that are asked for are kept by one of them.
fn records_doubt(config: &Config, level: UseRecords) -> Option<String> {
    let is_shared = config.store.is_some();
    (is_shared && level != UseRecords::Off).then(|| {
        format!(
            "audit: with signatures = \"{}\", of all processes that share the database only the one that writes signs and decrypts: \
             the others refuse (AUDIT_LEVEL_NOT_KEPT)",
            level.name()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARED: &str = "\n[store]\nurl = \"postgres://u@127.0.0.1/vault\"\n";

    fn doubt(more: &str) -> Option<String> {
        let config = Config::parse(&format!("{EXAMPLE}\n{more}")).unwrap();
        let level = settings::settings(&config).unwrap().audit.uses;
        records_doubt(&config, level)
    }

    #[test]
    fn records_of_uses_beside_a_database_that_others_may_share_are_a_doubt() {
        let level = |name: &str| format!("{SHARED}[audit]\nsignatures = \"{name}\"\n");
        for name in ["batched", "each"] {
            let told = doubt(&level(name)).unwrap();
            assert!(
                told.contains(name) && told.contains("AUDIT_LEVEL_NOT_KEPT"),
                "{told}"
            );
            // The file in a folder is of one process.
            let alone = level(name).replace(SHARED, "");
            assert_eq!(doubt(&alone), None);
        }
        assert_eq!(doubt(&level("off")), None);
        assert_eq!(doubt(SHARED), None);
    }
}
