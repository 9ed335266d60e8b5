//! How long answers take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::chance::Chance;
use crate::scenario::ScenarioError;

/// How many deviations above its mean the 99th percentile of a normal distribution lies.
const P99_DEVIATIONS: f64 = 2.326_347_874_040_841;

/// How long each answer takes at least, from the arrival of the request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Latency {
    /// Always the same.
    Constant {
        /// Milliseconds.
        #[serde(rename = "constant-ms")]
        constant_ms: f64,
    },
    /// Log-normal: half of the answers take less than the median, one in a hundred more than the 99th percentile.
    LogNormal {
        /// Milliseconds.
        #[serde(rename = "median-ms")]
        median_ms: f64,
        /// Milliseconds; at least the median.
        #[serde(rename = "p99-ms")]
        p99_ms: f64,
    },
}

impl Latency {
    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        let possible = |millis: f64| (0.0..=3_600_000.0).contains(&millis);
        match *self {
            Self::Constant { constant_ms } if possible(constant_ms) => Ok(()),
            Self::LogNormal { median_ms, p99_ms }
                if possible(p99_ms) && median_ms > 0.0 && median_ms <= p99_ms =>
            {
                Ok(())
            }
            _ => Err(ScenarioError::Weather(
                "latencies lie between 0 and an hour, and a median below its 99th percentile",
            )),
        }
    }

    pub(super) fn draw(&self, chance: &mut Chance) -> Duration {
        let millis = match *self {
            Self::Constant { constant_ms } => constant_ms,
            Self::LogNormal { median_ms, p99_ms } => {
                let deviation = (p99_ms / median_ms).ln() / P99_DEVIATIONS;
                median_ms * (deviation * chance.normal()).exp()
            }
        };
        Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_normal_latency_has_the_median_and_the_percentile_that_it_names() {
        let latency = Latency::LogNormal {
            median_ms: 10.0,
            p99_ms: 100.0,
        };
        let mut chance = Chance::new(1);
        let mut drawn: Vec<Duration> = (0..10_000).map(|_| latency.draw(&mut chance)).collect();
        drawn.sort();
        let near = |index: usize, millis: f64| {
            let found = drawn[index].as_secs_f64() * 1000.0;
            assert!((found / millis - 1.0).abs() < 0.1, "{found} for {millis}");
        };
        near(5_000, 10.0);
        near(9_900, 100.0);
    }
}
