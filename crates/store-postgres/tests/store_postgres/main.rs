//! The shared store keeps the rules of every store, and fences writers.

#![expect(
    clippy::unwrap_used,
    reason = "a failed test panics, in its helpers too"
)]

mod common;
mod opening;

mod conformance {
    use super::common::Place;

    strongroom_test_support::store_conformance!(Place::new);
}
