//! Behaviour of the wire formats: round trips, every broken field, hostile bytes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation ends the test"
)]

#[path = "fuzz/bodies.rs"]
#[expect(unreachable_pub, reason = "the fuzzer takes it as a library")]
mod bodies;
#[path = "proto/canton.rs"]
mod canton;
#[path = "proto/codes.rs"]
mod codes;
#[path = "proto/corpus.rs"]
mod corpus;
#[path = "proto/import.rs"]
mod import;
#[path = "proto/key_pairs.rs"]
mod key_pairs;
#[path = "proto/passwords.rs"]
mod passwords;
#[path = "proto/properties.rs"]
mod properties;
#[path = "proto/public_keys.rs"]
mod public_keys;
#[path = "proto/scripts.rs"]
mod scripts;
#[path = "proto/signatures.rs"]
mod signatures;
#[path = "proto/stored.rs"]
mod stored;
#[path = "proto/support.rs"]
mod support;
#[path = "proto/topology.rs"]
mod topology;
#[path = "proto/versioned.rs"]
mod versioned;
