//! The simulator as its users see it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests: a failure is a failed test"
)]

mod client;
mod conformance;
mod control;
mod cryptography;
mod determinism;
mod google;
mod google_keys;
mod google_weather;
mod house;
mod judges;
mod keys;
mod lifecycle;
mod outages;
mod requests;
mod weather;
