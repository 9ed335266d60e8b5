//! The embedded key management system: wrapper and external keys in one protected key file.
//!
//! For a vault without a cloud KMS or HSM. All keys lie in a single file of mode 0600, sealed with AES-256-GCM under a
//! key that Argon2id derives from a passphrase ([`Protection::Passphrase`]). It plays both roles of a
//! [`KmsProvider`](strongroom_kms::KmsProvider) and keeps their rules as the cloud KMSs do: states, scheduled deletion,
//! automatic rotation, size limits, bound contexts. Key ids are `local:` and 32 random hexadecimal digits.
//!
//! What it is not: no separate machine. While it is open, its keys are in the memory of this process, and whoever has the
//! file and the passphrase has the keys. [`Protection::UnprotectedKeyFile`] has no passphrase at all: then **the file is
//! the secret**, and copies of it in backups and images are too.
//!
//! Every change is written durably before it is answered. The folder `<key file>.lock` beside the key file keeps
//! processes from writing at the same time.
//!
//! ```
//! use std::sync::Arc;
//! use strongroom_crypto::{Argon2Cost, SystemRandom, clock::SystemClock};
//! use strongroom_files::OsFiles;
//! use strongroom_kms::{KeyWrapper, WrapContext, WrapperKeyRequest};
//! use strongroom_kms_local::{LocalKms, Protection};
//! use strongroom_memory::SecretBytes;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("kms.key");
//! // At least `DEFAULT_COST` in real life; this one is cheap, for an example.
//! let cost = Argon2Cost { memory_kib: 64, iterations: 1, lanes: 1 };
//! let protection = Protection::Passphrase(SecretBytes::from_slice(b"correct horse"), cost);
//! let (files, random, clock) = (Arc::new(OsFiles::new()), Arc::new(SystemRandom), Arc::new(SystemClock));
//! let kms = LocalKms::create(files, path, &protection, random, clock)?;
//!
//! let wrapper_key = kms.generate_wrapper_key(&WrapperKeyRequest::default()).await?;
//! let context = WrapContext::for_data_key(&[1; 16], &[2; 16]);
//! let wrapped = kms.wrap_key(&wrapper_key, &context, &SecretBytes::from_slice(b"a data key")).await?;
//! assert_eq!(kms.unwrap_key(&wrapped, &context).await?, SecretBytes::from_slice(b"a data key"));
//! # Ok(()) }
//! ```

mod error;
mod key_file;
mod keyring;
mod local_kms;
mod protection;

pub use error::{Damage, LocalKmsError};
pub use keyring::{KeyKind, LocalKey};
pub use local_kms::{Description, LocalKms};
pub use protection::{DEFAULT_COST, Protection, ProtectionKind};
