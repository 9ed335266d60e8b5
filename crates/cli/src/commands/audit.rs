//! `audit`: the audit log.

use std::{borrow::Cow, process::ExitCode};

use clap::Subcommand;
use data_encoding::HEXLOWER;
use serde::Serialize;
use strongroom_crypto::Timestamp;
use strongroom_vault::AuditEntry;

use crate::{args::Global, output, progress, session::Session};

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the records, oldest first
    #[command(
        after_help = "Examples:\n  strongroom audit list\n  strongroom audit list --output json | jq '.records[-1]'"
    )]
    List {
        /// Only the newest N.
        #[arg(long, value_name = "N")]
        last: Option<usize>,
    },
    /// Check that no record was removed, changed or put in another place
    #[command(
        after_help = "Examples:\n  strongroom audit verify\n  strongroom audit verify --output json | jq -r .head"
    )]
    Verify,
}

#[derive(Serialize)]
struct Records {
    records: Vec<AuditEntry>,
}

#[derive(Serialize)]
struct Verified {
    valid: bool,
    records: u64,
    head: String,
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    let session = Session::open(global).await?;
    match command {
        Command::List { last } => list(global, &session, last).await?,
        Command::Verify => verify(global, &session).await?,
    }
    session.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn list(global: &Global, session: &Session, last: Option<usize>) -> anyhow::Result<()> {
    let mut records = Vec::new();
    session
        .vault
        .walk_audit(|entry| records.push(entry))
        .await?;
    let skip = records.len().saturating_sub(last.unwrap_or(usize::MAX));
    let report = Records {
        records: records.split_off(skip),
    };
    output::print(global.output, &report, |out| {
        let rows = report.records.iter().map(|entry| {
            [
                entry.sequence.to_string(),
                output::moment(Timestamp::from_micros(entry.time_micros)),
                entry.caller.clone(),
                entry.operation.name().to_owned(),
                entry.key.clone().unwrap_or_else(|| "-".to_owned()),
                entry
                    .details
                    .iter()
                    .map(|(name, value)| format!("{name}={}", quoted(value)))
                    .collect::<Vec<_>>()
                    .join(" "),
            ]
        });
        writeln!(
            out,
            "{}",
            output::table(["#", "TIME", "CALLER", "OPERATION", "KEY", "DETAILS"], rows)
        )
    })
}

async fn verify(global: &Global, session: &Session) -> anyhow::Result<()> {
    let spinner = progress::spinner(global, "verifying the audit log");
    let verified = session.vault.walk_audit(|_entry| spinner.tick()).await?;
    spinner.finish_and_clear();
    let report = Verified {
        valid: true,
        records: verified.records,
        head: HEXLOWER.encode(&verified.head),
    };
    output::print(global.output, &report, |out| {
        writeln!(
            out,
            "valid: {}, head {}",
            output::counted(report.records, "record"),
            report.head
        )
    })
}

/// In quotes when it would otherwise not be seen where the value ends.
fn quoted(value: &str) -> Cow<'_, str> {
    if value.is_empty() || value.contains([' ', '=', '"']) {
        Cow::Owned(format!("{value:?}"))
    } else {
        Cow::Borrowed(value)
    }
}
