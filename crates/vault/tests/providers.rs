//! Every call of every provider fails once, in every way, while keys come, are used and go: no key is lost, and none is left
//! that nobody knows of.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed test panics, in its helpers too"
)]

#[path = "providers/act.rs"]
mod act;
#[path = "providers/clouds.rs"]
mod clouds;
#[path = "providers/house.rs"]
mod house;
#[path = "providers/near.rs"]
mod near;
#[path = "providers/scene.rs"]
mod scene;
#[path = "providers/session_keys.rs"]
mod session_keys;
#[path = "providers/softhsm.rs"]
mod softhsm;
#[path = "providers/sweep.rs"]
mod sweep;
#[path = "providers/weather.rs"]
mod weather;
