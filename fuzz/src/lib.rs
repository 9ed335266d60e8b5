//! What the fuzz targets do with their bytes. The same functions replay the seeds in the tests of `strongroom-proto`.

#[path = "../../crates/proto/tests/fuzz/bodies.rs"]
pub mod bodies;
