//! `bench topology-verify`: replaying a snapshot beside bare verification of its signatures.

mod bare;
mod sample;

use std::{
    fs::File,
    io::BufReader,
    num::NonZeroUsize,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Args;
use strongroom_crypto::SigningKeySpec;
use strongroom_proto::topology::Container;
use strongroom_topology::Rules;
use strongroom_vault::{DEFAULT_REPLAY_LIMIT, MemoryLimit, Replay, ReplayReport, ReplaySettings};

use self::{bare::BareSignatures, sample::Sample};
use super::{Measurement, stopwatch::median};
use crate::{
    args::{Global, Names},
    memory, progress,
};

/// Topology transactions per second, replayed from a generated snapshot: read, decoded, verified, put through the state
/// machine.
///
/// Bare is the verification of the same signatures with the same number of threads, by the library, and nothing else.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom bench topology-verify\n  strongroom bench topology-verify --transactions 10000 --output json"
)]
pub(crate) struct Options {
    /// Number of transactions.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    transactions: u64,
    /// What the signing keys are.
    #[arg(long, default_value = "ec-curve-25519", value_parser = Names::of_signing_specs())]
    spec: SigningKeySpec,
    /// Threads of each side [default: one for each processor].
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Samples of each side; the median counts.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    samples: u16,
}

pub(super) fn run(global: &Global, options: &Options) -> anyhow::Result<Vec<Measurement>> {
    let threads = options.threads.map_or_else(available, Ok)?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("snapshot.bin");
    let bar = progress::bar(global, options.transactions, "generating");
    let sample = Sample::write(&path, options.transactions, options.spec, &bar)?;
    bar.finish_and_clear();

    // The first replay warms up, and is the one whose memory counts: nothing else is in the process yet.
    memory::reset_peak();
    let before = memory::peak_bytes();
    replay(&path, &sample, threads)?;
    let peak = memory::peak_bytes();
    let bare = BareSignatures::read(&path)?;

    let (mut ours, mut bares, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let bar = progress::bar(global, u64::from(options.samples), "verifying");
    for _ in 0..options.samples {
        let replayed = replay(&path, &sample, threads)?;
        let verified = bare.time(threads)?;
        let rate = |time: Duration| options.transactions as f64 / time.as_secs_f64();
        ours.push(rate(replayed));
        bares.push(rate(verified));
        ratios.push(verified.as_secs_f64() / replayed.as_secs_f64());
        bar.inc(1);
    }
    bar.finish_and_clear();
    let more = [
        ("transactions", options.transactions.into()),
        ("signatures", bare.len().into()),
        ("threads", threads.get().into()),
        ("snapshot_bytes", sample.bytes.into()),
        ("peak_memory_bytes", peak.into()),
        (
            "peak_memory_growth_bytes",
            peak.zip(before)
                .map(|(peak, before)| peak.saturating_sub(before))
                .into(),
        ),
    ];
    Ok(vec![Measurement {
        name: format!("topology-verify {}", options.spec.name()),
        unit: "transactions/s",
        ours: median(&mut ours),
        bare: median(&mut bares),
        ratio: median(&mut ratios),
        more: more
            .into_iter()
            .map(|(name, value): (&str, serde_json::Value)| (name.to_owned(), value))
            .collect(),
    }])
}

fn available() -> anyhow::Result<NonZeroUsize> {
    thread::available_parallelism().context("the number of processors is not known")
}

/// From the file to the last decision.
fn replay(path: &Path, sample: &Sample, threads: NonZeroUsize) -> anyhow::Result<Duration> {
    let settings = ReplaySettings {
        store: sample.store.clone(),
        threads,
        memory: MemoryLimit {
            bytes: DEFAULT_REPLAY_LIMIT,
            in_use: memory::bytes_in_use,
        },
    };
    let started = Instant::now();
    let mut replay = Replay::new(settings);
    let input = BufReader::with_capacity(1 << 16, File::open(path)?);
    let rules = Rules::genesis();
    replay.read(input, Container::SnapshotV2, &rules, &mut |_offset| {})?;
    let (report, store) = replay.finish();
    let time = started.elapsed();
    check(&report, sample)?;
    drop(store);
    Ok(time)
}

fn check(report: &ReplayReport, sample: &Sample) -> anyhow::Result<()> {
    anyhow::ensure!(
        report.accepted == sample.transactions && report.signatures.valid == sample.signatures,
        "the replay accepted {} of {} transactions and found {} of {} signatures valid: {:?}",
        report.accepted,
        sample.transactions,
        report.signatures.valid,
        sample.signatures,
        report.rejections.first(),
    );
    Ok(())
}
