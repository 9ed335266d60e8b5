//! The KMS behind a driver: that it keeps the rules of every KMS, and what can happen on the way to it.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: a failure is a failed test"
)]

mod conformance;
mod foreign;
mod house;
mod on_the_way;
mod socket;
mod tls;
