//! AWS KMS against servers that are not Amazon's.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure is a failed test"
)]

mod importing;
mod moto;
mod simulator;
mod subject;
