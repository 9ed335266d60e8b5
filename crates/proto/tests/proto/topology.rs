//! Topology on the wire: what is read, what is kept as it was, what is refused.

#[path = "topology/delegations.rs"]
mod delegations;
#[path = "topology/detection.rs"]
mod detection;
#[path = "topology/hostile.rs"]
mod hostile;
#[path = "topology/kept_bytes.rs"]
mod kept_bytes;
#[path = "topology/limits.rs"]
mod limits;
#[path = "topology/lists.rs"]
mod lists;
#[path = "topology/mappings.rs"]
mod mappings;
#[path = "topology/refused.rs"]
mod refused;
#[path = "topology/samples.rs"]
mod samples;
#[path = "topology/script.rs"]
mod script;
#[path = "topology/signed.rs"]
mod signed;
#[path = "topology/snapshots.rs"]
mod snapshots;
#[path = "topology/streams.rs"]
mod streams;
