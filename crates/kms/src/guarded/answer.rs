//! What a policy knows of an answer.

use strongroom_crypto::{KeySpec, Timestamp};
use strongroom_memory::SecretBytes;

use crate::external_keys::ExternalPublicKey;
use crate::key_id::KmsKeyId;
use crate::key_state::KeyState;
use crate::key_wrapper::WrappedKey;

/// What a KMS answers. A policy passes it on and sees no more of it than its [`Facts`].
pub trait Answer: Send + 'static {
    /// What may be known and written down. Nothing of a payload.
    fn facts(&self) -> Facts;
}

/// What may be known of an answer: no field can hold a plaintext, a ciphertext, a signature or a public key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The key that the answer names: one that was created, or that wrapped.
    pub key: Option<KmsKeyId>,
    /// The spec of the key that the answer describes.
    pub spec: Option<KeySpec>,
    /// The state of the key.
    pub state: Option<KeyState>,
}

impl Answer for KmsKeyId {
    fn facts(&self) -> Facts {
        Facts {
            key: Some(self.clone()),
            ..Facts::default()
        }
    }
}

impl Answer for KeyState {
    fn facts(&self) -> Facts {
        Facts {
            state: Some(*self),
            ..Facts::default()
        }
    }
}

impl Answer for WrappedKey {
    fn facts(&self) -> Facts {
        self.wrapper_key_id.facts()
    }
}

impl Answer for ExternalPublicKey {
    fn facts(&self) -> Facts {
        Facts {
            spec: Some(self.spec),
            ..Facts::default()
        }
    }
}

/// An unwrapped key or a decrypted message: nothing of it is a fact.
impl Answer for SecretBytes {
    fn facts(&self) -> Facts {
        Facts::default()
    }
}

/// A signature.
impl Answer for Vec<u8> {
    fn facts(&self) -> Facts {
        Facts::default()
    }
}

/// When something was done, if it ever was.
impl Answer for Option<Timestamp> {
    fn facts(&self) -> Facts {
        Facts::default()
    }
}

/// The value of a tag, if there is one.
impl Answer for Option<String> {
    fn facts(&self) -> Facts {
        Facts::default()
    }
}

/// Done.
impl Answer for () {
    fn facts(&self) -> Facts {
        Facts::default()
    }
}
