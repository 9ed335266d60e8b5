//! The state machine: what a store accepts, what holds when, and which keys sign.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test panics, in its helpers too"
)]

#[path = "state/authorizing.rs"]
mod authorizing;
#[path = "state/checks.rs"]
mod checks;
#[path = "state/costs.rs"]
mod costs;
#[path = "state/drafting.rs"]
mod drafting;
#[path = "state/graph.rs"]
mod graph;
#[path = "state/graph_properties.rs"]
mod graph_properties;
#[path = "state/hosting.rs"]
mod hosting;
#[path = "state/model.rs"]
mod model;
#[path = "state/parties.rs"]
mod parties;
#[path = "state/processing.rs"]
mod processing;
#[path = "state/rejections.rs"]
mod rejections;
#[path = "state/required.rs"]
mod required;
#[path = "state/selecting.rs"]
mod selecting;
#[path = "state/storing.rs"]
mod storing;
#[path = "state/support.rs"]
mod support;
