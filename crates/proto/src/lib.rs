//! Wire formats of Canton and every conversion to and from them.
//!
//! Bytes from outside become types of `strongroom-crypto` here, checked, or an error that names the broken field.
//! [`v30`] holds the generated messages of package `com.digitalasset.canton.crypto.v30`, without those that carry
//! private keys: these exist only as bytes in wiped memory ([`SecretBytes`](strongroom_memory::SecretBytes)) and as
//! [`KeyPair`], and are read and written by hand.
//!
//! Names say what a function does: `encode_…` and `decode_…` make and take whole byte strings, wrapped in the version
//! envelope ([`versioned`]) unless they say otherwise; `read_…` takes a generated message apart; a generated message
//! is made with `From`.
//!
//! ```
//! use strongroom_crypto::{KeyPurpose, KeySpec, KeyUsage, KeyUsages, PrivateKey, SigningKeySpec, SystemRandom};
//! use strongroom_proto::{decode_key_pair, decode_stored_public_key, encode_key_pair, encode_stored_public_key};
//!
//! let private = PrivateKey::generate(KeySpec::Signing(SigningKeySpec::EcP256), &SystemRandom)?;
//! let public = private.public_key(Some(KeyUsages::try_new([KeyUsage::Protocol])?))?;
//!
//! let export = encode_key_pair(&private, &public)?;
//! // EXPOSE: what an importer reads.
//! let imported = decode_key_pair(export.expose())?;
//! assert_eq!(imported.public.fingerprint(), public.fingerprint());
//!
//! let row = encode_stored_public_key(&public);
//! assert_eq!(decode_stored_public_key(KeyPurpose::Signing, &row)?.key, public);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Source: reference, keys and schemes, sections 4, 5 and 9.

pub mod enums;
mod error;
mod import;
mod public_key;
mod secret;
mod signature;
pub mod tables;
pub mod topology;
mod usage;
pub mod v30;
pub mod versioned;
mod wire;

pub use error::ProtoError;
pub use import::{ImportedPublicKey, decode_public_key_for_import};
pub use public_key::{
    NamedPublicKey, decode_named_public_key, decode_public_key, decode_stored_public_key,
    encode_named_public_key, encode_public_key, encode_stored_public_key,
    read_encryption_public_key, read_named_public_key, read_public_key, read_signing_public_key,
};
pub use secret::{
    KeyPair, decode_encrypted_key_pair, decode_key_pair, decode_stored_private_key,
    decode_symmetric_key, encode_encrypted_key_pair, encode_key_pair, encode_stored_private_key,
    encode_symmetric_key,
};
pub use signature::{
    decode_asymmetric_encrypted, decode_protocol_signature, decode_signature,
    encode_asymmetric_encrypted, encode_protocol_signature, encode_signature,
    read_asymmetric_encrypted, read_protocol_signature, read_signature,
};
pub use usage::{read_key_usages, read_usages, usage_numbers};
pub use wire::WireError;
