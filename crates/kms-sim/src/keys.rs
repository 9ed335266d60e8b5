//! The keys of the simulated cloud, apart from any wire format: each face asks here, in the words of no cloud.
//!
//! A *family* is key material with its versions and rotation; it has one *regional key* for each region that it was
//! replicated to, with a state, tags and a description of its own. What a caller gets is a [`Key`], a picture of both at
//! one moment, with which it computes while others go on.

mod administration;
mod alias;
mod context;
mod error;
mod family;
mod import;
mod key;
mod material;
mod random_text;
mod ring;
mod rotation;
mod sealed;
mod secp256k1;
mod signatures;
mod spec;
mod store;
mod wrapping;

pub(crate) use administration::ReplicaRequest;
pub(crate) use context::context_bytes;
pub(crate) use error::KeyError;
pub(crate) use family::RotationCause;
pub(crate) use import::unwrapped;
pub(crate) use key::{Key, KeyState};
pub(crate) use material::RSA_MAX_PLAINTEXT;
pub(crate) use random_text::uuid;
pub(crate) use ring::{Keys, NewKey, Room, Source};
pub(crate) use sealed::SealedBy;
pub(crate) use signatures::Signed;
pub use spec::KeySpec;
pub(crate) use wrapping::{WrappingKey, WrappingSize};
