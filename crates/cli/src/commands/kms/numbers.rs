//! What is known of the calls of this run.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;
use strongroom_kms::{KmsMetrics, KmsOperation, LATENCY_BOUNDS_MS, Latency};

use crate::{open_kms::OpenedKms, output};

/// What is known of the calls that were sent to one KMS in this run.
#[derive(Serialize)]
pub(crate) struct Numbers {
    calls: u64,
    failed: u64,
    /// By the code of the error.
    errors: BTreeMap<&'static str, u64>,
    throttled: u64,
    sent_again: u64,
    /// Not sent again, since as much was sent again already as is good for a KMS in trouble.
    not_sent_again: u64,
    hedges: u64,
    refused_by_budget: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker: Option<&'static str>,
    breaker_opened: u64,
    operations: Vec<Operation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_cost: Option<Cost>,
}

#[derive(Serialize)]
struct Operation {
    operation: &'static str,
    calls: u64,
    /// Of the calls that were answered.
    mean_ms: f64,
    /// No more than one in a hundred took longer than this bound; none: longer than any.
    p99_at_most_ms: Option<u64>,
}

#[derive(Serialize)]
struct Cost {
    /// Exact to the millionth, so as text.
    usd: String,
    prices_as_of: String,
}

impl Numbers {
    pub(super) fn of(kms: &OpenedKms) -> Self {
        let metrics = kms.metrics();
        let prices_as_of = kms.prices_as_of();
        let cost = metrics.estimated_cost.zip(prices_as_of);
        Self {
            calls: metrics.calls.total(),
            failed: metrics.calls.failed(),
            throttled: metrics.throttled,
            sent_again: metrics.retries,
            not_sent_again: metrics.retries_withheld,
            hedges: metrics.hedges,
            refused_by_budget: metrics.refused_by_budget,
            breaker: metrics.breaker.map(strongroom_kms::BreakerState::name),
            breaker_opened: metrics.breaker_opened,
            operations: operations(&metrics),
            errors: metrics.errors,
            estimated_cost: cost.map(|(cost, prices_as_of)| Cost {
                usd: cost.to_string().replace(" USD", ""),
                prices_as_of,
            }),
        }
    }

    pub(super) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let calls = output::counted(self.calls, "call");
        let (failed, throttled) = (self.failed, self.throttled);
        write!(
            out,
            "{calls} in this run: {failed} failed, {throttled} throttled"
        )?;
        let rare = [
            ("sent again", self.sent_again),
            ("not sent again", self.not_sent_again),
            ("sent twice at once", self.hedges),
            ("refused by the budget", self.refused_by_budget),
        ];
        for (what, count) in rare.into_iter().filter(|(_, count)| *count > 0) {
            write!(out, ", {count} {what}")?;
        }
        if let Some(breaker) = self.breaker {
            write!(out, "; breaker {breaker}")?;
        }
        match &self.estimated_cost {
            Some(Cost { usd, prices_as_of }) => {
                writeln!(out, "; about {usd} USD (prices of {prices_as_of})")?;
            }
            None => writeln!(out, "; no prices are configured")?,
        }
        for (code, count) in &self.errors {
            writeln!(out, "{count} x {code}")?;
        }
        if !self.operations.is_empty() {
            let rows = self.operations.iter().map(Operation::row);
            let header = ["OPERATION", "CALLS", "MEAN MS", "99% WITHIN MS"];
            writeln!(out, "{}", output::table(header, rows))?;
        }
        Ok(())
    }
}

fn operations(metrics: &KmsMetrics) -> Vec<Operation> {
    let latencies: BTreeMap<KmsOperation, Latency> = metrics.latency.iter().copied().collect();
    let called = KmsOperation::ALL.into_iter().filter_map(|operation| {
        let calls = metrics.calls.of(operation);
        let latency = latencies.get(&operation).copied().unwrap_or_default();
        (calls > 0).then(|| Operation::of(operation, calls, &latency))
    });
    called.collect()
}

impl Operation {
    fn of(operation: KmsOperation, calls: u64, latency: &Latency) -> Self {
        let millis = latency.sum.as_secs_f64() * 1e3;
        Self {
            operation: operation.name(),
            calls,
            mean_ms: (millis / latency.count().max(1) as f64 * 1e3).round() / 1e3,
            p99_at_most_ms: bound_of_most(latency),
        }
    }

    fn row(&self) -> [String; 4] {
        let bound = self
            .p99_at_most_ms
            .map_or_else(|| "more".to_owned(), |ms| ms.to_string());
        [
            self.operation.to_owned(),
            self.calls.to_string(),
            format!("{:.1}", self.mean_ms),
            bound,
        ]
    }
}

/// The smallest bound that 99 of 100 calls kept.
fn bound_of_most(latency: &Latency) -> Option<u64> {
    let most = (latency.count() * 99).div_ceil(100);
    let within = latency.buckets.iter().scan(0, |sum, bucket| {
        *sum += bucket;
        Some(*sum)
    });
    let mut bounds = LATENCY_BOUNDS_MS.into_iter().zip(within);
    bounds
        .find(|(_, calls)| *calls >= most)
        .map(|(bound, _)| bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(buckets: [u64; 13]) -> Latency {
        Latency {
            buckets,
            ..Latency::default()
        }
    }

    #[test]
    fn one_slow_call_in_a_hundred_does_not_count_and_two_do() {
        let with_slow = |slow| latency([0, 0, 0, 0, 100 - slow, 0, 0, 0, 0, 0, slow, 0, 0]);
        assert_eq!(bound_of_most(&with_slow(1)), Some(25));
        assert_eq!(bound_of_most(&with_slow(2)), Some(2500));
    }

    #[test]
    fn what_is_slower_than_all_bounds_has_none() {
        let mut buckets = [0; 13];
        buckets[12] = 1;
        assert_eq!(bound_of_most(&latency(buckets)), None);
    }
}
