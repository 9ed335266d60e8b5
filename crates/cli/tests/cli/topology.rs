//! `topology`: what is announced, who may sign, and the exchange between vaults.

#[path = "topology/caution.rs"]
mod caution;
#[path = "topology/drawing.rs"]
mod drawing;
#[path = "topology/exchange.rs"]
mod exchange;
#[path = "topology/history.rs"]
mod history;
#[path = "topology/reading.rs"]
mod reading;
#[path = "topology/refusals.rs"]
mod refusals;
#[path = "topology/synchronizer.rs"]
mod synchronizer;
#[path = "topology/verify.rs"]
mod verify;

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;

use crate::support::{Sandbox, text};

/// Whose names are as long as real ones.
const STORE: &str =
    "synchronizer:da::12200000000000000000000000000000000000000000000000000000000000000000::34-0";

fn transactions(document: &Value) -> &[Value] {
    document["transactions"].as_array().unwrap()
}

/// The hash of the only transaction in force of this kind.
fn hash_of(sandbox: &Sandbox, mapping: &str) -> String {
    let listed = sandbox.json(["topology", "list", "--mapping", mapping]);
    let [only] = transactions(&listed) else {
        panic!("{listed}");
    };
    text(only, "hash")
}

/// A namespace key that has no right yet.
fn namespace_key(sandbox: &Sandbox, name: &str) -> String {
    let generate = [
        "keys",
        "generate-signing",
        "--usage",
        "namespace",
        "--name",
        name,
    ];
    text(&sandbox.json(generate), "fingerprint")
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}
