//! A key management system in a PKCS#11 token: a hardware security module, a smart card, or software that acts as one.
//!
//! [`Pkcs11Kms`] plays both roles of a [`KmsProvider`](strongroom_kms::KmsProvider) as far as the token can, which is tried
//! out at opening with keys that vanish again: mechanism lists promise more than tokens keep.
//!
//! * Wrapper keys are AES-256 keys that wrap with AES-GCM, the wrap context being the additional data.
//! * External keys sign on P-256, P-384, secp256k1 or Ed25519, and decrypt RSA-OAEP with SHA-256.
//!
//! All are made inside of the token, sensitive, private and non-extractable, usable for nothing else; the token is asked
//! whether it really made them so. Key ids are `pkcs11:` and 32 random hexadecimal digits, the CKA_ID of the objects (with
//! the number of the version behind it for wrapper keys). Only keys that were made through this crate are known to it.
//!
//! # What a token does not do by itself
//!
//! PKCS#11 has no tags, no key that is switched off, no deletion that can be cancelled, and no rotation. They are kept in a
//! *record*: a private data object of the application `strongroom` whose label is the id of the key. What it says binds this
//! program in every process, but not the token: **whoever has the PIN can use a disabled key with another program**, and
//! change records. Take the PIN away, or delete the key, where that matters.
//!
//! * Use relies on a record for [`Settings::state_window`] before it is read again; asking for a state always reads it.
//! * A rotation adds an AES key; a wrap names the version that made it, and old versions go on unwrapping.
//! * [`delete_key`](strongroom_kms::ExternalKeys::delete_key) destroys at once. A wrapper key is only destroyed by
//!   [`Pkcs11Kms::purge_deleted_keys`], after a deletion that was scheduled and not cancelled.
//! * Records of one key are replaced one after the other within a process. Administer a token from one process at a time:
//!   of two changes of one key at the very same time, one may be lost.
//!
//! # Sessions
//!
//! At most [`Settings::sessions`] calls run at once, each on a thread that may block. When the token logged us out, was
//! unplugged, or its library was finalized, sessions are opened anew and the PIN is given again; only what may be done twice
//! is then done again. A refused PIN is never given again by itself, since tokens lock themselves.
//!
//! The library is loaded into this process, initialized once, and never finalized or unloaded. A login holds for the whole
//! process: other code in it that uses the same token must not log out or finalize the library.
//!
//! ```no_run
//! use std::sync::Arc;
//! use strongroom_crypto::{SystemRandom, clock::SystemClock};
//! use strongroom_kms::{KeyWrapper, WrapContext, WrapperKeyRequest};
//! use strongroom_kms_pkcs11::{Pkcs11Kms, Settings, TokenName};
//! use strongroom_memory::SecretBytes;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (token, pin) = (TokenName::Label("vault".to_owned()), SecretBytes::from_slice(b"1234"));
//! let settings = Settings::new("/usr/lib/softhsm/libsofthsm2.so", token, pin);
//! let kms = Pkcs11Kms::open(settings, Arc::new(SystemRandom), Arc::new(SystemClock))?;
//!
//! let wrapper_key = kms.generate_wrapper_key(&WrapperKeyRequest::default()).await?;
//! let context = WrapContext::for_data_key(&[1; 16], &[2; 16]);
//! let wrapped = kms.wrap_key(&wrapper_key, &context, &SecretBytes::from_slice(b"a data key")).await?;
//! assert_eq!(kms.unwrap_key(&wrapped, &context).await?, SecretBytes::from_slice(b"a data key"));
//! # Ok(()) }
//! ```

mod error;
mod fault;
mod key_id;
mod known;
mod module;
mod objects;
mod pkcs11_kms;
mod pool;
mod record;
mod settings;
mod soft_token;
mod templates;
mod token;

pub use error::Pkcs11Error;
pub use pkcs11_kms::{Pkcs11Kms, TokenKey};
pub use record::KeyKind;
pub use settings::{DEFAULT_SESSIONS, DEFAULT_STATE_WINDOW, Settings, TokenName};
pub use soft_token::make_soft_token;
