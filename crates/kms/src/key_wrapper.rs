//! The role of a KMS in custody `envelope`.

use std::fmt;

use async_trait::async_trait;
use strongroom_crypto::{KeyName, Timestamp};
use strongroom_memory::SecretBytes;

use crate::error::KmsError;
use crate::key_id::KmsKeyId;
use crate::key_state::KeyState;
use crate::provider::KmsHealth;
use crate::wrap_context::WrapContext;

/// Wraps our keys under symmetric keys that never leave the KMS.
///
/// Every call is one round trip, safe to run beside any other, and may be dropped by its caller at any time. A wrap says
/// by itself which version of its wrapper key made it: after an automatic rotation inside the KMS, older wraps open on.
///
/// A role of a KMS that binds no context must not implement this trait: without it a database operator could move a wrap
/// to another vault.
#[async_trait]
pub trait KeyWrapper: fmt::Debug + Send + Sync {
    /// Creates a wrapper key that is usable when this returns or shortly after ([`KeyState::PendingCreation`]).
    ///
    /// Not idempotent: when the answer is lost, a key may exist that nobody knows. The tags of the request find it.
    ///
    /// # Errors
    /// [`KmsError::Denied`], [`KmsError::KeyLimitReached`], [`KmsError::UnsupportedRequest`], or that the KMS does not
    /// answer.
    async fn generate_wrapper_key(&self, request: &WrapperKeyRequest)
    -> Result<KmsKeyId, KmsError>;

    /// What may be done with a wrapper key now.
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`]; [`KmsError::WrongPurpose`] if the key is there but does not wrap.
    async fn wrapper_key_state(&self, wrapper_key: &KmsKeyId) -> Result<KeyState, KmsError>;

    /// Encrypts `key` (at most [`Capabilities::max_wrap_bytes`](crate::Capabilities::max_wrap_bytes)), binding `context`.
    ///
    /// Randomized: two wraps of one key differ. The ciphertext has at most
    /// [`MAX_CIPHERTEXT_BYTES`](crate::MAX_CIPHERTEXT_BYTES).
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`], [`KmsError::KeyDisabled`], [`KmsError::KeyPendingDeletion`],
    /// [`KmsError::WrongPurpose`], [`KmsError::PayloadTooLarge`]; [`KmsError::Throttled`] and others may be retried.
    async fn wrap_key(
        &self,
        wrapper_key: &KmsKeyId,
        context: &WrapContext,
        key: &SecretBytes,
    ) -> Result<WrappedKey, KmsError>;

    /// Reverses [`Self::wrap_key`]; opens only under an equal context.
    ///
    /// # Errors
    /// [`KmsError::UnwrapFailed`] for another context, another wrapper key and changed bytes alike; states and size as
    /// for [`Self::wrap_key`].
    async fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
    ) -> Result<SecretBytes, KmsError>;

    /// Wraps the same key, with the same context, under another wrapper key of this KMS.
    ///
    /// Inside the KMS where [`Capabilities::rewraps_inside`](crate::Capabilities::rewraps_inside) says so; a provider
    /// that cannot do that calls [`rewrap_outside`].
    ///
    /// # Errors
    /// Those of [`Self::unwrap_key`] and [`Self::wrap_key`]; `wrapped` stays valid in any case.
    async fn rewrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
        new_wrapper_key: &KmsKeyId,
    ) -> Result<WrappedKey, KmsError>;

    /// When the KMS last gave the wrapper key new material. None: never since the key was made, or the KMS cannot tell.
    ///
    /// The material from before stays there and opens what it wrapped.
    ///
    /// # Errors
    /// As [`Self::wrapper_key_state`].
    async fn rotated_at(&self, _wrapper_key: &KmsKeyId) -> Result<Option<Timestamp>, KmsError> {
        Ok(None)
    }

    /// Whether it can unwrap here at all: where the private half of a wrapper key is kept offline, it only wraps.
    fn unwraps(&self) -> bool {
        true
    }

    /// What those in front of the KMS have seen of it, such as a circuit breaker; the KMS is not asked. A provider leaves
    /// this as it is: [`Guarded`](crate::Guarded) answers.
    fn seen(&self) -> KmsHealth {
        KmsHealth::Ok
    }
}

/// [`KeyWrapper::rewrap_key`] for a KMS that has no such operation: unwraps here, then wraps again.
///
/// # Errors
/// Those of [`KeyWrapper::unwrap_key`] and [`KeyWrapper::wrap_key`].
pub async fn rewrap_outside(
    wrapper: &dyn KeyWrapper,
    wrapped: &WrappedKey,
    context: &WrapContext,
    new_wrapper_key: &KmsKeyId,
) -> Result<WrappedKey, KmsError> {
    let key = wrapper.unwrap_key(wrapped, context).await?;
    wrapper.wrap_key(new_wrapper_key, context, &key).await
}

/// A key under a wrapper key. Not secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// The wrapper key, as it was named when wrapping.
    pub wrapper_key_id: KmsKeyId,
    /// What the KMS answered, in its own format; at most [`MAX_CIPHERTEXT_BYTES`](crate::MAX_CIPHERTEXT_BYTES).
    pub ciphertext: Vec<u8>,
}

/// What a new wrapper key shall be. The default is an unnamed key of one region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrapperKeyRequest {
    /// For people: AWS description, PKCS#11 label. `None`: no name.
    pub label: Option<KeyName>,
    /// Name and value, by which a key is found again whose creation was interrupted. Not secret.
    pub tags: Vec<(String, String)>,
    /// Usable from a second region; refused with [`KmsError::UnsupportedRequest`] unless
    /// [`Capabilities::multi_region`](crate::Capabilities::multi_region).
    pub multi_region: bool,
}
