//! Conformance suites, fault injectors, fixed clock and randomness, for tests only.

pub mod kms;

pub mod store;
