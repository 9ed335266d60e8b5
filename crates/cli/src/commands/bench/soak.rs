//! `bench soak`: a server that works for long while everything around it changes, and whether it grows or errs.

mod callers;
mod house;
mod process;
mod trouble;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::{Map, json};

use self::{callers::Counts, house::House, process::Use};
use super::{Measurement, kms::cloud::Cloud, stopwatch::median};
use crate::{args::Global, progress};

/// How much memory and how many handles a server takes that works for long, and whether all its answers are right.
///
/// A process of its own serves a vault whose wrapper key is in a simulated cloud. Callers sign without a pause, on connections
/// that stay and on ones that come and go, and verify each signature here. Meanwhile the server's certificate is replaced, its
/// wrapper key is rotated, and the cloud fails for a while, over and over. Memory and handles are compared between the first
/// quarter, after a warm-up, and the last. It fails if a signature is wrong or missing, or if they grew by more than the stated
/// bounds.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom bench soak\n  strongroom bench soak --minutes 60 --output json"
)]
pub(crate) struct Options {
    /// How long, after the warm-up.
    #[arg(long, default_value_t = 10.0, value_parser = minutes)]
    minutes: f64,
    /// Callers at the same time.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    callers: u16,
    /// Mebibytes of memory by which the server may grow.
    #[arg(long, default_value_t = 32)]
    most_growth: u32,
    /// Handles by which it may grow.
    #[arg(long, default_value_t = 16)]
    most_handles: u32,
}

fn minutes(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(minutes) if (0.05..=10_000.0).contains(&minutes) => Ok(minutes),
        _ => Err("a number of minutes from 0.05 to 10000".to_owned()),
    }
}

/// Memory is looked at so often.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The part of the time that is warm-up, beside the time that is asked for.
const WARM_UP: f64 = 0.2;

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<Vec<Measurement>> {
    let spinner = progress::spinner(global, "a server is kept busy");
    let cloud = Arc::new(Cloud::start(1000)?);
    let house = House::start(&cloud).await?;
    let asked_for = Duration::from_secs_f64(options.minutes * 60.0);
    let counts = Arc::new(Counts::default());
    let callers = callers::begin(&house, options.callers, &counts).await?;
    let trouble = tokio::spawn(trouble::make(house.changes(), cloud, asked_for));
    tokio::time::sleep(asked_for.mul_f64(WARM_UP)).await;
    let (mut uses, began) = (Vec::new(), Instant::now());
    while began.elapsed() < asked_for {
        anyhow::ensure!(
            !trouble.is_finished(),
            "what changes around the server has ended"
        );
        uses.push(Use::of(house.process())?);
        tokio::time::sleep(LOOK_EVERY).await;
    }
    trouble.abort();
    callers.end().await?;
    let made = house.end()?;
    spinner.finish_and_clear();
    report(&options, &uses, &counts, &made)
}

/// What was seen, if it is within the bounds.
fn report(
    options: &Options,
    uses: &[Use],
    counts: &Counts,
    made: &trouble::Made,
) -> anyhow::Result<Vec<Measurement>> {
    let quarter = (uses.len() / 4).max(1);
    let (first, last) = (
        uses.get(..quarter).unwrap_or(uses),
        uses.get(uses.len().saturating_sub(quarter)..)
            .unwrap_or(uses),
    );
    let of = |part: &[Use], what: fn(&Use) -> f64| {
        median(&mut part.iter().map(what).collect::<Vec<_>>())
    };
    let mut results = Vec::new();
    let bounds: [(&str, &'static str, fn(&Use) -> f64, u32); 2] = [
        ("soak memory", "MiB", Use::mebibytes, options.most_growth),
        ("soak handles", "handles", Use::handles, options.most_handles),
    ];
    for (name, unit, what, bound) in bounds {
        let (before, after) = (of(first, what), of(last, what));
        let mut more = counts.told();
        more.extend(made.told());
        more.insert("most_growth".to_owned(), json!(bound));
        more.insert("growth".to_owned(), json!(after - before));
        anyhow::ensure!(
            after - before <= f64::from(bound),
            "the server grew from {before:.1} to {after:.1} {unit}, by more than {bound}"
        );
        results.push(measurement(name, unit, (after, before), more));
    }
    counts.check()?;
    Ok(results)
}

/// After beside before.
fn measurement(
    name: &str,
    unit: &'static str,
    (after, before): (f64, f64),
    more: Map<String, serde_json::Value>,
) -> Measurement {
    Measurement {
        name: name.to_owned(),
        unit,
        ours: after,
        bare: before,
        ratio: after / before,
        more,
    }
}
