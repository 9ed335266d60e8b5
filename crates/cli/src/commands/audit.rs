//! `audit`: the audit log.

use std::{borrow::Cow, process::ExitCode};

use clap::Subcommand;
use data_encoding::HEXLOWER;
use serde::Serialize;
use strongroom_crypto::Timestamp;
use strongroom_vault::AuditEntry;

use crate::{args::Global, client::Client, output, progress};

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
    let client = Client::open(global).await?;
    let done = match command {
        Command::List { last } => list(global, &client, last).await,
        Command::Verify => verify(global, &client).await,
    };
    client.close().await;
    done?;
    Ok(ExitCode::SUCCESS)
}

async fn list(global: &Global, client: &Client, last: Option<usize>) -> anyhow::Result<()> {
    let report = Records {
        records: client.audit_records(last).await?,
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

async fn verify(global: &Global, client: &Client) -> anyhow::Result<()> {
    let spinner = progress::spinner(global, "verifying the audit log");
    let verified = client.verify_audit(|| spinner.tick()).await;
    spinner.finish_and_clear();
    let verified = verified?;
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
