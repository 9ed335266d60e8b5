//! New private keys.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use strongroom_memory::SecretBytes;

use super::PrivateKey;
use crate::formats::{Curve, KeyKind, SEED_LENGTH};
use crate::key_error::KeyError;
use crate::random::{Random, RandomError};
use crate::spec::KeySpec;

impl PrivateKey {
    /// A new key of any spec.
    ///
    /// Seeds and scalars are drawn from `random`, scalars by rejection (FIPS 186-5, A.2.2) so that each is equally
    /// likely. RSA primes come from AWS-LC, which draws from its own generator.
    ///
    /// # Errors
    /// [`KeyError::Random`] if there are no random bytes, or if 64 draws gave no scalar, which a working
    /// generator never does.
    pub fn generate(spec: KeySpec, random: &dyn Random) -> Result<Self, KeyError> {
        let stored = match KeyKind::of(spec) {
            KeyKind::Ed25519 | KeyKind::MlDsa65 => {
                SecretBytes::fill_with(SEED_LENGTH, |seed| random.fill(seed))?
            }
            KeyKind::Ec(curve) => generate_scalar(curve, random)?,
            KeyKind::Rsa => generate_rsa()?,
        };
        Ok(Self { spec, stored })
    }
}

fn generate_scalar(curve: Curve, random: &dyn Random) -> Result<SecretBytes, KeyError> {
    /// Not even once in 2^32 draws does a scalar of P-256 lie outside the range.
    const DRAWS: usize = 64;
    for _ in 0..DRAWS {
        let scalar = SecretBytes::fill_with(curve.field_length(), |bytes| random.fill(bytes))?;
        // EXPOSE: the library checks the range.
        if curve.public_point(scalar.expose()).is_some() {
            return Ok(scalar);
        }
    }
    Err(RandomError::Broken.into())
}

fn generate_rsa() -> Result<SecretBytes, KeyError> {
    const FAILED: KeyError = KeyError::Library {
        operation: "generate an RSA key",
    };
    let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).map_err(|_unspecified| FAILED)?;
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).map_err(|_unspecified| FAILED)?;
    // The buffer of the library is wiped when it is dropped.
    Ok(SecretBytes::from_slice(der.as_ref()))
}
