//! A KMS that fails on demand.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use strongroom_kms::{
    Answer, Call, Capabilities, ExternalKeys, Guarded, KeyFinder, KeyTags, KeyWrapper, KmsError,
    KmsHealth, KmsOperation, KmsProvider, Next, Policy,
};

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The KMS does the work, but its answer never arrives.
    AnswerLost,
    /// The KMS refuses.
    Denied,
    /// The KMS does not know the key, as a cloud may for a while after it has made one; nothing is done.
    Hidden,
    /// The call never ends; its caller must give up on it.
    Stalled,
    /// The KMS refuses because there were too many calls.
    Throttled,
    /// The KMS cannot be reached; nothing is done.
    Unavailable,
}

/// A provider whose calls can be made to fail. Clones and the handles that they give out share one count.
///
/// ```
/// # use std::sync::Arc;
/// # use strongroom_kms::KmsProvider;
/// # use strongroom_test_support::kms::{Fault, FlakyKms};
/// # fn example(provider: Arc<dyn KmsProvider>) {
/// let kms = FlakyKms::new(provider);
/// kms.fail_at(2, Fault::AnswerLost); // the second call from now on
/// kms.fail_from(5, Fault::Unavailable); // and the fifth and all after it
/// # let _ = kms;
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FlakyKms(Guarded<Line>);

#[derive(Debug, Default)]
struct Plan {
    calls: Vec<KmsOperation>,
    at: Vec<(usize, Fault)>,
    from: Option<(usize, Fault)>,
}

impl FlakyKms {
    /// Passes every call on to `provider` until told otherwise.
    #[must_use]
    pub fn new(provider: Arc<dyn KmsProvider>) -> Self {
        Self(Guarded::around(provider, Line::default()))
    }

    /// Makes the `nth` call from now on fail; 1 is the next one.
    pub fn fail_at(&self, nth: usize, fault: Fault) {
        let mut plan = self.plan().lock();
        let call = plan.calls.len() + nth;
        plan.at.push((call, fault));
    }

    /// Makes the `nth` call from now on and all after it fail; 1 is the next one.
    pub fn fail_from(&self, nth: usize, fault: Fault) {
        let mut plan = self.plan().lock();
        plan.from = Some((plan.calls.len() + nth, fault));
    }

    /// Lets every call pass again.
    pub fn heal(&self) {
        let mut plan = self.plan().lock();
        plan.at.clear();
        plan.from = None;
    }

    /// How many calls there were so far, failed ones included.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.plan().lock().calls.len()
    }

    /// The calls so far, in their order.
    #[must_use]
    pub fn operations(&self) -> Vec<KmsOperation> {
        self.plan().lock().calls.clone()
    }

    fn plan(&self) -> &Mutex<Plan> {
        &self.0.policy().0
    }
}

#[async_trait]
impl KmsProvider for FlakyKms {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        self.0.key_wrapper()
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        self.0.external_keys()
    }

    fn key_finder(&self) -> Option<Arc<dyn KeyFinder>> {
        self.0.key_finder()
    }

    fn key_tags(&self) -> Option<Arc<dyn KeyTags>> {
        self.0.key_tags()
    }

    async fn health(&self) -> KmsHealth {
        self.0.health().await
    }
}

/// The bad line between caller and KMS.
#[derive(Debug, Default)]
struct Line(Mutex<Plan>);

impl Policy for Line {
    /// Makes a call, unless the plan has something else for it.
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        let operation = call.operation();
        match self.fate_of(operation) {
            None => next(call).await,
            Some(Fault::AnswerLost) => {
                // A refusal is not lost work: the caller sees a lost answer either way.
                let _ = next(call).await;
                Err(KmsError::TimedOut { operation })
            }
            Some(Fault::Denied) => Err(KmsError::Denied {
                operation,
                id: None,
            }),
            Some(Fault::Hidden) => match call.subject().key.clone() {
                Some(id) => Err(KmsError::KeyNotFound { id }),
                // What makes a key names none.
                None => next(call).await,
            },
            Some(Fault::Stalled) => std::future::pending().await,
            Some(Fault::Throttled) => Err(KmsError::Throttled { retry_after: None }),
            Some(Fault::Unavailable) => Err(KmsError::Unavailable {
                source: io::Error::from(io::ErrorKind::ConnectionRefused).into(),
            }),
        }
    }
}

impl Line {
    fn fate_of(&self, operation: KmsOperation) -> Option<Fault> {
        let mut plan = self.0.lock();
        plan.calls.push(operation);
        let number = plan.calls.len();
        let at = plan
            .at
            .iter()
            .find(|(call, _)| *call == number)
            .map(|(_, fault)| *fault);
        at.or_else(|| {
            plan.from
                .filter(|(first, _)| number >= *first)
                .map(|(_, fault)| fault)
        })
    }
}
