//! `audit verify`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use data_encoding::HEXLOWER;
use serde::Serialize;
use strongroom_crypto::{Fingerprint, KeyUsages, SigningPublicKey};
use strongroom_vault::{
    AnchorRecord, AuditHead, AuditKeyUse, VerifiedAuditExport, verify_audit_export,
};

use crate::{args::Global, client::Client, failure::CliError, input, output, progress};

/// Check that no record was removed, changed or put in another place
///
/// Of the vault's own log, or with --export of a file that 'audit export' wrote. For that no vault is needed, only what the
/// auditor has from elsewhere: the public half of an audit key, and a head of the log, which shows that nothing was cut off.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom audit verify\n  \
    strongroom audit verify --export audit.jsonl --audit-key audit.pem \\\n    --anchor anchor.json")]
pub(crate) struct Options {
    /// The file that 'audit export' wrote; `-` is standard input.
    #[arg(long, value_name = "FILE", requires_all = ["audit_key", "known_head"])]
    export: Option<PathBuf>,
    /// The audit key: a file with its public half, or its fingerprint.
    #[arg(long, value_name = "FILE|FINGERPRINT", requires = "export")]
    audit_key: Option<String>,
    #[command(flatten)]
    known: KnownHead,
}

/// A head of the log that is known from elsewhere.
#[derive(Args, Debug)]
#[group(id = "known_head", multiple = false, requires = "export")]
struct KnownHead {
    /// A head of the log that was noted before, as NUMBER:HASH.
    #[arg(long, value_name = "HEAD")]
    head: Option<AuditHead>,
    /// The vault's anchor file, which holds such a head.
    #[arg(long, value_name = "FILE")]
    anchor: Option<PathBuf>,
}

#[derive(Serialize)]
struct Verified {
    valid: bool,
    records: u64,
    head: String,
    /// The newest record that is a checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<u64>,
    /// The audit keys of an export.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    audit_keys: Vec<AuditKeyUse>,
}

impl From<VerifiedAuditExport> for Verified {
    fn from(verified: VerifiedAuditExport) -> Self {
        Self {
            valid: true,
            records: verified.head.records,
            head: HEXLOWER.encode(&verified.head.hash),
            checkpoint: Some(verified.checkpoint.sequence),
            audit_keys: verified.keys,
        }
    }
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let report = match (options.export, options.audit_key) {
        (Some(export), Some(key)) => {
            let head = options.known.read()?;
            let key = fingerprint(&key)?;
            verify_audit_export(input::open(&export)?, &key, head)?.into()
        }
        _ => verify(global).await?,
    };
    output::print(global.output, &report, |out| {
        let records = output::counted(report.records, "record");
        writeln!(out, "valid: {records}, head {}", report.head)?;
        for key in &report.audit_keys {
            write!(out, "audit key {} since record ", key.fingerprint)?;
            writeln!(out, "{}", key.first_checkpoint)?;
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The vault's own log.
async fn verify(global: &Global) -> anyhow::Result<Verified> {
    let client = Client::open(global).await?;
    let spinner = progress::spinner(global, "verifying the audit log");
    let verified = client.verify_audit(|| spinner.tick()).await;
    spinner.finish_and_clear();
    client.close().await;
    let verified = verified?;
    Ok(Verified {
        valid: true,
        records: verified.records,
        head: HEXLOWER.encode(&verified.head),
        checkpoint: verified.checkpoint,
        audit_keys: Vec::new(),
    })
}

impl KnownHead {
    fn read(&self) -> anyhow::Result<AuditHead> {
        if let Some(head) = self.head {
            return Ok(head);
        }
        let flag = "--head or --anchor";
        let path = self.anchor.as_ref().ok_or(CliError::FlagMissing { flag })?;
        let not_an_anchor = || CliError::BadArgument {
            value: path.display().to_string(),
            expected: "an anchor file that knows of the audit log",
        };
        let record: AnchorRecord =
            serde_json::from_slice(&input::read(path)?).map_err(|_malformed| not_an_anchor())?;
        let head = record.confirmed.and_then(|confirmed| confirmed.audit_head);
        let head = head.and_then(|head| head.parse().ok());
        Ok(head.ok_or_else(not_an_anchor)?)
    }
}

/// The audit key that is trusted.
fn fingerprint(key: &str) -> anyhow::Result<Fingerprint> {
    if let Ok(fingerprint) = key.parse() {
        return Ok(fingerprint);
    }
    let public = input::read(key.as_ref())?;
    Ok(SigningPublicKey::detect(&public, KeyUsages::ALL)?.fingerprint())
}
