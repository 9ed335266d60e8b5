//! The forms of topology, seen from outside: names, statements, what they are about, signatures over them.
#![expect(clippy::unwrap_used, reason = "a failed expectation ends the test")]

#[path = "forms/codes.rs"]
mod codes;
#[path = "forms/delegations.rs"]
mod delegations;
#[path = "forms/identifiers.rs"]
mod identifiers;
#[path = "forms/keys_of_nodes.rs"]
mod keys_of_nodes;
#[path = "forms/members.rs"]
mod members;
#[path = "forms/parties.rs"]
mod parties;
#[path = "forms/signatures.rs"]
mod signatures;
#[path = "forms/store_ids.rs"]
mod store_ids;
#[path = "forms/subjects.rs"]
mod subjects;
#[path = "forms/support.rs"]
mod support;
#[path = "forms/transactions.rs"]
mod transactions;
#[path = "forms/unique_keys.rs"]
mod unique_keys;
