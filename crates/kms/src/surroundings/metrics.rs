//! What happened so far, as numbers.

use std::collections::BTreeMap;

use crate::breaker::BreakerState;
use crate::metered::{CallCounts, Latency, Meter};
use crate::operation::KmsOperation;
use crate::prices::MicroDollars;
use crate::quota_class::PerClass;

/// What happened so far. A copy: numbers that belong together may have been read a moment apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsMetrics {
    /// Calls that were sent to the KMS, and those of them that failed, by operation.
    pub calls: CallCounts,
    /// Calls that were sent, by the class that limits and prices go by.
    pub by_class: PerClass<u64>,
    /// Calls that were sent and failed, by the code of the error.
    pub errors: BTreeMap<&'static str, u64>,
    /// How long sent calls took, for each operation that was answered at least once.
    pub latency: Vec<(KmsOperation, Latency)>,
    /// Calls that the KMS throttled.
    pub throttled: u64,
    /// Calls that were sent again.
    pub retries: u64,
    /// Calls that were not sent again since the allowance was empty.
    pub retries_withheld: u64,
    /// Calls that were sent a second time beside a slow first one.
    pub hedges: u64,
    /// Calls that were not sent since their turn would have come too late.
    pub refused_by_budget: u64,
    /// What the circuit breaker does now; `None`: there is none.
    pub breaker: Option<BreakerState>,
    /// How often it opened.
    pub breaker_opened: u64,
    /// What the sent calls cost about, without the keys themselves; `None`: no prices are known.
    pub estimated_cost: Option<MicroDollars>,
}

pub(super) fn latencies(meter: &Meter) -> Vec<(KmsOperation, Latency)> {
    KmsOperation::ALL
        .into_iter()
        .map(|operation| (operation, meter.latency(operation)))
        .filter(|(_, latency)| latency.count() > 0)
        .collect()
}
