//! Nobody waits for ever.

use std::time::Duration;

use tokio::time::timeout_at;

use crate::error::KmsError;
use crate::guarded::{Answer, Call, Next, Policy};

/// A limit for what is further in. Around everything it bounds the whole call, with waiting and retries; around the
/// provider it bounds one attempt.
///
/// A call that was given up may have reached the KMS: the error is [`KmsError::TimedOut`], whose outcome is unknown.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    limit: Duration,
}

impl Deadline {
    /// At most `limit` from the moment when a call gets here; several times that for a call that is several round trips.
    #[must_use]
    pub const fn after(limit: Duration) -> Self {
        Self { limit }
    }
}

impl Policy for Deadline {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        let operation = call.operation();
        let (call, end) = call.within(self.limit.saturating_mul(operation.round_trips()));
        match timeout_at(end, next(call)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(KmsError::TimedOut { operation }),
        }
    }
}
