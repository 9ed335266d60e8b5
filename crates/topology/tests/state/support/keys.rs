//! Keys that are the same in every run, made once per process.

use std::{
    collections::HashMap,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use strongroom_crypto::{
    EncryptionKeySpec, Fingerprint, Hash, HashPurpose, KeySpec, KeyUsage, KeyUsages, PrivateKey,
    PublicKey, Random, RandomError, SigningKey, SigningKeySpec, SigningPublicKey,
};
use strongroom_topology::Namespace;

/// Repeatable bytes that are random enough to make keys.
#[derive(Debug)]
struct Repeatable {
    seed: u64,
    counter: AtomicU64,
}

impl Random for Repeatable {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        for chunk in buffer.chunks_mut(32) {
            let counter = self.counter.fetch_add(1, Ordering::Relaxed);
            let message = [self.seed.to_be_bytes(), counter.to_be_bytes()].concat();
            let hash = Hash::digest(HashPurpose::TopologyTransactionSignature, &message);
            chunk.copy_from_slice(&hash.as_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

fn generate(spec: impl Into<KeySpec>, seed: u64) -> PrivateKey {
    let random = Repeatable {
        seed,
        counter: AtomicU64::new(0),
    };
    PrivateKey::generate(spec.into(), &random).unwrap()
}

/// Both halves of a signing key.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) private: SigningKey,
    pub(crate) public: SigningPublicKey,
}

pub(crate) type Key = &'static Pair;

impl Pair {
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.public.fingerprint()
    }

    /// The namespace of which this is the root key.
    pub(crate) fn namespace(&self) -> Namespace {
        self.fingerprint().into()
    }
}

/// The signing key with this spec, number and usages. Usages do not change the fingerprint.
pub(crate) fn signing_key(spec: SigningKeySpec, number: u64, usages: &[KeyUsage]) -> Key {
    type Made = HashMap<(SigningKeySpec, u64, KeyUsages), Key>;
    static KEYS: OnceLock<Mutex<Made>> = OnceLock::new();
    let usages = KeyUsages::try_new(usages.iter().copied()).unwrap();
    let mut keys = KEYS.get_or_init(Mutex::default).lock().unwrap();
    keys.entry((spec, number, usages)).or_insert_with(|| {
        let private = generate(spec, number);
        let public = private.signing_public_key(usages).unwrap();
        let private = SigningKey::new(&private, &public).unwrap();
        Box::leak(Box::new(Pair { private, public }))
    })
}

/// An Ed25519 key for namespaces only.
pub(crate) fn namespace_key(number: u64) -> Key {
    signing_key(SigningKeySpec::EcCurve25519, number, &[KeyUsage::Namespace])
}

/// Keys for namespaces, in the order of their fingerprints.
pub(crate) fn sorted_namespace_keys<const N: usize>(first: u64) -> [Key; N] {
    let mut keys: Vec<Key> = (first..).take(N).map(namespace_key).collect();
    keys.sort_unstable_by_key(|key| key.fingerprint());
    keys.try_into().unwrap()
}

/// An Ed25519 key of a node or a party.
pub(crate) fn protocol_key(number: u64) -> Key {
    let number = 1_000_000 + number;
    signing_key(SigningKeySpec::EcCurve25519, number, &[KeyUsage::Protocol])
}

/// A P-256 key that others encrypt to.
pub(crate) fn encryption_key(number: u64) -> PublicKey {
    static KEYS: OnceLock<Mutex<HashMap<u64, PublicKey>>> = OnceLock::new();
    let mut keys = KEYS.get_or_init(Mutex::default).lock().unwrap();
    let make = || {
        let private = generate(EncryptionKeySpec::EcP256, 2_000_000 + number);
        private.public_key(None).unwrap()
    };
    keys.entry(number).or_insert_with(make).clone()
}
