//! `bench`: measure, beside the bare library.
//!
//! Both sides alternate within one run, so that a machine that slows down slows both.

mod backup;
mod bare;
#[cfg(all(feature = "kms-simulate", feature = "kms-aws"))]
mod kms;
mod open;
mod payload;
mod rehearsal;
mod replicas;
mod rotate;
mod serve;
#[cfg(all(feature = "kms-simulate", feature = "kms-aws"))]
mod session;
mod sign;
#[cfg(all(feature = "kms-simulate", feature = "kms-aws"))]
mod soak;
mod stopwatch;
mod topology_verify;

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use crate::{args::Global, output};

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Sign(sign::Options),
    Open(open::Options),
    Backup(backup::Options),
    #[cfg(all(feature = "kms-simulate", feature = "kms-aws"))]
    Kms(kms::Options),
    Payload(payload::Options),
    Rotate(rotate::Options),
    Replicas(replicas::Options),
    #[command(hide = true)]
    Replica(replicas::worker::Options),
    Serve(serve::Options),
    #[cfg(all(feature = "kms-simulate", feature = "kms-aws"))]
    Session(session::Options),
    #[cfg(all(feature = "kms-simulate", feature = "kms-aws"))]
    Soak(soak::Options),
    #[command(hide = true)]
    Echo(serve::echo::Options),
    TopologyVerify(topology_verify::Options),
}

/// What a benchmark found.
#[derive(Serialize)]
struct Report {
    results: Vec<Measurement>,
}

/// One comparison.
#[derive(Serialize)]
struct Measurement {
    name: String,
    unit: &'static str,
    ours: f64,
    bare: f64,
    ratio: f64,
    #[serde(flatten)]
    more: serde_json::Map<String, serde_json::Value>,
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    let results = match command {
        Command::Sign(options) => sign::run(global, options).await?,
        Command::Open(options) => open::run(global, options).await?,
        Command::Backup(options) => backup::run(global, options).await?,
        #[cfg(all(feature = "kms-simulate", feature = "kms-aws"))]
        Command::Kms(options) => kms::run(global, options).await?,
        Command::Payload(options) => {
            tokio::task::block_in_place(|| payload::run(global, &options))?
        }
        Command::Rotate(options) => rotate::run(global, options).await?,
        Command::Replicas(options) => replicas::run(global, options).await?,
        Command::Replica(options) => return replicas::worker::run(global, options).await,
        Command::Serve(options) => serve::run(global, options).await?,
        #[cfg(all(feature = "kms-simulate", feature = "kms-aws"))]
        Command::Session(options) => session::run(global, options).await?,
        #[cfg(all(feature = "kms-simulate", feature = "kms-aws"))]
        Command::Soak(options) => soak::run(global, options).await?,
        Command::Echo(options) => return serve::echo::run(options).await,
        Command::TopologyVerify(options) => {
            tokio::task::block_in_place(|| topology_verify::run(global, &options))?
        }
    };
    let report = Report { results };
    output::print(global.output, &report, |out| {
        let rows = report.results.iter().map(|result| {
            let more: Vec<_> = result
                .more
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            [
                result.name.clone(),
                result.unit.to_owned(),
                format!("{:.1}", result.ours),
                format!("{:.1}", result.bare),
                format!("{:.3}", result.ratio),
                more.join(" "),
            ]
        });
        writeln!(
            out,
            "{}",
            output::table(["NAME", "UNIT", "OURS", "BARE", "RATIO", ""], rows)
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
