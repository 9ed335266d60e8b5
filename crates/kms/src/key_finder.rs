//! Finding keys of a KMS by their tags.

use std::fmt;

use async_trait::async_trait;

use crate::error::KmsError;
use crate::key_id::KmsKeyId;
use crate::key_kind::KeyKind;
use crate::key_state::KeyState;

/// Finds keys again whose maker was interrupted, by the tags that they were made with.
///
/// For whoever goes on after a crash, not for every day: a cloud is asked about one key after the other, so that a search may
/// take minutes. No policy surrounds it but one bound: a guarded provider gives a search up after ten minutes.
#[async_trait]
pub trait KeyFinder: fmt::Debug + Send + Sync {
    /// The keys of either role that carry the tag `name` = `value`, whatever their state, in no particular order. Keys that
    /// are not shown to us are not among them; one that was made a moment ago may still be missing.
    ///
    /// # Errors
    /// [`KmsError::Denied`] if keys may not be listed; that the KMS does not answer.
    async fn find_keys(&self, name: &str, value: &str) -> Result<Vec<FoundKey>, KmsError>;
}

/// A key of a KMS that was found by its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKey {
    /// The key.
    pub id: KmsKeyId,
    /// What it is for.
    pub kind: KeyKind,
    /// What may be done with it now.
    pub state: KeyState,
}

impl FoundKey {
    /// Whether it is a wrapper key, and usable.
    #[must_use]
    pub fn is_usable_wrapper(&self) -> bool {
        self.kind == KeyKind::Wrapper && self.state.is_usable()
    }
}
