//! What an algorithm identifier says a key is.

use der::asn1::ObjectIdentifier;
use der::{AnyRef, Tag};
use spki::AlgorithmIdentifierRef;

use super::Curve;
use crate::key_error::KeyError;
use crate::spec::{EncryptionKeySpec, KeyPurpose, KeySpec, SigningKeySpec};

/// A family of keys, before its purpose is known: P-256 keys sign or decrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Ed25519,
    Ec(Curve),
    Rsa,
    MlDsa65,
}

/// RFC 8410.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// RFC 5480.
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// RFC 8017.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 9881.
const ML_DSA_65: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18");

impl KeyKind {
    pub(crate) fn of(spec: KeySpec) -> Self {
        match spec {
            KeySpec::Signing(SigningKeySpec::EcCurve25519) => Self::Ed25519,
            KeySpec::Signing(SigningKeySpec::EcP256)
            | KeySpec::Encryption(EncryptionKeySpec::EcP256) => Self::Ec(Curve::P256),
            KeySpec::Signing(SigningKeySpec::EcP384) => Self::Ec(Curve::P384),
            KeySpec::Signing(SigningKeySpec::EcSecp256k1) => Self::Ec(Curve::Secp256k1),
            KeySpec::Signing(SigningKeySpec::MlDsa65) => Self::MlDsa65,
            KeySpec::Encryption(EncryptionKeySpec::Rsa2048) => Self::Rsa,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "Ed25519",
            Self::Ec(curve) => curve.name(),
            Self::Rsa => "RSA",
            Self::MlDsa65 => "ML-DSA-65",
        }
    }

    /// Reads an algorithm identifier, parameters included.
    pub(super) fn identify(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<Self, KeyError> {
        let parameters = algorithm.parameters;
        match algorithm.oid {
            ED25519 if parameters.is_none() => Ok(Self::Ed25519),
            ED25519 => Err(KeyError::AlgorithmParameters {
                algorithm: "Ed25519",
            }),
            ML_DSA_65 if parameters.is_none() => Ok(Self::MlDsa65),
            ML_DSA_65 => Err(KeyError::AlgorithmParameters {
                algorithm: "ML-DSA-65",
            }),
            RSA_ENCRYPTION if parameters.is_some_and(|value| value.is_null()) => Ok(Self::Rsa),
            RSA_ENCRYPTION => Err(KeyError::AlgorithmParameters { algorithm: "RSA" }),
            EC_PUBLIC_KEY => named_curve(parameters).map(Self::Ec),
            oid => Err(KeyError::UnsupportedAlgorithm {
                oid: oid.to_string(),
            }),
        }
    }

    /// The identifier that [`Self::identify`] reads back.
    pub(super) fn with_identifier<T>(
        self,
        encode: impl FnOnce(AlgorithmIdentifierRef<'_>) -> T,
    ) -> T {
        let bare = |oid| AlgorithmIdentifierRef {
            oid,
            parameters: None,
        };
        match self {
            Self::Ed25519 => encode(bare(ED25519)),
            Self::MlDsa65 => encode(bare(ML_DSA_65)),
            Self::Rsa => encode(AlgorithmIdentifierRef {
                oid: RSA_ENCRYPTION,
                parameters: Some(AnyRef::NULL),
            }),
            Self::Ec(curve) => {
                let oid = curve.oid();
                encode(AlgorithmIdentifierRef {
                    oid: EC_PUBLIC_KEY,
                    parameters: Some((&oid).into()),
                })
            }
        }
    }

    /// The spec of such a key when it serves `purpose`.
    pub(crate) fn spec_for(self, purpose: KeyPurpose) -> Result<KeySpec, KeyError> {
        match (purpose, self) {
            (KeyPurpose::Signing, Self::Ed25519) => Ok(SigningKeySpec::EcCurve25519.into()),
            (KeyPurpose::Signing, Self::Ec(Curve::P256)) => Ok(SigningKeySpec::EcP256.into()),
            (KeyPurpose::Signing, Self::Ec(Curve::P384)) => Ok(SigningKeySpec::EcP384.into()),
            (KeyPurpose::Signing, Self::Ec(Curve::Secp256k1)) => {
                Ok(SigningKeySpec::EcSecp256k1.into())
            }
            (KeyPurpose::Signing, Self::MlDsa65) => Ok(SigningKeySpec::MlDsa65.into()),
            (KeyPurpose::Encryption, Self::Ec(Curve::P256)) => Ok(EncryptionKeySpec::EcP256.into()),
            (KeyPurpose::Encryption, Self::Rsa) => Ok(EncryptionKeySpec::Rsa2048.into()),
            _ => Err(KeyError::PurposeMismatch {
                found: self.name(),
                purpose,
            }),
        }
    }

    /// Fails unless this is the kind of keys of `spec`.
    pub(crate) fn expect(self, spec: KeySpec) -> Result<(), KeyError> {
        if self == Self::of(spec) {
            Ok(())
        } else {
            Err(KeyError::SpecMismatch {
                declared: spec,
                found: self.name(),
            })
        }
    }
}

fn named_curve(parameters: Option<AnyRef<'_>>) -> Result<Curve, KeyError> {
    let parameters = parameters.ok_or(KeyError::AlgorithmParameters {
        algorithm: "elliptic curve",
    })?;
    match der::Tagged::tag(&parameters) {
        Tag::ObjectIdentifier => {
            let oid = parameters
                .decode_as::<ObjectIdentifier>()
                .map_err(|source| super::der_error("curve name", source))?;
            Curve::from_oid(oid).ok_or_else(|| KeyError::UnsupportedAlgorithm {
                oid: oid.to_string(),
            })
        }
        Tag::Sequence => Err(KeyError::ExplicitCurve),
        _ => Err(KeyError::AlgorithmParameters {
            algorithm: "elliptic curve",
        }),
    }
}
