//! Asks a second time when the first answer is slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::error::KmsError;
use crate::guarded::{Answer, Attempt, Call, Next, Policy};
use crate::operation::KmsOperation;
use crate::retry::Allowance;

/// Sends an idempotent call once more when no answer came after a delay, and takes the first answer.
///
/// Answers that settle the matter are a success and an error that no repetition changes; an error that may pass makes it
/// wait for the other answer. At most one more call is sent. It draws from the allowance of retries, and from the call
/// budget without waiting in its line, so it never takes the place of somebody's first attempt. Deletions are not hedged:
/// the second one would find the key gone.
#[derive(Debug)]
pub struct Hedge {
    delay: Duration,
    allowance: Arc<Allowance>,
    sent: AtomicU64,
}

impl Hedge {
    /// Hedges after `delay`: choose a time that nine of ten calls stay below.
    #[must_use]
    pub fn after(delay: Duration, allowance: Arc<Allowance>) -> Self {
        Self {
            delay,
            allowance,
            sent: AtomicU64::new(0),
        }
    }

    /// How many second calls were sent, those that the budget then refused included.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

fn may_be_hedged(operation: KmsOperation) -> bool {
    operation.is_idempotent() && operation != KmsOperation::DeleteKey
}

fn settles<T>(answer: &Result<T, KmsError>) -> bool {
    answer
        .as_ref()
        .err()
        .is_none_or(|error| !error.is_retryable())
}

impl Policy for Hedge {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        let mut first = next(call.clone());
        if !may_be_hedged(call.operation()) {
            return first.await;
        }
        tokio::select! {
            biased;
            answer = &mut first => return answer,
            () = sleep(self.delay) => {}
        }
        if !self.allowance.withdraw() {
            return first.await;
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        let mut second = next(call.as_attempt(Attempt::Hedge));
        tokio::select! {
            biased;
            answer = &mut first => {
                if settles(&answer) {
                    return answer;
                }
                let other = second.await;
                if settles(&other) { other } else { answer }
            }
            answer = &mut second => {
                if settles(&answer) { answer } else { first.await }
            }
        }
    }
}
