//! What the fuzz targets do with their bytes. The same functions replay the seeds in the tests of `strongroom-proto`.

#[path = "../../crates/proto/tests/fuzz/bodies.rs"]
pub mod bodies;
pub mod rpcs;

#[allow(dead_code, reason = "the tests of the server use all of it")]
#[path = "../../crates/server/tests/server/house.rs"]
mod house;
#[allow(dead_code, reason = "the tests of the server use all of it")]
#[path = "../../crates/server/tests/server/raw.rs"]
mod raw;
#[allow(dead_code, reason = "the tests of the server use all of it")]
#[path = "../../crates/server/tests/server/stall.rs"]
mod stall;
