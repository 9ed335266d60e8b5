//! `keys seal`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_crypto::Fingerprint;
use strongroom_vault::VaultError;

use crate::{args::Global, client::Client, failure::CliError, output, progress};

/// Seal keys that are stored readable, and scrub their old bytes from the database.
///
/// They stay marked as exposed: older backups hold them readable, and only a new key in its place ends that.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom keys seal --all\n  strongroom keys seal 1220...")]
pub(crate) struct Options {
    /// The key.
    #[arg(required_unless_present = "all")]
    fingerprint: Option<Fingerprint>,
    /// Every key that is stored readable.
    #[arg(long, conflicts_with = "fingerprint")]
    all: bool,
}

#[derive(Serialize)]
struct Report {
    sealed: Vec<String>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let session = match Client::open(global).await? {
        Client::Here(session) => session,
        Client::There(server) => {
            let sealed = server.seal_keys(options.fingerprint).await?;
            return print(global, &Report { sealed });
        }
    };
    let keys = match options.fingerprint {
        Some(fingerprint) => vec![fingerprint],
        None => session.vault.clear_keys(),
    };
    let spinner = progress::spinner(global, "sealing");
    let mut not_scrubbed = None;
    if !keys.is_empty() {
        let vault = &session.vault;
        match vault.seal_clear_keys(&session.caller, &keys).await {
            Ok(_sealed) => {}
            Err(VaultError::Store(source)) if !any_in(&keys, &vault.clear_keys()) => {
                not_scrubbed = Some(source);
            }
            Err(failed) => return Err(failed.into()),
        }
    }
    spinner.finish_and_clear();
    session.close().await;
    if let Some(source) = not_scrubbed {
        return Err(CliError::NotScrubbed { source }.into());
    }
    let report = Report {
        sealed: keys.iter().map(ToString::to_string).collect(),
    };
    print(global, &report)
}

fn print(global: &Global, report: &Report) -> anyhow::Result<ExitCode> {
    output::print(global.output, report, |out| {
        if report.sealed.is_empty() {
            return writeln!(out, "no key is stored readable");
        }
        report.sealed.iter().try_for_each(|key| {
            writeln!(
                out,
                "sealed {key}; it stays marked as exposed: replace it by a new key"
            )
        })
    })?;
    Ok(ExitCode::SUCCESS)
}

fn any_in(keys: &[Fingerprint], others: &[Fingerprint]) -> bool {
    keys.iter().any(|key| others.contains(key))
}
