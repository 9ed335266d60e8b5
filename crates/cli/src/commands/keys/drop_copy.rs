//! `keys drop-copy`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_crypto::Fingerprint;
use strongroom_server::access::Operation;

use crate::{args::Global, client::Client, failure::CliError, output, progress, session::Session};

/// Give up the sealed copies of keys that a KMS has taken in.
///
/// The KMS must show once more that it does the work of each key. From then on nothing but the KMS has it, and older backups;
/// the bytes of the copies are scrubbed from the database. A KMS may lose what it did not make itself (AWS promises no
/// durability for imported keys): keep a verified backup from before, and the wrapper key that opens it.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom keys drop-copy 1220... --yes\n  strongroom keys drop-copy --all --yes"
)]
pub(crate) struct Options {
    /// The key.
    #[arg(required_unless_present = "all")]
    fingerprint: Option<Fingerprint>,
    /// Every key that has a copy here.
    #[arg(long, conflicts_with = "fingerprint")]
    all: bool,
    /// Yes, nothing but the KMS shall have them.
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Report {
    dropped: Vec<String>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    if !options.yes {
        return Err(CliError::NotConfirmed { flag: "--yes" }.into());
    }
    let (dropped, outcome) = match Client::open(global).await? {
        Client::Here(session) => here(global, *session, options.fingerprint).await?,
        Client::There(server) => server.drop_copies(options.fingerprint).await?,
    };
    let report = Report { dropped };
    // Copies that are gone are told, also if others are still here.
    if outcome.is_ok() || !report.dropped.is_empty() {
        output::print(global.output, &report, |out| {
            if report.dropped.is_empty() {
                return writeln!(out, "no key has a copy here");
            }
            let mut dropped = report.dropped.iter();
            dropped.try_for_each(|key| writeln!(out, "{key} is in its KMS only"))
        })?;
    }
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// Those that were given up, and what ended it early.
async fn here(
    global: &Global,
    session: Session,
    key: Option<Fingerprint>,
) -> anyhow::Result<(Vec<String>, anyhow::Result<()>)> {
    let keys = match key {
        Some(fingerprint) => vec![fingerprint],
        None => session.vault.copied_keys(),
    };
    let meant = key.map_or_else(|| "all".to_owned(), |key| key.to_string());
    let request = format!("keys drop-copy {meant}");
    session
        .approved_about(Operation::KeysDropCopy, &request, &keys)
        .await?;
    let bar = progress::bar(global, keys.len() as u64, "proving keys");
    let mut dropped = Vec::new();
    let hears = |key: &Fingerprint| {
        dropped.push(key.to_string());
        bar.inc(1);
    };
    let (vault, caller) = (&session.vault, &session.caller);
    let outcome = vault.drop_copies(caller, &keys, hears).await;
    bar.finish_and_clear();
    session.close().await;
    Ok((dropped, outcome.map_err(anyhow::Error::from)))
}
