//! `approvals approve`, `reject`, `acknowledge`.

use std::process::ExitCode;

use clap::Args;
use strongroom_store::ApprovalId;

use super::view::ApprovalView;
use crate::{args::Global, client::Client, output};

/// Approve what another person asked for: exactly that is let through once, when he asks again.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom approvals list\n  strongroom approvals approve ID")]
pub(crate) struct ApproveOptions {
    /// The id: 'strongroom approvals list' shows it.
    id: ApprovalId,
}

/// Reject what was asked for, also if it was approved and is not done yet.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom approvals reject ID")]
pub(crate) struct RejectOptions {
    /// The id: 'strongroom approvals list' shows it.
    id: ApprovalId,
}

/// Say that somebody went on without a second person and that you have seen it: 'doctor' stops warning.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom approvals acknowledge ID")]
pub(crate) struct AcknowledgeOptions {
    /// The id: 'strongroom approvals list' shows it.
    id: ApprovalId,
}

pub(crate) async fn approve(global: &Global, options: ApproveOptions) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let approved = client.approve(options.id).await;
    told(global, client, approved, "approved").await
}

pub(crate) async fn reject(global: &Global, options: RejectOptions) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let rejected = client.reject(options.id).await;
    told(global, client, rejected, "rejected").await
}

pub(crate) async fn acknowledge(
    global: &Global,
    options: AcknowledgeOptions,
) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let seen = client.acknowledge(options.id).await;
    told(global, client, seen, "acknowledged").await
}

async fn told(
    global: &Global,
    client: Client,
    decided: anyhow::Result<ApprovalView>,
    done: &str,
) -> anyhow::Result<ExitCode> {
    client.close().await;
    let view = decided?;
    output::print(global.output, &view, |out| {
        writeln!(
            out,
            "{done} {}: {} by {}",
            view.id, view.operation, view.requester
        )?;
        writeln!(out, "  {}", view.summary)
    })?;
    Ok(ExitCode::SUCCESS)
}
