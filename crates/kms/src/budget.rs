//! No more calls than the KMS grants, and the urgent ones first.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::KmsError;
use crate::guarded::{Answer, Attempt, Call, Next, Policy};
use crate::operation::KmsOperation;
use crate::quota_class::{PerClass, QuotaClass};

mod queue;

use queue::Queue;

/// The longest pause after a throttled call; a KMS that asks for more is asked again after this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How many calls may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Calls per second in the long run.
    pub per_second: u32,
    /// Calls at once after a quiet time, on top of it; 0 counts as 1, since nothing would ever be sent.
    pub burst: u32,
}

impl Quota {
    /// More than can be sent. Where the KMS throttles nevertheless, the calls still pause as long as it asks for.
    pub const UNLIMITED: Self = Self {
        per_second: u32::MAX,
        burst: u32::MAX,
    };
}

/// Who waits for whom: a call waits only for those of its own lane that came earlier, and for those of the lanes before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Somebody's transaction waits for it: sign, decrypt, unwrap.
    Use,
    /// Everything else.
    Administration,
}

impl Lane {
    /// The lane of an operation.
    #[must_use]
    pub const fn of(operation: KmsOperation) -> Self {
        match operation {
            KmsOperation::Sign | KmsOperation::Decrypt | KmsOperation::UnwrapKey => Self::Use,
            _ => Self::Administration,
        }
    }
}

tokio::task_local! {
    static BACKGROUND: ();
}

/// Runs `work`, whose calls are all of [`Lane::Administration`], whatever they ask: nobody's transaction waits for them.
///
/// It goes for the task of `work`, not for tasks that it starts.
pub async fn in_background<F: Future>(work: F) -> F::Output {
    BACKGROUND.scope((), work).await
}

fn is_in_background() -> bool {
    BACKGROUND.try_with(|()| ()).is_ok()
}

/// Lets through as many calls as the quotas grant; the others wait in their [`Lane`].
///
/// A call that would have to wait beyond its deadline is refused at once with [`KmsError::Throttled`] and the time after
/// which it would have its turn. A retry waits like any call; a hedge never waits. When the KMS throttles a call although
/// the budget let it through, the quota is shared with somebody: the class pauses as long as the KMS asks for, and starts
/// again without a burst.
#[derive(Debug)]
pub struct Budget {
    queues: Queues,
    refused: AtomicU64,
    paused: AtomicU64,
}

#[derive(Debug)]
enum Queues {
    PerClass(Box<PerClass<Queue>>),
    Shared(Queue),
}

impl Budget {
    /// A quota for each class, as clouds have them.
    #[must_use]
    pub fn per_class(quotas: &PerClass<Quota>) -> Self {
        Self::over(Queues::PerClass(Box::new(quotas.map(Queue::new))))
    }

    /// One quota for all calls, as a token or a driver with few sessions has it.
    #[must_use]
    pub fn shared(quota: &Quota) -> Self {
        Self::over(Queues::Shared(Queue::new(quota)))
    }

    fn over(queues: Queues) -> Self {
        Self {
            queues,
            refused: AtomicU64::new(0),
            paused: AtomicU64::new(0),
        }
    }

    /// How many calls were refused because their turn would have come too late.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many calls the KMS throttled that the budget had let through.
    #[must_use]
    pub fn paused(&self) -> u64 {
        self.paused.load(Ordering::Relaxed)
    }

    fn queue(&self, call: &Call) -> &Queue {
        match &self.queues {
            Queues::Shared(queue) => queue,
            Queues::PerClass(queues) => queues.of(QuotaClass::of(call.operation(), call.subject())),
        }
    }

    async fn admit(&self, call: &Call) -> Result<(), KmsError> {
        let patience = match call.attempt() {
            Attempt::Hedge => Some(Instant::now()),
            Attempt::First | Attempt::Retry => call.deadline(),
        };
        let lane = if is_in_background() {
            Lane::Administration
        } else {
            Lane::of(call.operation())
        };
        let turn = self.queue(call).turn(lane, patience).await;
        turn.map_err(|wait| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            KmsError::Throttled { retry_after: wait }
        })
    }

    fn heed<T>(&self, call: &Call, answer: &Result<T, KmsError>) {
        if let Err(KmsError::Throttled { retry_after }) = answer {
            self.paused.fetch_add(1, Ordering::Relaxed);
            let pause = retry_after.unwrap_or_default().min(LONGEST_PAUSE);
            self.queue(call).pause(pause);
        }
    }
}

impl Policy for Budget {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        self.admit(&call).await?;
        let answer = next(call.clone()).await;
        self.heed(&call, &answer);
        answer
    }
}
