//! The command line as its users meet it: each test runs the program in a home of its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test panics, in its helpers too"
)]

#[path = "cli/help.rs"]
mod help;
#[path = "cli/memory.rs"]
mod memory;
#[path = "cli/needles.rs"]
mod needles;
#[path = "cli/quickstart.rs"]
mod quickstart;
#[path = "cli/setting_up.rs"]
mod setting_up;
#[path = "cli/support.rs"]
mod support;
#[path = "cli/upkeep.rs"]
mod upkeep;
#[path = "cli/using_keys.rs"]
mod using_keys;
