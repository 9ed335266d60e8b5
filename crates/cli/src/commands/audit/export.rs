//! `audit export`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde::Serialize;
use strongroom_vault::AuditKeyUse;

use crate::{args::Global, client::Client, output, progress};

/// Write the audit log to a new file, as lines of JSON, for auditors
///
/// First the audit key signs a checkpoint, which vouches for every record before it. Whoever has the public half of that key
/// and a head of the log from elsewhere verifies the file without the vault.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom audit export audit.jsonl\n  \
    strongroom audit verify --export audit.jsonl --audit-key audit.pem \\\n    --anchor anchor.json")]
pub(crate) struct Options {
    /// Where to; there must be nothing yet.
    file: PathBuf,
}

#[derive(Serialize)]
struct Report {
    file: String,
    records: u64,
    head: String,
    audit_keys: Vec<AuditKeyUse>,
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let spinner = progress::spinner(global, "exporting the audit log");
    let exported = client.export_audit(&options.file).await;
    spinner.finish_and_clear();
    client.close().await;
    let exported = exported?;
    let report = Report {
        file: options.file.display().to_string(),
        records: exported.head.records,
        head: exported.head.to_string(),
        audit_keys: exported.audit_keys,
    };
    output::print(global.output, &report, |out| {
        let records = output::counted(report.records, "record");
        writeln!(out, "{}: {records}", report.file)?;
        writeln!(out, "head      {}", report.head)?;
        for key in &report.audit_keys {
            writeln!(out, "audit key {}", key.fingerprint)?;
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
