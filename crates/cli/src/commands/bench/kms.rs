//! `bench kms`: what a cloud costs in time, calls and money, against a simulator of it in this process.

mod bare;
pub(super) mod cloud;
mod crowd;
mod opening;
mod signing;
mod storm;

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::Value;

use self::{cloud::Cloud, opening::Size};
use super::Measurement;
use crate::{args::Global, progress};

/// What a KMS costs: calls and time to open vaults, throttling, signatures inside of the KMS.
///
/// The KMS is a simulator of AWS in this process, which answers after each of the latencies and takes so many calls per second.
/// Ours goes through what surrounds every KMS, with its defaults and a call budget of that cap. Bare is the client of AWS alone:
/// to open a vault Canton's way, one call for each key at the stated concurrency, repeated without an end; in a storm of
/// throttled calls with the client's own repetitions, and again Canton's way. Signatures are measured on so many and scaled to
/// a million; dollars are AWS's list prices of June 2026, where each call that was sent counts.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom bench kms\n  strongroom bench kms --only open --sizes 10,1000 --latencies 40\n  \
    strongroom bench kms --only storm --storm-seconds 5 --output json"
)]
pub(crate) struct Options {
    /// Only these parts [default: all].
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Numbers of keys in a vault.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 1000, 20_000],
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    sizes: Vec<u32>,
    /// Milliseconds until a call is answered.
    #[arg(long, value_delimiter = ',', default_values_t = [40, 110],
        value_parser = clap::value_parser!(u16).range(1..))]
    latencies: Vec<u16>,
    /// Calls per second that the cloud takes, of each kind of key.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    cap: u32,
    /// Keys that are opened at once, on both sides.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// How long calls are throttled, at the first latency.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    storm_seconds: u64,
    /// Requests per second that come meanwhile, whatever becomes of them.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    storm_rate: u16,
    /// Signatures of a measurement.
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u32).range(1..))]
    signatures: u32,
    /// Numbers of signers at once.
    #[arg(long, value_delimiter = ',', default_values_t = [16, 64, 256],
        value_parser = clap::value_parser!(u16).range(1..))]
    signers: Vec<u16>,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Opening vaults.
    Open,
    /// Throttled calls.
    Storm,
    /// Signatures inside of the KMS.
    Sign,
}

impl Options {
    fn includes(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<Vec<Measurement>> {
    let spinner = progress::spinner(global, "a cloud is rehearsed; this takes minutes");
    let latencies: Vec<Duration> = options.latencies.iter().map(|ms| millis(*ms)).collect();
    let mut results = Vec::new();
    if options.includes(Part::Open) {
        for keys in &options.sizes {
            let size = Size {
                keys: *keys,
                concurrency: options.concurrency,
            };
            results.extend(opening::run(options.cap, size, &latencies).await?);
        }
    }
    if let Some(latency) = latencies.first().filter(|_| options.includes(Part::Storm)) {
        let seconds = Duration::from_secs(options.storm_seconds);
        for percent in [10, 100] {
            let plan = storm::Plan::new(percent, seconds, options.storm_rate, *latency);
            results.extend(storm::run(options.cap, &plan).await?);
        }
    }
    if options.includes(Part::Sign) {
        let cloud = Cloud::start(options.cap)?;
        for latency in &latencies {
            for signers in &options.signers {
                let plan = (options.signatures, *signers);
                results.push(signing::run(&cloud, *latency, plan).await?);
            }
        }
    }
    spinner.finish_and_clear();
    Ok(results)
}

fn millis(count: u16) -> Duration {
    Duration::from_millis(count.into())
}

/// One comparison, with what stands beside it.
pub(super) fn measurement<const N: usize>(
    name: String,
    unit: &'static str,
    (ours, bare): (f64, f64),
    more: [(&str, Value); N],
) -> Measurement {
    Measurement {
        name,
        unit,
        ours,
        bare,
        ratio: ours / bare,
        more: more
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}
