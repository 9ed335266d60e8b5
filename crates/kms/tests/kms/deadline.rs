//! Nobody waits for ever.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use strongroom_crypto::SystemRandom;
use strongroom_kms::{
    Capabilities, Deadline, ExternalKeys, FoundKey, KeyFinder, KeyWrapper, KmsError, KmsHealth,
    KmsOperation, KmsProvider, Surrounded, SurroundingsSettings,
};
use tokio::time::Instant;

use crate::house::{OK, Script, Step, secs};

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_ends_at_its_deadline() {
    let house = Script::new([], Step::Silence).behind(Deadline::after(secs(3)));
    let start = Instant::now();
    let error = house.sign().await.unwrap_err();
    let operation = KmsOperation::Sign;
    assert!(
        matches!(error, KmsError::TimedOut { operation: asked } if asked == operation),
        "{error:?}"
    );
    assert_eq!(start.elapsed(), secs(3));
    assert!(error.outcome_is_unknown());
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_time_passes() {
    let house = Script::new([], Step::Ok(secs(2))).behind(Deadline::after(secs(3)));
    assert_eq!(house.sign().await.unwrap(), b"message");
}

#[tokio::test(start_paused = true)]
async fn an_outer_deadline_is_not_lengthened_by_an_inner_one() {
    let both = (Deadline::after(secs(1)), Deadline::after(secs(5)));
    let house = Script::new([Step::Silence], OK).behind(both);
    let start = Instant::now();
    house.sign().await.unwrap_err();
    assert_eq!(start.elapsed(), secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_limit_beyond_all_time_is_none() {
    let house = Script::new([], OK).behind(Deadline::after(std::time::Duration::MAX));
    house.sign().await.unwrap();
}

/// A KMS whose searches never end.
#[derive(Debug)]
struct Endless;

#[async_trait]
impl KeyFinder for Endless {
    async fn find_keys(&self, _: &str, _: &str) -> Result<Vec<FoundKey>, KmsError> {
        std::future::pending().await
    }
}

#[async_trait]
impl KmsProvider for Endless {
    fn capabilities(&self) -> &Capabilities {
        static NONE: LazyLock<Capabilities> = LazyLock::new(|| Capabilities::none("endless"));
        &NONE
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        None
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        None
    }

    fn key_finder(&self) -> Option<Arc<dyn KeyFinder>> {
        Some(Arc::new(Self))
    }

    async fn health(&self) -> KmsHealth {
        KmsHealth::Ok
    }
}

#[tokio::test(start_paused = true)]
async fn a_search_that_does_not_end_is_given_up() {
    let settings = SurroundingsSettings::default();
    let kms = Surrounded::surround(Arc::new(Endless), &settings, Arc::new(SystemRandom), None);
    let start = Instant::now();
    let error = kms.key_finder().unwrap().find_keys("tag", "1").await;
    let error = error.unwrap_err();
    assert!(matches!(error, KmsError::TimedOut { .. }), "{error:?}");
    assert_eq!(start.elapsed(), secs(600));
}
