//! Encryption for the owner of a key pair.

mod asymmetric_encrypted;
mod decryption_key;
mod deterministic;
mod ecies;
mod error;
mod public_key;
mod rsa_oaep;

pub use asymmetric_encrypted::AsymmetricEncrypted;
pub use decryption_key::DecryptionKey;
pub use error::{DecryptError, EncryptError};
pub use public_key::EncryptionPublicKey;
