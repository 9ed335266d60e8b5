//! `audit tail`.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use strongroom_vault::{AuditEntry, AuditHead, Role, Vault};

use super::list::{Filter, Wanted, row};
use crate::{
    args::{Format, Global},
    failure::CliError,
    output,
    session::Session,
};

/// How often new records are looked for.
const EVERY: Duration = Duration::from_secs(1);

/// Show the newest records, and those that come
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom audit tail\n  \
    strongroom audit tail --follow --operation export_key")]
pub(crate) struct Options {
    /// So many of those that are there.
    #[arg(long, value_name = "N", default_value_t = 10)]
    last: usize,
    /// Go on with what other processes do, one line each, until interrupted; for a vault that several have open.
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    filter: Filter,
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let session = Session::open(global).await?;
    let shown = show(global, &session.vault, &options).await;
    session.close().await;
    shown.map(|()| ExitCode::SUCCESS)
}

async fn show(global: &Global, vault: &Vault, options: &Options) -> anyhow::Result<()> {
    // A process that is alone would wait for itself.
    if options.follow && vault.standing().await.role == Role::Alone {
        return Err(CliError::FollowsNobody.into());
    }
    let mut wanted = Wanted::new(
        options.filter.clone(),
        Some(options.last),
        vault.current_time(),
    );
    let walked = vault.walk_audit(|entry| wanted.look_at(entry)).await?;
    let records = wanted.into_records();
    if !options.follow {
        return records.print(global);
    }
    for entry in records.iter() {
        print_line(global, entry)?;
    }
    follow(global, vault, options, walked.place()).await
}

/// Prints what others commit, until the process is interrupted.
async fn follow(
    global: &Global,
    vault: &Vault,
    options: &Options,
    mut seen: AuditHead,
) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => return Ok(interrupted?),
            () = tokio::time::sleep(EVERY) => {}
        }
        vault.catch_up().await?;
        let mut news = Vec::new();
        let now = vault.current_time();
        let look_at = |entry: AuditEntry| {
            if options.filter.matches(&entry, now) {
                news.push(entry);
            }
        };
        seen = vault.walk_audit_after(seen, look_at).await?.place();
        for entry in &news {
            print_line(global, entry)?;
        }
    }
}

/// One line, so that it can be shown before the next is known.
fn print_line(global: &Global, entry: &AuditEntry) -> anyhow::Result<()> {
    let line = match global.output {
        Format::Json => serde_json::to_string(entry)?,
        Format::Table => output::printable(&row(entry).join("  ")).into_owned(),
    };
    output::write(format!("{line}\n").as_bytes())
}
