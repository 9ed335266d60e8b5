//! Signatures: making and checking them.

mod delegation;
mod error;
mod key;
mod verify;

pub use self::delegation::{
    DelegationError, ProtocolSignature, SessionSignature, SignatureDelegation, ValidityPeriod,
    delegation_hash,
};
pub use self::error::{SignError, VerifyError};
pub use self::key::SigningKey;

use crate::fingerprint::Fingerprint;
use crate::spec::{SignatureFormat, SigningAlgorithm};

/// A signature and what its maker says about it; nothing of it is checked before
/// [`SigningPublicKey::verify`](crate::SigningPublicKey::verify).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    /// The signature itself, laid out as `format` says.
    pub bytes: Vec<u8>,
    /// How `bytes` are laid out.
    pub format: SignatureFormat,
    /// The key that made it.
    pub signed_by: Fingerprint,
    /// The algorithm that made it; `None` on signatures of old releases.
    pub algorithm: Option<SigningAlgorithm>,
}

impl Signature {
    /// A signature in the legacy format RAW, which did not say how the bytes are laid out (section 4.8): the
    /// format of the algorithm if that is known; else 64 bytes are R and S, anything else is DER.
    #[must_use]
    pub fn from_legacy(
        bytes: Vec<u8>,
        signed_by: Fingerprint,
        algorithm: Option<SigningAlgorithm>,
    ) -> Self {
        let format = match algorithm {
            Some(algorithm) => algorithm.format(),
            None if bytes.len() == 64 => SignatureFormat::Concat,
            None => SignatureFormat::Der,
        };
        Self {
            bytes,
            format,
            signed_by,
            algorithm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(length: usize, algorithm: Option<SigningAlgorithm>) -> SignatureFormat {
        Signature::from_legacy(vec![0; length], Fingerprint::from_bytes([0; 32]), algorithm).format
    }

    #[test]
    fn a_legacy_signature_has_the_format_of_its_algorithm() {
        assert_eq!(
            format(64, Some(SigningAlgorithm::Ed25519)),
            SignatureFormat::Concat
        );
        assert_eq!(
            format(64, Some(SigningAlgorithm::EcDsaSha256)),
            SignatureFormat::Der
        );
        assert_eq!(
            format(3309, Some(SigningAlgorithm::MlDsa65)),
            SignatureFormat::Der
        );
    }

    #[test]
    fn the_length_of_a_legacy_signature_without_algorithm_decides() {
        assert_eq!(format(64, None), SignatureFormat::Concat);
        assert_eq!(format(71, None), SignatureFormat::Der);
    }
}
