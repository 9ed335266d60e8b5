//! Bounds the searches of a [`KeyFinder`], and repeats those that fail in passing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::KmsError;
use crate::key_finder::{FoundKey, KeyFinder};
use crate::operation::KmsOperation;

/// A cloud with some thousand keys is searched in minutes; nobody waits longer for one that does not answer.
const SEARCH_WITHIN: Duration = Duration::from_secs(10 * 60);

/// How often a search is begun.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct BoundedFinder(pub(super) Arc<dyn KeyFinder>);

impl BoundedFinder {
    /// From its beginning each time: what a search is made of, only its provider knows.
    async fn search(&self, name: &str, value: &str) -> Result<Vec<FoundKey>, KmsError> {
        let mut pause = FIRST_PAUSE;
        for _repetition in 1..ATTEMPTS {
            match self.0.find_keys(name, value).await {
                Err(error) if error.is_retryable() => {}
                done => return done,
            }
            tokio::time::sleep(pause).await;
            pause *= 4;
        }
        self.0.find_keys(name, value).await
    }
}

#[async_trait]
impl KeyFinder for BoundedFinder {
    async fn find_keys(&self, name: &str, value: &str) -> Result<Vec<FoundKey>, KmsError> {
        tokio::time::timeout(SEARCH_WITHIN, self.search(name, value))
            .await
            .unwrap_or(Err(KmsError::TimedOut {
                // The operation that comes nearest.
                operation: KmsOperation::KeyState,
            }))
    }
}
