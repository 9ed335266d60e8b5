//! The simulator as its users see it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests: a failure is a failed test"
)]

mod boto3;
mod client;
mod conformance;
mod control;
mod cryptography;
mod determinism;
mod house;
mod keys;
mod lifecycle;
mod outages;
mod requests;
mod weather;
