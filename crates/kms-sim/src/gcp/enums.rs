//! Enumerations, which Google's JSON writes as names or, when a caller asks for it, as numbers.

use serde_json::{Value, json};

use super::error::GcpError;
use crate::keys::KeySpec;

/// How a caller wants enumerations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Names,
    Numbers,
}

/// An enumeration of the interface, with those of its values that the simulator has.
pub(super) trait ProtoEnum: Copy + PartialEq + 'static {
    /// What a refusal calls it.
    const FIELD: &'static str;
    /// Each value with its name and number.
    const VALUES: &'static [(Self, &'static str, u16)];

    fn name(self) -> &'static str {
        let mut values = Self::VALUES.iter();
        let found = values.find(|(value, ..)| *value == self);
        found.map_or("", |(_, name, _)| name)
    }

    fn value(self, encoding: Encoding) -> Value {
        let mut values = Self::VALUES.iter();
        match (encoding, values.find(|(value, ..)| *value == self)) {
            (Encoding::Numbers, Some((.., number))) => json!(number),
            _ => json!(self.name()),
        }
    }

    /// Reads a name or a number; what is not there or unspecified is none.
    fn read(value: Option<&Value>) -> Result<Option<Self>, GcpError> {
        let text = match value {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            // Query parameters are texts, also where they are numbers.
            Some(other) => other.to_string(),
        };
        if text == "0" || text.ends_with("_UNSPECIFIED") {
            return Ok(None);
        }
        let mut values = Self::VALUES.iter();
        let found = values.find(|(_, name, number)| text == *name || text == number.to_string());
        found.map(|(value, ..)| Some(*value)).ok_or_else(|| {
            let field = Self::FIELD;
            GcpError::invalid(format!(
                "The simulator has no {field} {text}, or there is none."
            ))
        })
    }
}

/// What a crypto key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    EncryptDecrypt,
    AsymmetricSign,
    AsymmetricDecrypt,
}

impl Purpose {
    /// The purpose of this kind of key.
    pub(super) const fn of(spec: KeySpec) -> Self {
        match spec {
            KeySpec::Symmetric => Self::EncryptDecrypt,
            KeySpec::Rsa2048 => Self::AsymmetricDecrypt,
            KeySpec::EcP256
            | KeySpec::EcP384
            | KeySpec::EcSecp256k1
            | KeySpec::Ed25519
            | KeySpec::MlDsa65 => Self::AsymmetricSign,
        }
    }
}

impl ProtoEnum for Purpose {
    const FIELD: &'static str = "purpose";
    const VALUES: &'static [(Self, &'static str, u16)] = &[
        (Self::EncryptDecrypt, "ENCRYPT_DECRYPT", 1),
        (Self::AsymmetricSign, "ASYMMETRIC_SIGN", 5),
        (Self::AsymmetricDecrypt, "ASYMMETRIC_DECRYPT", 6),
    ];
}

/// Where a key computes. The simulator only says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProtectionLevel {
    Software,
    Hsm,
}

impl ProtoEnum for ProtectionLevel {
    const FIELD: &'static str = "protection level";
    const VALUES: &'static [(Self, &'static str, u16)] =
        &[(Self::Software, "SOFTWARE", 1), (Self::Hsm, "HSM", 2)];
}

/// How material is wrapped for an import. Google has more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ImportMethod {
    RsaOaep3072Sha256Aes256,
    RsaOaep4096Sha256Aes256,
}

impl ProtoEnum for ImportMethod {
    const FIELD: &'static str = "import method";
    const VALUES: &'static [(Self, &'static str, u16)] = &[
        (
            Self::RsaOaep3072Sha256Aes256,
            "RSA_OAEP_3072_SHA256_AES_256",
            3,
        ),
        (
            Self::RsaOaep4096Sha256Aes256,
            "RSA_OAEP_4096_SHA256_AES_256",
            4,
        ),
    ];
}

/// The form of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PublicKeyFormat {
    Pem,
    Der,
    NistPqc,
}

impl ProtoEnum for PublicKeyFormat {
    const FIELD: &'static str = "public key format";
    const VALUES: &'static [(Self, &'static str, u16)] = &[
        (Self::Pem, "PEM", 1),
        (Self::Der, "DER", 2),
        (Self::NistPqc, "NIST_PQC", 3),
    ];
}

/// The algorithms: one for each kind of key.
impl ProtoEnum for KeySpec {
    const FIELD: &'static str = "algorithm";
    const VALUES: &'static [(Self, &'static str, u16)] = &[
        (Self::Symmetric, "GOOGLE_SYMMETRIC_ENCRYPTION", 1),
        (Self::Rsa2048, "RSA_DECRYPT_OAEP_2048_SHA256", 8),
        (Self::EcP256, "EC_SIGN_P256_SHA256", 12),
        (Self::EcP384, "EC_SIGN_P384_SHA384", 13),
        (Self::EcSecp256k1, "EC_SIGN_SECP256K1_SHA256", 31),
        (Self::Ed25519, "EC_SIGN_ED25519", 40),
        (Self::MlDsa65, "PQ_SIGN_ML_DSA_65", 56),
    ];
}
