//! What the tests share.

use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::HEXLOWER;
use strongroom_crypto::{
    KeyError, KeySpec, KeyUsage, KeyUsages, PrivateKey, Random, RandomError, SecretBytes,
    SigningKey, SigningKeySpec, SigningPublicKey,
};

/// The contents of a file of `vectors/openssl`.
macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../vectors/openssl/", $name))
    };
}
pub(crate) use sample;

/// Repeatable bytes that are random enough to make keys: SHA-256 of a seed and a counter.
#[derive(Debug)]
pub(crate) struct RepeatableRandom(AtomicU64);

impl RepeatableRandom {
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self(AtomicU64::new(seed.wrapping_mul(1 << 32)))
    }
}

impl Random for RepeatableRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        for chunk in buffer.chunks_mut(32) {
            let counter = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &counter);
            chunk.copy_from_slice(&hash.as_ref()[..chunk.len()]);
        }
        Ok(())
    }
}

pub(crate) fn secret(bytes: impl AsRef<[u8]>) -> SecretBytes {
    SecretBytes::from_slice(bytes.as_ref())
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.trim().as_bytes()).unwrap()
}

pub(crate) fn protocol() -> KeyUsages {
    KeyUsages::try_new([KeyUsage::Protocol]).unwrap()
}

pub(crate) fn generate(spec: impl Into<KeySpec>, seed: u64) -> PrivateKey {
    PrivateKey::generate(spec.into(), &RepeatableRandom::from_seed(seed)).unwrap()
}

/// A key pair ready for use, with the usage protocol.
pub(crate) fn pair(spec: SigningKeySpec, seed: u64) -> (SigningKey, SigningPublicKey) {
    let private = generate(spec, seed);
    let public = private.signing_public_key(protocol()).unwrap();
    (SigningKey::new(&private, &public).unwrap(), public)
}

/// The DER in a PEM text.
pub(crate) fn der(pem: &str) -> Vec<u8> {
    let body: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    data_encoding::BASE64.decode(body.as_bytes()).unwrap()
}

/// The name of the variant, for errors whose fields do not matter.
pub(crate) fn variant(error: &KeyError) -> String {
    let text = format!("{error:?}");
    text.split([' ', '(', '{']).next().unwrap().to_owned()
}
