//! Calls to key management systems: how many, how long, what they cost.

use std::fmt;

use prometheus_client::registry::Registry;
use strongroom_kms::{BreakerState, KmsMetrics};

use super::vault::{family, to_f64};

/// Whoever surrounds the key management systems knows their numbers.
pub trait KmsNumbers: fmt::Debug + Send + Sync {
    /// The configured name of each, and its numbers since the start.
    fn now(&self) -> Vec<(String, KmsMetrics)>;
}

pub(super) fn register(registry: &mut Registry, all: &[(String, KmsMetrics)]) {
    let calls = family(
        registry,
        "kms_calls",
        "Calls that were sent, since the start",
    );
    let errors = family(registry, "kms_errors", "Calls that failed, since the start");
    let help = "Sum of the times that calls took, since the start";
    let seconds = family(registry, "kms_call_seconds_sum", help);
    let help = "Calls that were answered, since the start";
    let answered = family(registry, "kms_call_seconds_count", help);
    let help = "Calls that were throttled, sent again or not sent, since the start";
    let events = family(registry, "kms_call_events", help);
    let help = "What the calls since the start cost about, in dollars, without the keys";
    let cost = family(registry, "kms_estimated_cost_dollars", help);
    let help = "1 if calls are held back since the last ones failed";
    let open = family(registry, "kms_breaker_open", help);
    for (name, numbers) in all {
        let of = |label: &'static str, value: &str| {
            vec![("kms", name.clone()), (label, value.to_owned())]
        };
        for (operation, number) in numbers.calls.by_name() {
            let labels = of("operation", operation);
            calls.get_or_create(&labels).set(to_f64(number));
        }
        for (code, number) in &numbers.errors {
            errors.get_or_create(&of("code", code)).set(to_f64(*number));
        }
        for (operation, latency) in &numbers.latency {
            let labels = of("operation", operation.name());
            seconds
                .get_or_create(&labels)
                .set(latency.sum.as_secs_f64());
            answered.get_or_create(&labels).set(to_f64(latency.count()));
        }
        for (event, number) in [
            ("throttled", numbers.throttled),
            ("retried", numbers.retries),
            ("retry-withheld", numbers.retries_withheld),
            ("hedged", numbers.hedges),
            ("refused-by-budget", numbers.refused_by_budget),
            ("breaker-opened", numbers.breaker_opened),
        ] {
            events
                .get_or_create(&of("event", event))
                .set(to_f64(number));
        }
        let only = vec![("kms", name.clone())];
        if let Some(estimate) = numbers.estimated_cost {
            let dollars = to_f64(estimate.0) / 1_000_000.0;
            cost.get_or_create(&only).set(dollars);
        }
        if let Some(state) = numbers.breaker {
            let is_open = u64::from(state != BreakerState::Closed);
            open.get_or_create(&only).set(to_f64(is_open));
        }
    }
}
