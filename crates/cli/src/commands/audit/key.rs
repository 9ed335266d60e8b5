//! `audit key`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::{args::Global, client::Client, output};

/// Show the public half of the audit key, which auditors need
///
/// The audit key signs the checkpoints of the audit log, and nothing else. It comes out of the data key: a rotation of the
/// wrapper key brings another one, and the last checkpoint of the one before vouches for it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom audit key\n  \
    strongroom audit key --output json | jq -r .public_key > audit.pem")]
pub(crate) struct Options {}

#[derive(Serialize)]
struct Report {
    fingerprint: String,
    spec: String,
    purpose: &'static str,
    public_key: String,
}

pub(super) async fn run(global: &Global, _options: Options) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let key = client.audit_key().await;
    client.close().await;
    let key = key?;
    let report = Report {
        fingerprint: key.fingerprint,
        spec: key.spec,
        purpose: "audit",
        public_key: key.public_key,
    };
    output::print(global.output, &report, |out| {
        writeln!(out, "fingerprint {}", report.fingerprint)?;
        writeln!(out, "spec        {}", report.spec)?;
        writeln!(
            out,
            "purpose     signs checkpoints of the audit log, and nothing else"
        )?;
        write!(out, "{}", report.public_key)
    })?;
    Ok(ExitCode::SUCCESS)
}
