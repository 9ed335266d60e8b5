//! What the server promises, asked over the network.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod access;
mod arbitrary;
mod certificates;
mod connections;
mod deadlines;
mod encrypted;
mod ending;
mod failures;
mod fields;
mod health;
mod house;
mod issuer;
mod key_grants;
mod keys_and_stores;
mod limits;
mod operations;
mod parties;
mod payloads;
mod protocol;
mod raw;
mod reflection;
mod scheduled_backups;
mod session_keys;
mod signing;
mod sockets;
mod spans;
mod stall;
mod status;
mod tokens;
mod topology;
mod unreadable;
mod vault_service;
mod windows;
