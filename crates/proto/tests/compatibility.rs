//! The known answers of the reference: everything in them that concerns keys, fingerprints, exports, hashes and
//! topology.
//!
//! The vectors lie in the folder that `STRONGROOM_REFERENCE` names, or else beside the repository in
//! `../shared/reference`. Where they are absent the suite says so in one line; with `CI` set that is a failure.
//! A kind of vector that the suite does not know is a failure too, and so is a kind of which it found none.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed expectation ends the test"
)]

#[path = "proto/canton.rs"]
mod canton;
#[path = "compatibility/client.rs"]
mod client;
#[path = "compatibility/hashes.rs"]
mod hashes;
#[path = "compatibility/keys.rs"]
mod keys;
#[path = "compatibility/scripts.rs"]
mod scripts;
#[path = "compatibility/snapshot.rs"]
mod snapshot;
#[path = "compatibility/topology.rs"]
mod topology;
#[path = "compatibility/transactions.rs"]
mod transactions;
#[path = "compatibility/vectors.rs"]
mod vectors;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;

/// How many vectors of each kind were checked.
#[derive(Default)]
pub(crate) struct Counts(BTreeMap<&'static str, usize>);

impl Counts {
    pub(crate) fn add(&mut self, kind: &'static str) {
        *self.0.entry(kind).or_default() += 1;
    }
}

/// Everything that must have been checked at least so many times, which is how often it stands in the reference.
const EXPECTED: [(&str, usize); 21] = [
    ("certificate of the offline scripts", 10),
    ("decentralized namespace", 1),
    ("documentation key pair", 18),
    ("exported key pair", 3),
    ("fingerprint", 1),
    ("fingerprint of an encryption key", 5),
    ("fingerprint example", 1),
    ("hash builder primitive", 5),
    ("hash over several transactions", 4),
    ("jwk thumbprint", 2),
    ("key of the offline scripts", 8),
    ("layout of a ciphertext", 2),
    ("mapped signing key", 4),
    ("public key file of Canton", 2),
    ("public key of a real transaction", 17),
    ("real transaction", 15),
    ("request of a client", 2),
    ("row of a snapshot", 8),
    ("signature of a genesis transaction", 9),
    ("symmetric decryption", 1),
    ("transaction hash", 8),
];

#[test]
fn the_known_answers_of_the_reference_hold() {
    let Some(folder) = reference() else { return };
    let mut counts = Counts::default();
    vectors::check_all(&read(&folder.join("vectors.json")), &mut counts);
    let topology = read(&folder.join("topology-vectors.json"));
    topology::check_all(&topology, &folder.join("data"), &mut counts);

    for (kind, expected) in EXPECTED {
        let found = counts.0.remove(kind).unwrap_or_default();
        assert!(
            found >= expected,
            "only {found} of {expected} vectors of kind {kind:?} were found"
        );
        println!("{found:3} {kind}");
    }
    assert!(
        counts.0.is_empty(),
        "nobody said how many of these there must be: {:?}",
        counts.0
    );
}

fn reference() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference");
    let folder = std::env::var_os("STRONGROOM_REFERENCE").map_or_else(beside, PathBuf::from);
    if folder.join("vectors.json").is_file() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "the vectors of the reference are not in {}: set STRONGROOM_REFERENCE to the folder that holds vectors.json",
        folder.display()
    );
    // Not `println!`: of a test that passes nobody would see it.
    let _ = writeln!(
        std::io::stderr(),
        "the compatibility suite was not run: no vectors.json in {}",
        folder.display()
    );
    None
}

fn read(path: &std::path::Path) -> Value {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
