//! Google Cloud KMS against a simulator that Google's own clients judge.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: a failure is a failed test"
)]

mod importing;
mod simulator;
mod subject;
mod versions;
