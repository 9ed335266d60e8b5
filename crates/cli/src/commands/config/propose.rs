//! `config propose`.

use std::{io, io::Write, path::PathBuf, process::ExitCode};

use clap::Args;
use serde::Serialize;

use super::hash::{Hashes, mark_of};
use crate::{
    args::Global,
    client::{Client, Proposed},
    commands::approvals::view::ApprovalView,
    output,
};

/// Ask another person to approve a changed configuration, where that is needed: 'configuration.change' in the section `approvals`.
///
/// Hashes of the file are sent, and nothing else of it. Propose it while the vault is used with the configuration that it remembers:
/// here (then name the new file with --file), or by a server that runs (--endpoint). When another person has approved it, put the new
/// file in place and start the server again: the change is let through once, and is on record. Until then no server begins with the new
/// file, and with it nothing is done that may need a second person. The old file is good until a server began with the new one.
///
/// With --break-glass REASON it needs nobody, if the remembered configuration lets people go on alone ('break-glass = true').
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom config propose --file new.toml\n  \
    strongroom config propose --file new.toml \\\n    --endpoint https://vault.example:5018 \\\n    --server-ca-file ca.pem"
)]
pub(crate) struct Options {
    /// The new file; left out: the configuration of --dir or --config.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    hashes: Hashes,
    /// Whether the vault remembers this very configuration.
    unchanged: bool,
    /// What another person has to approve, or has approved; none: nobody has to.
    approval: Option<ApprovalView>,
}

pub(super) async fn run(global: &Global, options: &Options) -> anyhow::Result<ExitCode> {
    let mark = mark_of(global, options.file.as_deref())?;
    let client = Client::open(global).await?;
    let proposed = client.propose_configuration(&mark).await;
    client.close().await;
    let proposed = proposed?;
    let report = Report {
        hashes: Hashes::of(&mark),
        unchanged: matches!(proposed, Proposed::Unchanged),
        approval: match proposed {
            Proposed::Asked(asked) => Some(*asked),
            Proposed::Unchanged | Proposed::Free => None,
        },
    };
    output::print(global.output, &report, |out| report.print(out))?;
    Ok(ExitCode::SUCCESS)
}

impl Report {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(asked) = &self.approval else {
            let told = match self.unchanged {
                true => "the vault remembers this configuration: there is nothing to approve",
                false => {
                    "nobody has to approve it: a server may begin with it, which is put on record"
                }
            };
            return writeln!(out, "{told}");
        };
        writeln!(out, "{} {}: {}", asked.state, asked.id, asked.summary)?;
        match asked.state {
            "approved" => writeln!(out, "start a server with it before {}", asked.expires_at),
            _ => writeln!(
                out,
                "another person approves it before {}: strongroom approvals approve {}",
                asked.expires_at, asked.id
            ),
        }
    }
}
