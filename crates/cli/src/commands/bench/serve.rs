//! `bench serve`: signatures over the network, beside a bare echo server that makes the same signatures.

pub(super) mod authority;
pub(super) mod client;
mod disk;
pub(super) mod echo;
mod load;
pub(super) mod sides;

use std::{net::SocketAddr, time::Duration};

use clap::{Args, ValueEnum};
use serde_json::{Map, json};
use strongroom_config::SignatureRecordsName;
use strongroom_crypto::SigningKeySpec;
use tonic::transport::Channel;

use self::{
    authority::Authority,
    client::Client,
    load::{Load, Reached},
    sides::{Echo, Ours},
};
use super::{Measurement, rehearsal::Rehearsal, stopwatch::median};
use crate::{args::Global, progress};

/// Signatures per second over gRPC, behind TLS with certificates on both sides and with rules of access, beside a bare server.
///
/// The other side is a tonic server behind the same TLS, with the same messages, which makes the same signatures with the bare
/// library and asks nobody whether it may. Both are processes of their own; this one makes the load for both, in turn, and takes its
/// share of the machine. Batches, each encoded once and sent over and over, are compared with one signature after the other over
/// the same server, and with what the bare library signs on two threads.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom bench serve\n  \
    strongroom bench serve --in-flight 16 --connections 1 --output json")]
pub(crate) struct Options {
    /// Calls that are under way at once, over all connections.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64],
        value_parser = clap::value_parser!(u16).range(1..=1024))]
    in_flight: Vec<u16>,
    /// Numbers of connections; never more than calls.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8],
        value_parser = clap::value_parser!(u16).range(1..=64))]
    connections: Vec<u16>,
    /// Which records the server keeps of signatures. With `each`, the commits that the disk itself makes are shown beside.
    #[arg(long, value_enum, default_value_t = AuditLevel::Off)]
    audit: AuditLevel,
    /// Samples of each side; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    samples: u16,
    /// Length of a sample in milliseconds.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    sample_millis: u64,
}

/// As `signatures` in `[audit]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AuditLevel {
    Off,
    Batched,
    Each,
}

impl From<AuditLevel> for SignatureRecordsName {
    fn from(level: AuditLevel) -> Self {
        match level {
            AuditLevel::Off => Self::Off,
            AuditLevel::Batched => Self::Batched,
            AuditLevel::Each => Self::Each,
        }
    }
}

const SPECS: [SigningKeySpec; 2] = [SigningKeySpec::EcCurve25519, SigningKeySpec::EcP256];

/// Items of one batch.
const BATCH: usize = 64;

/// Batches under way at once where the server shall never wait for one.
const SATURATED: usize = 16;

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<Vec<Measurement>> {
    Rehearsal::with(None, async |rehearsal| {
        measure(global, &options, rehearsal).await
    })
    .await
}

async fn measure(
    global: &Global,
    options: &Options,
    rehearsal: &Rehearsal,
) -> anyhow::Result<Vec<Measurement>> {
    let authority = Authority::in_folder(rehearsal.folder())?;
    let ours = Ours::start(rehearsal, &authority, &SPECS, options.audit.into()).await?;
    let echo = Echo::start(&authority)?;
    let pairs = pairs(options);
    let steps = (SPECS.len() * pairs.len() + 2) * usize::from(options.samples);
    let bar = progress::bar(global, steps as u64, "calling");
    let mut results = Vec::new();
    for (spec, key) in SPECS.into_iter().zip(ours.keys()) {
        for (in_flight, connections) in &pairs {
            let channels = async |address| connected(address, &authority, *connections).await;
            let ours = Load::of(channels(ours.address()).await?, *in_flight, key);
            let bare = Load::of(channels(echo.address()).await?, *in_flight, spec.name());
            let (mut mine, mut theirs) = (Samples::default(), Samples::default());
            for sample in 0..=options.samples {
                let time = Duration::from_millis(options.sample_millis);
                let (one, other) = (ours.run(time).await?, bare.run(time).await?);
                // The first one warms both sides up.
                let disk = match options.audit {
                    AuditLevel::Each => Some(disk::commits(rehearsal.folder(), time)?),
                    AuditLevel::Off | AuditLevel::Batched => None,
                };
                if sample > 0 {
                    mine.add(&one);
                    theirs.add(&other);
                    mine.disk.extend(disk);
                    bar.inc(1);
                }
            }
            let name = format!("serve sign {} {in_flight}x{connections}", spec.name());
            results.push(mine.beside(theirs, name));
        }
    }
    results.extend(batches(options, &ours, &authority, &bar).await?);
    bar.finish_and_clear();
    ours.end()?;
    Ok(results)
}

