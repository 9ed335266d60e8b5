//! `approvals list`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::view::ApprovalView;
use crate::{args::Global, client::Client, output};

/// List what waits for a second person, and what was done without one and is not acknowledged.
///
/// Which operations need one stands in the section `approvals` of the configuration. What was approved is let through once,
/// when exactly the same is asked for again by the same person.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom approvals list\n  \
    strongroom approvals list --output json | jq '.approvals[].summary'")]
pub(crate) struct Options {}

#[derive(Serialize)]
struct Report {
    approvals: Vec<ApprovalView>,
}

pub(crate) async fn run(global: &Global, _options: Options) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let approvals = client.approvals().await;
    client.close().await;
    let report = Report {
        approvals: approvals?,
    };
    output::print(global.output, &report, |out| {
        if report.approvals.is_empty() {
            return writeln!(out, "nothing waits for a second person");
        }
        let rows = report.approvals.iter().map(ApprovalView::row);
        let header = [
            "ID",
            "STATE",
            "REQUESTER",
            "EXPIRES",
            "OPERATION",
            "REQUEST",
        ];
        writeln!(out, "{}", output::table(header, rows))
    })?;
    Ok(ExitCode::SUCCESS)
}
