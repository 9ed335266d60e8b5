//! AWS KMS: wrapper keys and external keys in the Amazon cloud.
//!
//! [`AwsKms`] plays both roles of a [`KmsProvider`](strongroom_kms::KmsProvider):
//!
//! * wrapper keys are symmetric keys (`SYMMETRIC_DEFAULT`); a wrap is bound by the encryption context, and rewrapping happens
//!   inside the KMS (`ReEncrypt`);
//! * external keys sign on P-256, P-384, secp256k1, Ed25519 and ML-DSA-65 over the message itself (`RAW`), and decrypt
//!   RSA-2048 (OAEP with SHA-256).
//!
//! A key is named by its id, its ARN, the name of an alias or the alias's ARN, as the operator gives it; keys that are made
//! here are named by their id. A deletion is scheduled for seven days later, as Canton does it.
//!
//! Credentials come from the standard chain of AWS (environment, profile, web identity, container, instance) and from
//! nowhere else; only a simulator on this very machine is talked to without real ones ([`Credentials::Rehearsal`]). The
//! client neither retries nor times out: what surrounds any provider does.
//!
//! What is secret passes through buffers of the AWS client that are freed without being wiped: the client offers no others.
//! They hold a data key for the moment of a wrap or an unwrap, never a private key in custody `external`.
//!
//! ```no_run
//! use strongroom_kms::{KeyWrapper, WrapContext, WrapperKeyRequest};
//! use strongroom_kms_aws::{AwsKms, AwsKmsSettings};
//! use strongroom_memory::SecretBytes;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = AwsKmsSettings { region: Some("eu-central-1".to_owned()), ..AwsKmsSettings::default() };
//! let kms = AwsKms::connect(settings).await?;
//! let wrapper_key = kms.generate_wrapper_key(&WrapperKeyRequest::default()).await?;
//! let context = WrapContext::for_data_key(&[1; 16], &[2; 16]);
//! let wrapped = kms.wrap_key(&wrapper_key, &context, &SecretBytes::from_slice(&[7; 32])).await?;
//! # Ok(()) }
//! ```
//!
//! Source: reference, kms, section 4; AWS Key Management Service API Reference.

mod error;
mod external_keys;
mod import;
mod key_wrapper;
mod plain_text;
mod provider;
mod refusal;
mod request_id;
mod settings;
mod specs;
mod tagged;
mod tags;
mod young;

pub use error::AwsKmsError;
pub use provider::AwsKms;
pub use settings::{AwsKmsSettings, Credentials, Repetitions};
