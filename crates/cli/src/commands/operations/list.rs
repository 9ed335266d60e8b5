//! `operations list`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::view::OperationView;
use crate::{args::Global, output};

/// List long work of a server: what is under way, whoever began it, and what has ended in the last day.
///
/// Rotations, migrations, backups, exports of the audit log and examinations. Each server process knows its own, until it ends.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom operations list --endpoint https://vault.example:5018\n  \
    strongroom operations list --output json | jq '.operations[].state'"
)]
pub(crate) struct Options {}

#[derive(Serialize)]
struct Report {
    operations: Vec<OperationView>,
}

pub(crate) async fn run(global: &Global, _options: Options) -> anyhow::Result<ExitCode> {
    let operations = super::server(global).await?.operations_under_way().await?;
    let report = Report { operations };
    output::print(global.output, &report, |out| {
        if report.operations.is_empty() {
            return writeln!(out, "nothing is under way, and nothing has ended lately");
        }
        let rows = report.operations.iter().map(OperationView::row);
        let header = ["ID", "STATE", "OPERATION", "PROGRESS", "CALLER", "BEGAN"];
        writeln!(out, "{}", output::table(header, rows))
    })?;
    Ok(ExitCode::SUCCESS)
}
