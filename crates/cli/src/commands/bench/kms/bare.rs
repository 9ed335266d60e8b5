//! How Canton repeats calls, for comparison.

use std::{sync::Arc, time::Duration};

use strongroom_crypto::{Random, SystemRandom};
use strongroom_kms::{Answer, Call, Guarded, KmsError, KmsProvider, Next, Policy};
use tokio::time::sleep;

/// Repeats what may succeed later without an end, after a pause between a quarter and half a second: the code of Canton caps
/// its pauses at the first one, so they do not grow (reference: kms, section 3). Its first pause of half a second counts
/// like the later ones here.
#[derive(Debug)]
struct WithoutEnd;

pub(super) fn repeated_without_end(kms: Arc<dyn KmsProvider>) -> Arc<dyn KmsProvider> {
    Arc::new(Guarded::around(kms, WithoutEnd))
}

impl Policy for WithoutEnd {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        loop {
            match next(call.clone()).await {
                Err(error) if error.is_retryable() => sleep(pause()).await,
                settled => return settled,
            }
        }
    }
}

fn pause() -> Duration {
    let mut byte = [0];
    // Without randomness the longest pause.
    let drawn = SystemRandom.fill(&mut byte).map(|()| byte);
    let [share] = drawn.unwrap_or([u8::MAX]);
    Duration::from_millis(250 + u64::from(share) * 250 / u64::from(u8::MAX))
}
