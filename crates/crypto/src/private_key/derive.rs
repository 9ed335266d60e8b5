//! The public half of a private key.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rsa::PrivateDecryptingKey;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, ML_DSA_65_SIGNING, PqdsaKeyPair};

use super::PrivateKey;
use crate::formats::{KeyKind, SEED_LENGTH, spki_of_bits};
use crate::key_error::KeyError;

const FAILED: KeyError = KeyError::Library {
    operation: "derive a public key",
};

impl PrivateKey {
    /// The public half as DER SubjectPublicKeyInfo, derived anew: nothing that came with the private key is
    /// believed.
    ///
    /// # Errors
    /// [`KeyError::Library`] if the library fails.
    pub fn public_spki(&self) -> Result<Box<[u8]>, KeyError> {
        // EXPOSE: the library derives the public half and wipes what it allocated.
        let secret = self.stored.expose();
        match KeyKind::of(self.spec) {
            KeyKind::Ed25519 => {
                let pair =
                    Ed25519KeyPair::from_seed_unchecked(secret).map_err(|_rejected| FAILED)?;
                Ok(spki_of_bits(self.spec, pair.public_key().as_ref()))
            }
            KeyKind::Ec(curve) => Ok(spki_of_bits(
                self.spec,
                &curve.public_point(secret).ok_or(FAILED)?,
            )),
            KeyKind::MlDsa65 => {
                let pair = ml_dsa_pair(secret).map_err(KeyError::MlDsaInconsistent)?;
                Ok(spki_of_bits(self.spec, pair.public_key().as_ref()))
            }
            KeyKind::Rsa => {
                let key =
                    PrivateDecryptingKey::from_pkcs8(secret).map_err(KeyError::RsaInconsistent)?;
                let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(&key.public_key())
                    .map_err(|_unspecified| FAILED)?;
                Ok(spki.as_ref().into())
            }
        }
    }
}

/// The ML-DSA-65 pair of a stored seed or expanded key.
pub(crate) fn ml_dsa_pair(stored: &[u8]) -> Result<PqdsaKeyPair, KeyRejected> {
    if stored.len() == SEED_LENGTH {
        PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, stored)
    } else {
        PqdsaKeyPair::from_raw_private_key(&ML_DSA_65_SIGNING, stored)
    }
}
