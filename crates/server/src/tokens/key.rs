//! Keys that verify tokens. A key has one algorithm, whatever a token says.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use x509_cert::{
    Certificate,
    der::{Decode as _, Encode as _, asn1::ObjectIdentifier},
    spki::SubjectPublicKeyInfoOwned,
};

use super::error::{TokenError, TokenServiceError};

/// What a key does (RFC 7518, section 3.1, and RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
    Es384,
    Es512,
    EdDsa,
}

impl Algorithm {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Self::Es256 => &ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &ECDSA_P384_SHA384_FIXED,
            Self::Es512 => &ECDSA_P521_SHA512_FIXED,
            Self::EdDsa => &ED25519,
        }
    }

    /// What a key of this kind does.
    fn of(spki: &SubjectPublicKeyInfoOwned) -> Option<Self> {
        const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
        const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
        const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
        const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
        const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
        const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
        match spki.algorithm.oid {
            RSA => Some(Self::Rs256),
            ED25519 => Some(Self::EdDsa),
            EC => match spki.algorithm.parameters.as_ref()?.decode_as().ok()? {
                P256 => Some(Self::Es256),
                P384 => Some(Self::Es384),
                P521 => Some(Self::Es512),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A public key of a service of tokens.
pub struct TokenKey {
    algorithm: Algorithm,
    key: ParsedPublicKey,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({})", self.algorithm.name())
    }
}

impl TokenKey {
    /// The key of a certificate, or a public key, in PEM: the first that is there.
    ///
    /// # Errors
    /// [`TokenServiceError::Key`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, TokenServiceError> {
        let parse = || {
            let (label, der) = pem_rfc7468::decode_vec(first_block(pem)).ok()?;
            let spki = match label {
                "CERTIFICATE" => {
                    let certificate = Certificate::from_der(&der).ok()?;
                    certificate
                        .tbs_certificate()
                        .subject_public_key_info()
                        .clone()
                }
                "PUBLIC KEY" => SubjectPublicKeyInfoOwned::from_der(&der).ok()?,
                _ => return None,
            };
            Self::new(Algorithm::of(&spki)?, &spki.to_der().ok()?)
        };
        parse().ok_or(TokenServiceError::Key)
    }

    /// The key in the form that the algorithm has for it: with its kind (RFC 5280), or bare.
    pub(super) fn new(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        let key = ParsedPublicKey::new(algorithm.verification(), bytes).ok()?;
        Some(Self { algorithm, key })
    }

    pub(super) fn does(&self, algorithm: &str) -> bool {
        self.algorithm.name() == algorithm
    }

    pub(super) fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), TokenError> {
        self.key
            .verify_sig(signed, signature)
            .map_err(|_unspecified| TokenError::Signature)
    }
}

/// A file with a chain begins with the certificate that counts.
fn first_block(pem: &[u8]) -> &[u8] {
    const END: &[u8] = b"-----END ";
    let end = pem.windows(END.len()).position(|window| window == END);
    let Some(end) = end else { return pem };
    let rest = pem.get(end..).unwrap_or_default();
    let line = rest.iter().position(|&byte| byte == b'\n');
    match line {
        Some(line) => pem.get(..=end + line).unwrap_or(pem),
        None => pem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_for_tokens_is_refused() {
        let small = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n";
        for wrong in ["", "garbage", small] {
            assert!(TokenKey::from_pem(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
