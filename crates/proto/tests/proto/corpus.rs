//! The seeds of the fuzzer, replayed: as they are, cut at every byte, with every bit flipped.

use std::{collections::BTreeSet, fs, path::PathBuf};

use crate::bodies::TARGETS;

/// Seeds longer than this are cut at every seventh byte, and get one bit flipped per byte.
const SMALL: usize = 200;

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

/// The seeds of a target with their names.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut seeds: Vec<_> = fs::read_dir(corpus().join(target))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.display().to_string(), fs::read(path).unwrap())
        })
        .collect();
    seeds.sort();
    seeds
}

#[test]
fn every_target_has_seeds_and_every_folder_of_seeds_has_a_target() {
    let folders: BTreeSet<_> = fs::read_dir(corpus())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(folders.iter().eq(TARGETS.map(|(name, _)| name)));
    for (name, _target) in TARGETS {
        assert!(!seeds(name).is_empty(), "{name}");
    }
}

/// Seeds that show what is not read, or is read as nothing.
const REFUSED: [&str; 4] = [
    "detection/ambiguous",
    "detection/gzip",
    "snapshot_v1/empty",
    "transaction_list/empty",
];

#[test]
fn every_seed_is_read_unless_it_shows_what_is_not() {
    for (name, target) in TARGETS {
        for (path, seed) in seeds(name) {
            let refused = REFUSED.iter().any(|refused| path.ends_with(refused));
            assert_eq!(target(&seed), !refused, "{path}");
        }
    }
}

#[test]
fn seeds_cut_at_every_byte_are_read_or_refused() {
    for (name, target) in TARGETS {
        for (_path, seed) in seeds(name) {
            let step = if seed.len() > SMALL { 7 } else { 1 };
            for length in (0..seed.len()).step_by(step) {
                target(&seed[..length]);
            }
        }
    }
}

#[test]
fn seeds_with_a_flipped_bit_are_read_or_refused() {
    for (name, target) in TARGETS {
        for (_path, mut seed) in seeds(name) {
            for place in 0..seed.len() {
                // Of longer seeds another bit in each byte.
                let step = if seed.len() > SMALL { 8 } else { 1 };
                for bit in (place % step..8).step_by(step) {
                    seed[place] ^= 1 << bit;
                    target(&seed);
                    seed[place] ^= 1 << bit;
                }
            }
        }
    }
}

#[test]
fn every_seed_is_read_or_refused_by_every_other_target() {
    for (name, _target) in TARGETS {
        for (_path, seed) in seeds(name) {
            for (_name, target) in TARGETS {
                target(&seed);
            }
        }
    }
}
