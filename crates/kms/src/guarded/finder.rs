//! Bounds the searches of a [`KeyFinder`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::KmsError;
use crate::key_finder::{FoundKey, KeyFinder};
use crate::operation::KmsOperation;

/// A cloud with some thousand keys is searched in minutes; nobody waits longer for one that does not answer.
const SEARCH_WITHIN: Duration = Duration::from_secs(10 * 60);

#[derive(Debug)]
pub(super) struct BoundedFinder(pub(super) Arc<dyn KeyFinder>);

#[async_trait]
impl KeyFinder for BoundedFinder {
    async fn find_keys(&self, name: &str, value: &str) -> Result<Vec<FoundKey>, KmsError> {
        let search = self.0.find_keys(name, value);
        tokio::time::timeout(SEARCH_WITHIN, search)
            .await
            .unwrap_or(Err(KmsError::TimedOut {
                // The operation that comes nearest.
                operation: KmsOperation::KeyState,
            }))
    }
}
