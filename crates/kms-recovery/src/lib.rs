//! A way back when every KMS is lost: wraps under a public key whose private half is kept offline.
//!
//! [`RecoveryKms`] wraps with nothing but the public half, an age recipient, so that a rotation renews the wrap with nobody
//! present. It unwraps only while it has the private half, a [`RecoveryKey`], which otherwise lies in a safe: in a file behind
//! a passphrase, which every age program opens too, or as [`Share`]s of which some number together give it back (Shamir).
//!
//! What it is not: no KMS that a vault could live on. Whoever has the private half and the database has every key in it that
//! no KMS holds.
//!
//! ```
//! use strongroom_kms::{KeyWrapper, WrapContext};
//! use strongroom_kms_recovery::{RecoveryKey, RecoveryKms};
//! use strongroom_memory::SecretBytes;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let private = RecoveryKey::generate();
//! let everyday = RecoveryKms::offline(private.recipient());
//! let context = WrapContext::for_data_key(&[1; 16], &[2; 16]);
//! let secret = SecretBytes::from_slice(b"a data key");
//! let wrapped = everyday.wrap_key(&everyday.key_id()?, &context, &secret).await?;
//! assert!(everyday.unwrap_key(&wrapped, &context).await.is_err());
//!
//! let emergency = RecoveryKms::with_key(private.recipient(), private)?;
//! assert_eq!(emergency.unwrap_key(&wrapped, &context).await?, secret);
//! # Ok(()) }
//! ```

mod error;
mod read;
mod recipient;
mod recovery_key;
mod recovery_kms;
mod share;
mod sharing;

pub use error::RecoveryError;
pub use recipient::Recipient;
pub use recovery_key::RecoveryKey;
pub use recovery_kms::RecoveryKms;
pub use share::Share;
