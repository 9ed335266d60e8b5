//! Google Cloud KMS: wrapper keys and external keys in the Google cloud.
//!
//! [`GcpKms`] plays both roles of a [`KmsProvider`](strongroom_kms::KmsProvider):
//!
//! * wrapper keys are symmetric keys (`ENCRYPT_DECRYPT`); a wrap is bound by the additional authenticated data. Google has no
//!   operation that rewraps, so that happens here;
//! * external keys sign on P-256, P-384, secp256k1, Ed25519 and ML-DSA-65 over the message itself (`data`), and decrypt
//!   RSA-2048 (OAEP with SHA-256).
//!
//! # Names
//!
//! A key is named by its resource name, `projects/P/locations/L/keyRings/R/cryptoKeys/K`, also in other projects and rings, or
//! by the last part of it in the configured ring. A private key is one *version* of a crypto key, and its id says which:
//! `…/cryptoKeys/K/cryptoKeyVersions/N`. A name without a version is completed where one version only can be meant; whoever
//! stores it asks [`GcpKms::external_key`] first, since tomorrow there may be two. A wrapper key needs no version: its primary
//! version encrypts, and each ciphertext tells by itself which one made it.
//!
//! # What is checked
//!
//! Each request carries the CRC-32C of its bytes, and Google must say that it found the same; each answer must have that of its
//! bytes, and name the key that was asked for. A deletion destroys one version after the time that the key says (30 days unless
//! somebody changed that), and spares the others.
//!
//! Credentials are the Application Default Credentials of Google, and nothing else; only a simulator on this very machine is
//! talked to without real ones ([`Credentials::Rehearsal`]). Access tokens travel inside of TLS, or on this machine. The client
//! neither retries nor times out: what surrounds any provider does.
//!
//! What is secret passes through buffers of the client that are freed without being wiped: the client offers no others. They
//! hold a data key for the moment of a wrap or an unwrap, never a private key in custody `external`.
//!
//! ```no_run
//! use std::sync::Arc;
//! use strongroom_crypto::SystemRandom;
//! use strongroom_kms::{KeyWrapper, WrapContext, WrapperKeyRequest};
//! use strongroom_kms_gcp::{GcpKms, GcpKmsSettings};
//! use strongroom_memory::SecretBytes;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = GcpKmsSettings::new("ledger-prod", "europe-west3", "vaults");
//! let kms = GcpKms::connect(settings, Arc::new(SystemRandom)).await?;
//! let wrapper_key = kms.generate_wrapper_key(&WrapperKeyRequest::default()).await?;
//! let context = WrapContext::for_data_key(&[1; 16], &[2; 16]);
//! let wrapped = kms.wrap_key(&wrapper_key, &context, &SecretBytes::from_slice(&[7; 32])).await?;
//! # Ok(()) }
//! ```
//!
//! Source: reference, kms, section 5; the service definition `google.cloud.kms.v1`.

mod checksums;
mod error;
mod explained;
mod external_keys;
mod import;
mod key_wrapper;
mod names;
mod provider;
mod refusal;
mod settings;
mod specs;
mod tagged;
mod tags;
#[cfg(test)]
mod tampered;
mod versions;

pub use error::GcpKmsError;
pub use provider::GcpKms;
pub use settings::{Credentials, GcpKmsSettings, ProtectionLevel};
