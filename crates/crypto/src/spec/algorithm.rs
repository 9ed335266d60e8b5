//! Algorithms and the formats of what they read and write.

use super::{EncryptionKeySpec, SigningKeySpec};

/// What turns a message and a signing key into a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SigningAlgorithm {
    /// Pure Ed25519 over the message (RFC 8032).
    Ed25519,
    /// ECDSA over the SHA-256 of the message (FIPS 186-5), on P-256 and secp256k1.
    EcDsaSha256,
    /// ECDSA over the SHA-384 of the message, on P-384.
    EcDsaSha384,
    /// ML-DSA-65 over the message with an empty context (FIPS 204).
    MlDsa65,
}

impl SigningAlgorithm {
    /// Every signing algorithm.
    pub const ALL: [Self; 4] = [
        Self::Ed25519,
        Self::EcDsaSha256,
        Self::EcDsaSha384,
        Self::MlDsa65,
    ];

    /// The name used in configuration: `ed-25519`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed-25519",
            Self::EcDsaSha256 => "ec-dsa-sha-256",
            Self::EcDsaSha384 => "ec-dsa-sha-384",
            Self::MlDsa65 => "ml-dsa-65",
        }
    }

    /// The only format of its signatures. ML-DSA is labelled DER although its signature is the bare
    /// 3309 bytes of FIPS 204.
    #[must_use]
    pub const fn format(self) -> SignatureFormat {
        match self {
            Self::Ed25519 => SignatureFormat::Concat,
            Self::EcDsaSha256 | Self::EcDsaSha384 | Self::MlDsa65 => SignatureFormat::Der,
        }
    }

    /// Whether it runs on keys of `spec`.
    #[must_use]
    pub const fn supports(self, spec: SigningKeySpec) -> bool {
        matches!(
            (self, spec),
            (Self::Ed25519, SigningKeySpec::EcCurve25519)
                | (
                    Self::EcDsaSha256,
                    SigningKeySpec::EcP256 | SigningKeySpec::EcSecp256k1
                )
                | (Self::EcDsaSha384, SigningKeySpec::EcP384)
                | (Self::MlDsa65, SigningKeySpec::MlDsa65)
        )
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::EcDsaSha256 => 1 << 1,
            Self::EcDsaSha384 => 1 << 2,
            Self::MlDsa65 => 1 << 3,
        }
    }
}

/// A set of signing algorithms that a caller allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SigningAlgorithms(u8);

impl SigningAlgorithms {
    /// Every algorithm.
    pub const ALL: Self = Self::of(&SigningAlgorithm::ALL);

    /// Every algorithm that is not experimental in Canton: all but ML-DSA-65.
    pub const STABLE: Self = Self::of(&[
        SigningAlgorithm::Ed25519,
        SigningAlgorithm::EcDsaSha256,
        SigningAlgorithm::EcDsaSha384,
    ]);

    /// The set of the given algorithms.
    #[must_use]
    pub const fn of(algorithms: &[SigningAlgorithm]) -> Self {
        let mut bits = 0;
        let mut rest = algorithms;
        while let [first, tail @ ..] = rest {
            bits |= first.bit();
            rest = tail;
        }
        Self(bits)
    }

    /// Whether `algorithm` is in the set.
    #[must_use]
    pub const fn contains(self, algorithm: SigningAlgorithm) -> bool {
        self.0 & algorithm.bit() != 0
    }

    /// The algorithms that are in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The algorithm of the set that runs on keys of `spec`; each spec has one algorithm.
    #[must_use]
    pub const fn for_spec(self, spec: SigningKeySpec) -> Option<SigningAlgorithm> {
        let algorithm = spec.algorithm();
        if self.contains(algorithm) {
            Some(algorithm)
        } else {
            None
        }
    }
}

