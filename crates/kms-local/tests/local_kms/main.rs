//! The local KMS as its users see it.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: a failure is a failed test"
)]

mod concurrency;
mod conformance;
mod deletion;
mod faults;
mod flaky;
mod house;
mod key_file;
mod leaks;
mod metered;
mod protection;
mod rotation;
mod surrounded;
