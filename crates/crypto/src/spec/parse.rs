//! Names of specs and purposes, as people and configurations write them.

use std::str::FromStr;

use strongroom_errors::{Category, Coded, ErrorCode};

use super::{EncryptionKeySpec, KeyPurpose, KeySpec, SigningKeySpec};

/// A name that stands for no spec or purpose.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// No signing key spec has this name.
    #[error(
        "there is no signing key spec {name:?}; valid are {}",
        valid_signing_names()
    )]
    UnknownSigningSpec {
        /// What was given.
        name: String,
    },
    /// No encryption key spec has this name.
    #[error(
        "there is no encryption key spec {name:?}; valid are {}",
        valid_encryption_names()
    )]
    UnknownEncryptionSpec {
        /// What was given.
        name: String,
    },
    /// No key purpose has this name.
    #[error("there is no key purpose {name:?}; valid are signing and encryption")]
    UnknownPurpose {
        /// What was given.
        name: String,
    },
}

impl SpecError {
    /// Every code of this type.
    pub const CODES: &'static [ErrorCode] = &[Self::SPEC, Self::PURPOSE];

    const SPEC: ErrorCode = ErrorCode::new(
        "KEY_SPEC_UNKNOWN",
        Category::InvalidRequest,
        "Use one of the listed names; common names such as ed25519, p256, secp256k1 and rsa2048 work too.",
    );
    const PURPOSE: ErrorCode = ErrorCode::new(
        "KEY_PURPOSE_UNKNOWN",
        Category::InvalidRequest,
        "Use signing or encryption.",
    );
}

impl Coded for SpecError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownSigningSpec { .. } | Self::UnknownEncryptionSpec { .. } => Self::SPEC,
            Self::UnknownPurpose { .. } => Self::PURPOSE,
        }
    }
}

impl KeySpec {
    /// The spec of the given purpose that is called `name`; see [`SigningKeySpec::from_str`].
    ///
    /// # Errors
    /// [`SpecError`] listing the valid names.
    pub fn parse(purpose: KeyPurpose, name: &str) -> Result<Self, SpecError> {
        match purpose {
            KeyPurpose::Signing => name.parse().map(Self::Signing),
            KeyPurpose::Encryption => name.parse().map(Self::Encryption),
        }
    }
}

impl FromStr for KeyPurpose {
    type Err = SpecError;

    fn from_str(name: &str) -> Result<Self, SpecError> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.name() == name)
            .ok_or_else(|| SpecError::UnknownPurpose {
                name: name.to_owned(),
            })
    }
}

impl FromStr for SigningKeySpec {
    type Err = SpecError;

    /// Takes the stable names and the common ones, in any case and with or without separators: `ed25519`,
    /// `P-256`, `secp256r1`, `secp384r1`, `secp256k1`, `mldsa65`.
    fn from_str(name: &str) -> Result<Self, SpecError> {
        match plain(name).as_str() {
            "eccurve25519" | "ed25519" | "curve25519" => Ok(Self::EcCurve25519),
            "ecp256" | "p256" | "secp256r1" | "prime256v1" => Ok(Self::EcP256),
            "ecp384" | "p384" | "secp384r1" => Ok(Self::EcP384),
            "ecsecp256k1" | "secp256k1" => Ok(Self::EcSecp256k1),
            "mldsa65" => Ok(Self::MlDsa65),
            _ => Err(SpecError::UnknownSigningSpec {
                name: name.to_owned(),
            }),
        }
    }
}

impl FromStr for EncryptionKeySpec {
    type Err = SpecError;

    /// Takes the stable names and the common ones: `p256`, `secp256r1`, `rsa2048`.
    fn from_str(name: &str) -> Result<Self, SpecError> {
        match plain(name).as_str() {
            "ecp256" | "p256" | "secp256r1" | "prime256v1" => Ok(Self::EcP256),
            "rsa2048" => Ok(Self::Rsa2048),
            _ => Err(SpecError::UnknownEncryptionSpec {
                name: name.to_owned(),
            }),
        }
    }
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

fn valid_signing_names() -> String {
    SigningKeySpec::ALL.map(SigningKeySpec::name).join(", ")
}

fn valid_encryption_names() -> String {
    EncryptionKeySpec::ALL
        .map(EncryptionKeySpec::name)
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spec_and_purpose_parses_from_its_own_name() {
        for spec in KeySpec::ALL {
            assert_eq!(KeySpec::parse(spec.purpose(), spec.name()), Ok(spec));
        }
        for purpose in KeyPurpose::ALL {
            assert_eq!(purpose.name().parse(), Ok(purpose));
        }
    }

    #[test]
    fn common_names_of_specs_are_understood() {
        let signing = [
            ("ed25519", SigningKeySpec::EcCurve25519),
            ("Ed25519", SigningKeySpec::EcCurve25519),
            ("EC_P256", SigningKeySpec::EcP256),
            ("p256", SigningKeySpec::EcP256),
            ("P-256", SigningKeySpec::EcP256),
            ("p384", SigningKeySpec::EcP384),
            ("secp256k1", SigningKeySpec::EcSecp256k1),
            ("ML-DSA-65", SigningKeySpec::MlDsa65),
        ];
        for (name, spec) in signing {
            assert_eq!(name.parse(), Ok(spec), "{name}");
        }
        assert_eq!("rsa2048".parse(), Ok(EncryptionKeySpec::Rsa2048));
        assert_eq!("RSA-2048".parse(), Ok(EncryptionKeySpec::Rsa2048));
    }

    #[test]
    fn an_unknown_spec_names_the_valid_ones() {
        let error = "rsa-4096".parse::<EncryptionKeySpec>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"there is no encryption key spec "rsa-4096"; valid are ec-p-256, rsa-2048"#
        );
        assert_eq!(error.code().name(), "KEY_SPEC_UNKNOWN");
        assert!(
            "rsa-2048"
                .parse::<SigningKeySpec>()
                .unwrap_err()
                .to_string()
                .contains("ec-secp-256k-1")
        );
    }
}
