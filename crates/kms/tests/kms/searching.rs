//! Searches for keys: bounded, and begun again when they fail in passing.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use strongroom_crypto::SystemRandom;
use strongroom_kms::{
    Capabilities, ExternalKeys, FoundKey, KeyFinder, KeyWrapper, KmsError, KmsHealth, KmsOperation,
    KmsProvider, Surrounded, SurroundingsSettings,
};
use tokio::time::Instant;

use crate::house::secs;

/// What the first searches of a KMS end with.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Denied,
    Silence,
    Throttled,
}

/// A KMS whose first so many searches fail.
#[derive(Clone, Debug)]
struct Searched {
    trouble: Trouble,
    failures: u32,
    searches: Arc<AtomicU32>,
}

#[async_trait]
impl KeyFinder for Searched {
    async fn find_keys(&self, _: &str, _: &str) -> Result<Vec<FoundKey>, KmsError> {
        if self.searches.fetch_add(1, Ordering::SeqCst) >= self.failures {
            return Ok(Vec::new());
        }
        match self.trouble {
            Trouble::Denied => Err(KmsError::Denied {
                operation: KmsOperation::KeyState,
                id: None,
            }),
            Trouble::Silence => std::future::pending().await,
            Trouble::Throttled => Err(KmsError::Throttled { retry_after: None }),
        }
    }
}

#[async_trait]
impl KmsProvider for Searched {
    fn capabilities(&self) -> &Capabilities {
        static NONE: LazyLock<Capabilities> = LazyLock::new(|| Capabilities::none("searched"));
        &NONE
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        None
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        None
    }

    fn key_finder(&self) -> Option<Arc<dyn KeyFinder>> {
        Some(Arc::new(self.clone()))
    }

    async fn health(&self) -> KmsHealth {
        KmsHealth::Ok
    }
}

/// The outcome, and how many searches were begun.
async fn search(trouble: Trouble, failures: u32) -> (Result<Vec<FoundKey>, KmsError>, u32) {
    let searches = Arc::new(AtomicU32::new(0));
    let searched = Searched {
        trouble,
        failures,
        searches: Arc::clone(&searches),
    };
    let settings = SurroundingsSettings::default();
    let kms = Surrounded::surround(Arc::new(searched), &settings, Arc::new(SystemRandom), None);
    let found = kms.key_finder().unwrap().find_keys("tag", "1").await;
    (found, searches.load(Ordering::SeqCst))
}

#[tokio::test(start_paused = true)]
async fn a_search_that_does_not_end_is_given_up() {
    let start = Instant::now();
    let (found, _) = search(Trouble::Silence, u32::MAX).await;
    assert!(matches!(found, Err(KmsError::TimedOut { .. })), "{found:?}");
    assert_eq!(start.elapsed(), secs(600));
}

#[tokio::test(start_paused = true)]
async fn a_search_that_is_throttled_is_begun_again_and_not_for_ever() {
    let (found, searches) = search(Trouble::Throttled, 3).await;
    assert_eq!((found.unwrap(), searches), (Vec::new(), 4));
    let (found, searches) = search(Trouble::Throttled, u32::MAX).await;
    assert!(
        matches!(found, Err(KmsError::Throttled { .. })),
        "{found:?}"
    );
    assert_eq!(searches, 4);
}

#[tokio::test(start_paused = true)]
async fn a_search_that_is_denied_is_not_begun_again() {
    let (found, searches) = search(Trouble::Denied, u32::MAX).await;
    assert!(matches!(found, Err(KmsError::Denied { .. })), "{found:?}");
    assert_eq!(searches, 1);
}
