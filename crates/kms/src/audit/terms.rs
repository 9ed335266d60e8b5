//! The words of a cloud for our specs (reference: kms, sections 4 and 5).

use strongroom_crypto::{EncryptionKeySpec, KeySpec, SigningKeySpec};

use crate::key_state::KeyState;

/// The words of one cloud.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) message_type: &'static str,
    pub(super) symmetric_scheme: &'static str,
    cloud: Cloud,
}

#[derive(Clone, Copy, Debug)]
enum Cloud {
    Aws,
    Gcp,
}

pub(super) const AWS: Terms = Terms {
    message_type: "RAW",
    symmetric_scheme: "SYMMETRIC_DEFAULT",
    cloud: Cloud::Aws,
};

pub(super) const GCP: Terms = Terms {
    message_type: "data",
    symmetric_scheme: "GOOGLE_SYMMETRIC_ENCRYPTION",
    cloud: Cloud::Gcp,
};

impl Terms {
    /// `spec`: `None` for a wrapper key.
    pub(super) const fn purpose(&self, spec: Option<KeySpec>) -> &'static str {
        match (self.cloud, spec) {
            (Cloud::Aws, Some(KeySpec::Signing(_))) => "SIGN_VERIFY",
            (Cloud::Gcp, Some(KeySpec::Signing(_))) => "ASYMMETRIC_SIGN",
            (Cloud::Gcp, Some(KeySpec::Encryption(_))) => "ASYMMETRIC_DECRYPT",
            (Cloud::Aws, Some(KeySpec::Encryption(_))) | (_, None) => "ENCRYPT_DECRYPT",
        }
    }

    /// `spec`: `None` for a wrapper key. What a cloud has no word for keeps our name.
    pub(super) const fn scheme(&self, spec: Option<KeySpec>) -> &'static str {
        match (self.cloud, spec) {
            (_, None) => self.symmetric_scheme,
            (Cloud::Aws, Some(KeySpec::Signing(spec))) => match spec {
                SigningKeySpec::EcP256 => "ECC_NIST_P256",
                SigningKeySpec::EcP384 => "ECC_NIST_P384",
                SigningKeySpec::EcSecp256k1 => "ECC_SECG_P256K1",
                SigningKeySpec::MlDsa65 => "ML_DSA_65",
                SigningKeySpec::EcCurve25519 => spec.name(),
            },
            (Cloud::Aws, Some(KeySpec::Encryption(spec))) => match spec {
                EncryptionKeySpec::Rsa2048 => "RSA_2048",
                EncryptionKeySpec::EcP256 => spec.name(),
            },
            (Cloud::Gcp, Some(KeySpec::Signing(spec))) => match spec {
                SigningKeySpec::EcCurve25519 => "EC_SIGN_ED25519",
                SigningKeySpec::EcP256 => "EC_SIGN_P256_SHA256",
                SigningKeySpec::EcP384 => "EC_SIGN_P384_SHA384",
                SigningKeySpec::EcSecp256k1 => "EC_SIGN_SECP256K1_SHA256",
                SigningKeySpec::MlDsa65 => "PQ_SIGN_ML_DSA_65",
            },
            (Cloud::Gcp, Some(KeySpec::Encryption(spec))) => match spec {
                EncryptionKeySpec::Rsa2048 => "RSA_DECRYPT_OAEP_2048_SHA256",
                EncryptionKeySpec::EcP256 => spec.name(),
            },
        }
    }

    /// GCP names an algorithm with the key; AWS has names of their own.
    pub(super) const fn signing_algorithm(&self, spec: Option<KeySpec>) -> &'static str {
        match (self.cloud, spec) {
            (Cloud::Aws, Some(KeySpec::Signing(spec))) => match spec {
                SigningKeySpec::EcP256 | SigningKeySpec::EcSecp256k1 => "ECDSA_SHA_256",
                SigningKeySpec::EcP384 => "ECDSA_SHA_384",
                SigningKeySpec::MlDsa65 => "ML_DSA_SHAKE_256",
                SigningKeySpec::EcCurve25519 => spec.name(),
            },
            _ => self.scheme(spec),
        }
    }

    /// `spec`: `None` for a wrapper key.
    pub(super) const fn encryption_algorithm(&self, spec: Option<KeySpec>) -> &'static str {
        match (self.cloud, spec) {
            (Cloud::Aws, Some(KeySpec::Encryption(EncryptionKeySpec::Rsa2048))) => {
                "RSAES_OAEP_SHA_256"
            }
            _ => self.scheme(spec),
        }
    }

    pub(super) const fn state(&self, state: KeyState) -> &'static str {
        match (self.cloud, state) {
            (Cloud::Aws, KeyState::Enabled) => "Enabled",
            (Cloud::Aws, KeyState::Disabled) => "Disabled",
            (Cloud::Aws, KeyState::PendingCreation) => "Creating",
            (Cloud::Aws, KeyState::PendingDeletion) => "PendingDeletion",
            (Cloud::Gcp, KeyState::Enabled) => "ENABLED",
            (Cloud::Gcp, KeyState::Disabled) => "DISABLED",
            (Cloud::Gcp, KeyState::PendingCreation) => "PENDING_GENERATION",
            (Cloud::Gcp, KeyState::PendingDeletion) => "DESTROY_SCHEDULED",
        }
    }
}