/// So many connections to a server.
async fn connected(
    address: SocketAddr,
    authority: &Authority,
    number: usize,
) -> anyhow::Result<Vec<Channel>> {
    let client = Client::of(address, authority)?;
    let mut channels = Vec::with_capacity(number);
    for _connection in 0..number {
        channels.push(client.connect().await?);
    }
    Ok(channels)
}

/// Calls in flight and connections, without those that would have connections without a call.
fn pairs(options: &Options) -> Vec<(usize, usize)> {
    let in_flight = options.in_flight.iter().copied().map(usize::from);
    let connections = options.connections.iter().copied().map(usize::from);
    let pairs = in_flight.flat_map(|calls| connections.clone().map(move |number| (calls, number)));
    pairs.filter(|(calls, number)| number <= calls).collect()
}

/// Signatures in batches, beside one after the other, and beside the bare library on two threads.
async fn batches(
    options: &Options,
    ours: &Ours,
    authority: &Authority,
    bar: &indicatif::ProgressBar,
) -> anyhow::Result<Vec<Measurement>> {
    let time = Duration::from_millis(options.sample_millis);
    let key = ours.keys().next().unwrap_or_default();
    let channels = async |number| connected(ours.address(), authority, number).await;
    let unary = Load::of(channels(1).await?, 1, key);
    let batch = Load::of(channels(1).await?, 1, key).in_batches(BATCH);
    let saturated = Load::of(channels(2).await?, SATURATED, key).in_batches(BATCH);
    let (mut one, mut many) = (Samples::default(), Samples::default());
    let (mut full, mut bare) = (Samples::default(), Samples::default());
    for sample in 0..=options.samples {
        let (alone, together) = (unary.run(time).await?, batch.run(time).await?);
        let busy = saturated.run(time).await?;
        let library = tokio::task::block_in_place(|| echo::bare_rate(time))?;
        if sample > 0 {
            one.add(&alone);
            many.add(&together);
            full.add(&busy);
            bare.rates.push(library);
            bar.inc(2);
        }
    }
    Ok(vec![
        many.beside(
            one,
            format!("serve batch of {BATCH}, one in flight, beside unary"),
        ),
        full.beside(
            bare,
            format!("serve batch of {BATCH}, saturated, beside the library x2"),
        ),
    ])
}

/// What samples of one side reached.
#[derive(Default)]
struct Samples {
    rates: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    /// Commits per second of the disk by itself, in between.
    disk: Vec<f64>,
}

impl Samples {
    fn add(&mut self, reached: &Reached) {
        self.rates.push(reached.rate);
        self.p50.push(reached.p50.as_secs_f64() * 1e6);
        self.p99.push(reached.p99.as_secs_f64() * 1e6);
    }

    /// Ours beside the other side; the ratio is the median of the ratios of neighbours.
    fn beside(mut self, mut other: Self, name: String) -> Measurement {
        let pairs = self.rates.iter().zip(&other.rates);
        let mut ratios: Vec<f64> = pairs.map(|(mine, theirs)| mine / theirs).collect();
        let mut more = Map::new();
        if !self.disk.is_empty() {
            let commits = json!(median(&mut self.disk).round());
            more.insert("disk_commits_per_s".to_owned(), commits);
        }
        for (side, samples) in [("ours", &mut self), ("bare", &mut other)] {
            if !samples.p50.is_empty() {
                more.insert(
                    format!("{side}_p50_us"),
                    json!(median(&mut samples.p50).round()),
                );
                more.insert(
                    format!("{side}_p99_us"),
                    json!(median(&mut samples.p99).round()),
                );
            }
        }
        Measurement {
            name,
            unit: "signatures/s",
            ours: median(&mut self.rates),
            bare: median(&mut other.rates),
            ratio: median(&mut ratios),
            more,
        }
    }
}
