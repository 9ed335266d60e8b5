//! What a policy knows of a call.

use std::sync::Arc;
use std::time::Duration;

use strongroom_crypto::KeySpec;
use tokio::time::Instant;

use crate::key_id::KmsKeyId;
use crate::operation::KmsOperation;

/// What a policy knows of a call: what it is about and how it is going. Cheap to clone. There is no payload in it.
#[derive(Clone, Debug)]
pub struct Call {
    operation: KmsOperation,
    subject: Arc<Subject>,
    deadline: Option<Instant>,
    attempt: Attempt,
}

/// What a call is about. Not secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The key that is used; `None` when one is created.
    pub key: Option<KmsKeyId>,
    /// The spec that the caller names; `None` for symmetric keys, and where the call names no spec.
    pub spec: Option<KeySpec>,
    /// The wrapper key that a wrap moves to.
    pub destination: Option<KmsKeyId>,
}

/// How often the same call was sent already, as far as a policy must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempt {
    /// It is sent for the first time.
    First,
    /// It was sent before and failed.
    Retry,
    /// It was sent before, and the answer is still awaited.
    Hedge,
}

impl Call {
    /// A call that nothing has happened to yet.
    #[must_use]
    pub fn new(operation: KmsOperation, subject: Subject) -> Self {
        Self {
            operation,
            subject: Arc::new(subject),
            deadline: None,
            attempt: Attempt::First,
        }
    }

    /// What is asked.
    #[must_use]
    pub const fn operation(&self) -> KmsOperation {
        self.operation
    }

    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Which attempt it is.
    #[must_use]
    pub const fn attempt(&self) -> Attempt {
        self.attempt
    }

    /// When its caller gives up; `None`: never.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The same call as another attempt.
    #[must_use]
    pub fn as_attempt(self, attempt: Attempt) -> Self {
        Self { attempt, ..self }
    }

    /// The same call with at most `limit` from now on, and that moment; an earlier deadline stays.
    #[must_use]
    pub fn within(self, limit: Duration) -> (Self, Instant) {
        let now = Instant::now();
        // A limit beyond what the clock can show is none that anybody lives to see.
        let end = now
            .checked_add(limit)
            .or(self.deadline)
            .unwrap_or_else(|| now + FAR_AWAY);
        let end = self.deadline.map_or(end, |earlier| earlier.min(end));
        let deadline = Some(end);
        (Self { deadline, ..self }, end)
    }
}

/// Ten years.
const FAR_AWAY: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
