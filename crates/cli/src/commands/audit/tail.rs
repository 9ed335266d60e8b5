//! `audit tail`.

use std::process::ExitCode;

use clap::Args;
use strongroom_crypto::clock::{Clock as _, SystemClock};
use strongroom_vault::AuditEntry;
use tokio::signal::unix::{SignalKind, signal};

use super::list::{Filter, Wanted, row};
use crate::{
    args::{Format, Global},
    client::{Client, Following},
    output,
};

/// Show the newest records, and those that come
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom audit tail\n  \
    strongroom audit tail --follow --operation export_key")]
pub(crate) struct Options {
    /// So many of those that are there.
    #[arg(long, value_name = "N", default_value_t = 10)]
    last: usize,
    /// Go on with what others do, one line each, until interrupted; for a vault that several processes have open, or on a server.
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    filter: Filter,
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let shown = show(global, &client, &options).await;
    client.close().await;
    shown.map(|()| ExitCode::SUCCESS)
}

async fn show(global: &Global, client: &Client, options: &Options) -> anyhow::Result<()> {
    let (filter, last) = (&options.filter, Some(options.last));
    let newest = last.filter(|_last| filter.takes_all());
    let mut wanted = Wanted::new(filter.clone(), last, SystemClock.now());
    if !options.follow {
        let look_at = |entry| wanted.look_at(entry);
        client.walk_audit(newest, look_at).await?;
        return wanted.into_records().print(global);
    }
    let look_at = |entry| wanted.look_at(entry);
    let following = client.follow_audit(newest, look_at).await?;
    for entry in wanted.into_records().iter() {
        print_line(global, entry)?;
    }
    follow(global, following, filter).await
}

/// Prints what comes, until the process is interrupted.
async fn follow(
    global: &Global,
    mut following: Following<'_>,
    filter: &Filter,
) -> anyhow::Result<()> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    loop {
        let news = tokio::select! {
            _interrupt = interrupts.recv() => return Ok(()),
            news = following.next() => news?,
        };
        let now = SystemClock.now();
        for entry in news.iter().filter(|entry| filter.matches(entry, now)) {
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