/// What turns a message and an encryption key into a ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EncryptionAlgorithm {
    /// ECIES on P-256 as BouncyCastle's `ECIESwithSHA256andAES-CBC` computes it. There is no HKDF in it,
    /// whatever its name says: the key derivation is KDF2 of ISO 18033-2.
    EciesHkdfHmacSha256Aes128Cbc,
    /// RSA-OAEP with SHA-256, MGF1 with SHA-256 and an empty label (RFC 8017).
    RsaOaepSha256,
}

impl EncryptionAlgorithm {
    /// Every encryption algorithm.
    pub const ALL: [Self; 2] = [Self::EciesHkdfHmacSha256Aes128Cbc, Self::RsaOaepSha256];

    /// The name used in configuration: `rsa-oaep-sha-256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EciesHkdfHmacSha256Aes128Cbc => "ecies-hkdf-hmac-sha-256-aes-128-cbc",
            Self::RsaOaepSha256 => "rsa-oaep-sha-256",
        }
    }

    /// The number that stands for it in hashes, which is that of its message.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::EciesHkdfHmacSha256Aes128Cbc => 1,
            Self::RsaOaepSha256 => 2,
        }
    }

    /// The algorithm with this [number](Self::number).
    #[must_use]
    pub fn of_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.number() == number)
    }

    /// Whether it runs on keys of `spec`.
    #[must_use]
    pub const fn supports(self, spec: EncryptionKeySpec) -> bool {
        matches!(
            (self, spec),
            (
                Self::EciesHkdfHmacSha256Aes128Cbc,
                EncryptionKeySpec::EcP256
            ) | (Self::RsaOaepSha256, EncryptionKeySpec::Rsa2048)
        )
    }
}

/// How the bytes of a signature are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignatureFormat {
    /// `SEQUENCE { INTEGER r, INTEGER s }` in DER for ECDSA; the bare signature for ML-DSA.
    Der,
    /// R followed by S, 64 bytes (Ed25519).
    Concat,
}

impl SignatureFormat {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Der, Self::Concat];

    /// `der` or `concat`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Der => "der",
            Self::Concat => "concat",
        }
    }
}

/// How the bytes of a key are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyFormat {
    /// The bare bytes: 32 for either half of an Ed25519 key. Read, never written.
    Raw,
    /// What older releases called DER: the same bytes as the format that replaced it. Read, never written.
    LegacyDer,
    /// DER `SubjectPublicKeyInfo` (RFC 5280), for public keys.
    DerX509SubjectPublicKeyInfo,
    /// DER `PrivateKeyInfo` (RFC 5958), for private keys.
    DerPkcs8PrivateKeyInfo,
}

impl KeyFormat {
    /// A name for messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::LegacyDer => "legacy-der",
            Self::DerX509SubjectPublicKeyInfo => "der-x509-subject-public-key-info",
            Self::DerPkcs8PrivateKeyInfo => "der-pkcs8-private-key-info",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restricted_set_offers_no_algorithm_for_a_foreign_spec() {
        let only_ed25519 = SigningAlgorithms::of(&[SigningAlgorithm::Ed25519]);
        assert_eq!(
            only_ed25519.for_spec(SigningKeySpec::EcCurve25519),
            Some(SigningAlgorithm::Ed25519)
        );
        assert_eq!(only_ed25519.for_spec(SigningKeySpec::EcP256), None);
    }

    #[test]
    fn the_stable_set_lacks_ml_dsa_only() {
        for algorithm in SigningAlgorithm::ALL {
            assert!(SigningAlgorithms::ALL.contains(algorithm));
            assert_eq!(
                SigningAlgorithms::STABLE.contains(algorithm),
                algorithm != SigningAlgorithm::MlDsa65
            );
        }
    }

    #[test]
    fn an_algorithm_supports_only_its_own_specs() {
        assert!(SigningAlgorithm::EcDsaSha256.supports(SigningKeySpec::EcSecp256k1));
        assert!(!SigningAlgorithm::EcDsaSha256.supports(SigningKeySpec::EcP384));
        assert!(!EncryptionAlgorithm::RsaOaepSha256.supports(EncryptionKeySpec::EcP256));
    }
}
