//! Kinds of keys.

use serde::Serialize;

/// The kinds of keys that the simulator holds; each does one thing only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum KeySpec {
    /// AES-256-GCM; encrypts, decrypts, rotates.
    Symmetric,
    /// ECDSA on P-256 over SHA-256; signs.
    EcP256,
    /// ECDSA on P-384 over SHA-384; signs.
    EcP384,
    /// ECDSA on secp256k1 over SHA-256; signs.
    EcSecp256k1,
    /// Ed25519 of RFC 8032; signs.
    Ed25519,
    /// ML-DSA-65 of FIPS 204; signs.
    MlDsa65,
    /// RSA with 2048 bits and OAEP; decrypts what was encrypted to it.
    Rsa2048,
}

impl KeySpec {
    /// Whether it signs; otherwise it encrypts.
    #[must_use]
    pub const fn signs(self) -> bool {
        !matches!(self, Self::Symmetric | Self::Rsa2048)
    }
}
