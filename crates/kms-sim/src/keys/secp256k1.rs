//! secp256k1, which AWS-LC computes too slowly for a simulator under load.

use k256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use k256::ecdsa::{Signature, SigningKey, VerifyingKey};
use strongroom_crypto::Random;
use strongroom_memory::SecretBytes;

use super::error::KeyError;

/// A draw of 32 bytes is no scalar once in 2^128 times: a generator that fails as often as this is broken.
const MAX_DRAWS: usize = 10;

/// `SEQUENCE { SEQUENCE { id-ecPublicKey, secp256k1 }, BIT STRING of 65 bytes }` up to the point (RFC 5480, SEC 2).
const SPKI_HEADER: [u8; 23] = [
    0x30, 0x56, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x0a, 0x03, 0x42, 0x00,
];

pub(super) fn generate(random: &dyn Random) -> Result<SigningKey, KeyError> {
    let mut scalar = SecretBytes::zeroed(32);
    for _ in 0..MAX_DRAWS {
        // EXPOSE: filled here and parsed at once; wiped when this function ends.
        random.fill(scalar.expose_mut())?;
        if let Ok(key) = SigningKey::from_slice(scalar.expose()) {
            return Ok(key);
        }
    }
    Err(KeyError::Library("drawing a scalar of secp256k1"))
}

pub(super) fn spki(key: &SigningKey) -> Vec<u8> {
    let point = key.verifying_key().to_sec1_point(false);
    [SPKI_HEADER.as_slice(), point.as_bytes()].concat()
}

/// A signature over a digest of 32 bytes, in DER.
pub(super) fn sign(key: &SigningKey, digest: &[u8]) -> Result<Vec<u8>, KeyError> {
    let signature: Signature = key
        .sign_prehash(digest)
        .map_err(|_error| KeyError::Library("signing with secp256k1"))?;
    Ok(signature.to_der().as_bytes().to_vec())
}

pub(super) fn verifies(key: &VerifyingKey, digest: &[u8], signature: &[u8]) -> bool {
    // Signatures with s in the upper half are valid ECDSA; k256 takes the lower half only.
    Signature::from_der(signature)
        .is_ok_and(|signature| key.verify_prehash(digest, &signature.normalize_s()).is_ok())
}
