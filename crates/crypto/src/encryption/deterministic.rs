//! Encryption without randomness: the same message for the same key gives the same bytes, so that whoever knows the
//! message can see that it was encrypted as it should (reference: keys-and-schemes, section 7.3).
//!
//! Where the schemes want random bytes they get those of a generator whose entropy is the message and the key. Only for
//! messages that nobody can guess: whoever guesses right sees that they did.

mod hash_drbg;

use std::convert::Infallible;

use rsa::rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use self::hash_drbg::HashDrbg;
use super::{EncryptError, ecies, rsa_oaep};
use crate::fingerprint::Fingerprint;

/// Bytes of a scalar of P-256.
const SCALAR_LEN: usize = 32;
/// Bytes of the IV of ECIES.
const IV_LEN: usize = 16;
/// A quarter of the bits of the order: BouncyCastle takes no scalar whose non-adjacent form has fewer digits.
const MIN_NAF_WEIGHT: u32 = 64;
/// One candidate of 400 is no scalar that BouncyCastle takes, so this many in a row are none by chance.
const MAX_DRAWS: usize = 32;

/// The generator for one message and one key; what it gives is as secret as the message.
pub(super) struct Draws(HashDrbg);

impl Draws {
    pub(super) fn new(message: &[u8], key: &Fingerprint) -> Self {
        let length = crate::encoding::length_prefix(message.len());
        let key = key.to_string();
        Self(HashDrbg::new(&hash_drbg::sha256(&[
            &length,
            message,
            key.as_bytes(),
        ])))
    }
}

/// ECIES for the owner of the uncompressed point `recipient`.
pub(super) fn ecies(
    recipient: &[u8],
    message: &[u8],
    mut draws: Draws,
) -> Result<Vec<u8>, EncryptError> {
    let mut iv = [0; IV_LEN];
    draws.0.fill(&mut iv);
    let mut scalar = Zeroizing::new([0; SCALAR_LEN]);
    for _ in 0..MAX_DRAWS {
        draws.0.fill(&mut *scalar);
        if naf_weight(&scalar) < MIN_NAF_WEIGHT {
            continue;
        }
        if let Some(ephemeral) = ecies::key_of_scalar(&*scalar) {
            return ecies::encrypt_with(recipient, message, iv, &ephemeral)
                .map_err(|aws_lc_rs::error::Unspecified| EncryptError::Refused);
        }
    }
    Err(EncryptError::Refused)
}

/// RSA-OAEP for the owner of the key in the PKCS#1 form `recipient`.
///
/// AWS-LC takes no seed, so this one operation with a public key is that of the crate `rsa`.
pub(super) fn rsa_oaep(
    recipient: &[u8],
    message: &[u8],
    mut draws: Draws,
) -> Result<Vec<u8>, EncryptError> {
    rsa_oaep::check_length(message)?;
    let key = rsa_key(recipient).ok_or(EncryptError::Refused)?;
    // The reasons left are a broken key and a generator that fails; ours does not.
    key.oaep_encrypt_with_rng::<sha2::Sha256, _>(&mut draws, message)
        .map_err(|_refused| EncryptError::Refused)
}

fn rsa_key(pkcs1: &[u8]) -> Option<rsa::PublicKey> {
    let parts = pkcs1::RsaPublicKeyRef::try_from(pkcs1).ok()?;
    let number = |bytes: &[u8]| rsa::BoxedUint::from_be_slice_vartime(bytes);
    rsa::PublicKey::new(
        number(parts.modulus.as_bytes()),
        number(parts.public_exponent.as_bytes()),
    )
    .ok()
}

/// The digits of the non-adjacent form that are not zero: the bits in which a number and its triple differ.
fn naf_weight(scalar: &[u8; SCALAR_LEN]) -> u32 {
    let (mut weight, mut carry) = (0, 0);
    for byte in scalar.iter().rev() {
        let [high, low] = (u16::from(*byte) * 3 + carry).to_be_bytes();
        weight += (low ^ byte).count_ones();
        carry = u16::from(high);
    }
    weight + carry.count_ones()
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Draws {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_of_a_non_adjacent_form_is_that_of_small_examples() {
        let weight = |number: u64| {
            let mut scalar = [0; SCALAR_LEN];
            scalar[24..].copy_from_slice(&number.to_be_bytes());
            naf_weight(&scalar)
        };
        // 7 = 8 - 1, 11 = 8 + 4 - 1, 255 = 256 - 1
        for (number, expected) in [(0, 0), (1, 1), (3, 2), (7, 2), (11, 3), (255, 2)] {
            assert_eq!(weight(number), expected, "{number}");
        }
        // 2^256 - 1: the carry out of the highest byte counts.
        assert_eq!(naf_weight(&[0xff; SCALAR_LEN]), 2);
    }
}
