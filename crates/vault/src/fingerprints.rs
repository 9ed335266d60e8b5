//! Maps keyed by fingerprints.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use strongroom_crypto::Fingerprint;

/// A map keyed by fingerprints, which needs no further hashing.
pub(crate) type FingerprintMap<V> = HashMap<Fingerprint, V, BuildHasherDefault<FingerprintHasher>>;

/// Takes the first eight bytes of a fingerprint as its hash: they are bytes of a SHA-256 already.
#[derive(Debug, Default)]
pub(crate) struct FingerprintHasher(u64);

impl Hasher for FingerprintHasher {
    fn write(&mut self, bytes: &[u8]) {
        // The length prefix of an array comes through here too, eight equal bytes for every key: it changes nothing.
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, BuildHasherDefault};

    use super::*;

    #[test]
    fn fingerprints_that_differ_at_the_start_hash_differently() {
        let hash = |first: u8| {
            let mut bytes = [7; 32];
            bytes[0] = first;
            BuildHasherDefault::<FingerprintHasher>::default()
                .hash_one(Fingerprint::from_bytes(bytes))
        };
        assert_ne!(hash(1), hash(2));
    }
}
