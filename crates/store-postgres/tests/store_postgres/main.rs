//! The shared store keeps the rules of every store, and fences writers.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed test panics, in its helpers too"
)]

mod bad_input;
mod common;
mod deadlocked;
mod fencing;
mod killed;
mod lost;
mod opening;
mod partitioned;
mod replicas;
mod stopped;

mod conformance {
    use super::common::Place;

    strongroom_test_support::store_conformance!(Place::new);
}

/// What counts, fails and crashes on purpose must not break a rule by itself.
mod conformance_behind_hooks {
    use super::common::HookedPlace;

    strongroom_test_support::store_conformance!(HookedPlace::new);
}
