//! What a key is made of and which algorithm runs on it.
//!
//! Names follow the configuration of Canton (reference: keys-and-schemes, sections 4.1, 4.6 and 13).
//!
//! None of these enums is `#[non_exhaustive]`: a new spec or algorithm must break every `match` of the workspace,
//! so that somebody decides about it in storage, in the messages and in each KMS.

mod algorithm;
mod parse;

use std::fmt;

pub use self::algorithm::{
    EncryptionAlgorithm, KeyFormat, SignatureFormat, SigningAlgorithm, SigningAlgorithms,
};
pub use self::parse::SpecError;

/// What a key is for; fixed for its whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyPurpose {
    /// Signs and verifies.
    Signing,
    /// Encrypts and decrypts.
    Encryption,
}

impl KeyPurpose {
    /// Both purposes.
    pub const ALL: [Self; 2] = [Self::Signing, Self::Encryption];

    /// `signing` or `encryption`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::Encryption => "encryption",
        }
    }
}

/// Curve or parameter set of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SigningKeySpec {
    /// Ed25519 (RFC 8032).
    EcCurve25519,
    /// NIST P-256, also called secp256r1.
    EcP256,
    /// NIST P-384, also called secp384r1.
    EcP384,
    /// secp256k1 (SEC 2).
    EcSecp256k1,
    /// ML-DSA-65 (FIPS 204); experimental in Canton.
    MlDsa65,
}

impl SigningKeySpec {
    /// Every signing key spec.
    pub const ALL: [Self; 5] = [
        Self::EcCurve25519,
        Self::EcP256,
        Self::EcP384,
        Self::EcSecp256k1,
        Self::MlDsa65,
    ];

    /// The name used in configuration, output and storage: `ec-curve-25519`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcCurve25519 => "ec-curve-25519",
            Self::EcP256 => "ec-p-256",
            Self::EcP384 => "ec-p-384",
            Self::EcSecp256k1 => "ec-secp-256k-1",
            Self::MlDsa65 => "ml-dsa-65",
        }
    }

    /// The number in Canton's messages, which also enters hashes.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::EcCurve25519 => 1,
            Self::EcP256 => 2,
            Self::EcP384 => 3,
            Self::EcSecp256k1 => 4,
            Self::MlDsa65 => 5,
        }
    }

    /// The only algorithm that runs on this spec.
    #[must_use]
    pub const fn algorithm(self) -> SigningAlgorithm {
        match self {
            Self::EcCurve25519 => SigningAlgorithm::Ed25519,
            Self::EcP256 | Self::EcSecp256k1 => SigningAlgorithm::EcDsaSha256,
            Self::EcP384 => SigningAlgorithm::EcDsaSha384,
            Self::MlDsa65 => SigningAlgorithm::MlDsa65,
        }
    }

    /// How many bytes a signature has at most. DER writes two numbers of the curve's length, each perhaps with a zero in front.
    #[must_use]
    pub const fn longest_signature(self) -> usize {
        match self {
            Self::EcCurve25519 => 64,
            Self::EcP256 | Self::EcSecp256k1 => 72,
            Self::EcP384 => 104,
            Self::MlDsa65 => 3309,
        }
    }

    /// Whether Canton offers the spec only after it was told to (`crypto.enable-experimental`).
    #[must_use]
    pub const fn is_experimental(self) -> bool {
        matches!(self, Self::MlDsa65)
    }
}

/// Curve or size of an encryption key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EncryptionKeySpec {
    /// NIST P-256, for ECIES.
    EcP256,
    /// RSA with a modulus of exactly 2048 bits and the exponent 65537, for OAEP.
    Rsa2048,
}

impl EncryptionKeySpec {
    /// Every encryption key spec.
    pub const ALL: [Self; 2] = [Self::EcP256, Self::Rsa2048];

    /// The name used in configuration, output and storage: `ec-p-256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcP256 => "ec-p-256",
            Self::Rsa2048 => "rsa-2048",
        }
    }

    /// The only algorithm that runs on this spec.
    #[must_use]
    pub const fn algorithm(self) -> EncryptionAlgorithm {
        match self {
            Self::EcP256 => EncryptionAlgorithm::EciesHkdfHmacSha256Aes128Cbc,
            Self::Rsa2048 => EncryptionAlgorithm::RsaOaepSha256,
        }
    }
}

/// The spec of a key together with its purpose: P-256 exists for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeySpec {
    /// A key that signs.
    Signing(SigningKeySpec),
    /// A key that decrypts.
    Encryption(EncryptionKeySpec),
}

impl KeySpec {
    /// Every spec, signing first.
    pub const ALL: [Self; 7] = [
        Self::Signing(SigningKeySpec::EcCurve25519),
        Self::Signing(SigningKeySpec::EcP256),
        Self::Signing(SigningKeySpec::EcP384),
        Self::Signing(SigningKeySpec::EcSecp256k1),
        Self::Signing(SigningKeySpec::MlDsa65),
        Self::Encryption(EncryptionKeySpec::EcP256),
        Self::Encryption(EncryptionKeySpec::Rsa2048),
    ];

    /// What keys of this spec are for.
    #[must_use]
    pub const fn purpose(self) -> KeyPurpose {
        match self {
            Self::Signing(_) => KeyPurpose::Signing,
            Self::Encryption(_) => KeyPurpose::Encryption,
        }
    }

    /// The name without the purpose; `ec-p-256` names a spec of either purpose.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signing(spec) => spec.name(),
            Self::Encryption(spec) => spec.name(),
        }
    }
}

impl From<SigningKeySpec> for KeySpec {
    fn from(spec: SigningKeySpec) -> Self {
        Self::Signing(spec)
    }
}

impl From<EncryptionKeySpec> for KeySpec {
    fn from(spec: EncryptionKeySpec) -> Self {
        Self::Encryption(spec)
    }
}

/// Displays the stable names of the given types.
macro_rules! display_name {
    ($($type:ty),+) => {
        $(impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        })+
    };
}

display_name!(
    KeyPurpose,
    SigningKeySpec,
    EncryptionKeySpec,
    KeySpec,
    SigningAlgorithm,
    EncryptionAlgorithm,
    SignatureFormat,
    KeyFormat
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_specs_list_every_spec_of_both_purposes_once() {
        let signing = SigningKeySpec::ALL.map(KeySpec::from);
        let encryption = EncryptionKeySpec::ALL.map(KeySpec::from);
        let both: Vec<_> = signing.into_iter().chain(encryption).collect();
        assert_eq!(KeySpec::ALL.as_slice(), both);
    }

    #[test]
    fn every_spec_has_an_algorithm_that_supports_it() {
        for spec in SigningKeySpec::ALL {
            assert!(spec.algorithm().supports(spec), "{spec}");
        }
        for spec in EncryptionKeySpec::ALL {
            assert!(spec.algorithm().supports(spec), "{spec}");
        }
    }

    #[test]
    fn only_the_post_quantum_spec_is_experimental() {
        let experimental: Vec<_> = SigningKeySpec::ALL
            .into_iter()
            .filter(|spec| spec.is_experimental())
            .collect();
        assert_eq!(experimental, [SigningKeySpec::MlDsa65]);
    }
}
