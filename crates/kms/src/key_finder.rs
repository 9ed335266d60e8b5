//! Finding a key again whose maker was interrupted.

use std::fmt;

use async_trait::async_trait;

use crate::error::KmsError;
use crate::key_id::KmsKeyId;

/// Finds wrapper keys by the tags that they were made with ([`WrapperKeyRequest::tags`](crate::WrapperKeyRequest::tags)).
///
/// Not a role of its own, and no policy surrounds it: it is for whoever goes on after a crash, and may take many calls to
/// the KMS.
#[async_trait]
pub trait KeyFinder: fmt::Debug + Send + Sync {
    /// A usable wrapper key with the tag `name` = `value`; none if there is none, or none whose tags are shown to us.
    ///
    /// # Errors
    /// [`KmsError::Denied`] if keys may not be listed; that the KMS does not answer.
    async fn find_wrapper_key(&self, name: &str, value: &str)
    -> Result<Option<KmsKeyId>, KmsError>;
}
