//! Keys, fingerprints, signatures, encryption and hashes of ledger nodes.
//!
//! Pure: no I/O, no async, no Protocol Buffers; time and randomness are arguments. Primitives come from AWS-LC
//! (`aws-lc-rs`), secp256k1 from `k256`; this crate assembles the formats that Canton defines.
//!
//! It stores nothing, knows no KMS and speaks to nobody; it also does not know who may use which key, beyond the
//! usages that a key carries.
//!
//! ```
//! use strongroom_crypto::{KeyUsage, KeyUsages, PrivateKey, SigningKey, SigningKeySpec, SystemRandom};
//!
//! let private = PrivateKey::generate(SigningKeySpec::EcCurve25519.into(), &SystemRandom)?;
//! let public = private.signing_public_key(KeyUsages::try_new([KeyUsage::Protocol])?)?;
//! let key = SigningKey::new(&private, &public)?;
//!
//! let allowed = KeyUsages::only(KeyUsage::Protocol);
//! let signature = key.sign(b"message", allowed)?;
//! public.verify(b"message", &signature, allowed)?;
//! assert!(public.verify(b"messages", &signature, allowed).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod clock;
mod data_key;
pub mod encoding;
mod encryption;
mod fingerprint;
mod formats;
mod hash;
mod hash_builder;
mod hash_purpose;
mod hmac;
mod jwk;
mod key_error;
mod key_wrap;
mod name;
mod password;
mod payload;
mod private_key;
mod public_key;
mod random;
mod secp256k1;
mod signing;
mod spec;
mod symmetric;
mod time;
mod usage;

pub use fingerprint::{Fingerprint, FingerprintError};
pub use formats::{Migrated, spki_of_key_bits};
pub use jwk::{Jwk, thumbprint};
pub use key_error::KeyError;
pub use key_wrap::{OaepHash, WrappingKey};
pub use name::{KeyName, NameError};
pub use private_key::PrivateKey;
pub use public_key::{PublicKey, SigningPublicKey};
pub use signing::{
    DelegationError, ProtocolSignature, SessionSignature, SignError, Signature,
    SignatureDelegation, SigningKey, ValidityPeriod, VerifyError, delegation_hash,
};
pub use spec::{
    EncryptionAlgorithm, EncryptionKeySpec, KeyFormat, KeyPurpose, KeySpec, SignatureFormat,
    SigningAlgorithm, SigningAlgorithms, SigningKeySpec, SpecError,
};
pub use usage::{KeyUsage, KeyUsages, UsageError};

pub use data_key::{DataKey, MacKey};
pub use encryption::{
    AsymmetricEncrypted, DecryptError, DecryptionKey, EncryptError, EncryptionPublicKey,
};
pub use hash::{Hash, HashError};
pub use hash_builder::HashBuilder;
pub use hash_purpose::HashPurpose;
pub use hmac::{SecretLengthError, hmac_sha256};
pub use password::{
    Argon2Cost, PasswordError, PasswordSealed, derive_key, open_with_password, seal_with_password,
};
pub use payload::{
    FrontReader, MAX_PAYLOAD_RECIPIENTS, NewPayload, PAYLOAD_CHUNK_LEN, PayloadDraft, PayloadError,
    PayloadFront, PayloadHeader, PayloadOpener, PayloadPurpose, PayloadSealer, is_payload,
};
pub use random::{Random, RandomError, SystemRandom};
pub use strongroom_memory::SecretBytes;
pub use symmetric::{OpenError, SealError, SymmetricKey};
pub use time::Timestamp;
