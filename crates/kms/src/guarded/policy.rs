//! What may happen to a call on its way.

use std::fmt;
use std::pin::Pin;

use super::answer::Answer;
use super::call::Call;
use crate::error::KmsError;
use crate::provider::KmsHealth;

/// A call that is under way. Dropping it gives up on the call; what the KMS does then is unknown.
pub type Pending<'n, T> = Pin<Box<dyn Future<Output = Result<T, KmsError>> + Send + 'n>>;

/// The rest of the way: each time it is called, the call is sent once more. It repeats exactly what the caller asked for;
/// the [`Call`] that it is given only tells the policies further in.
pub type Next<'n, T> = &'n (dyn Fn(Call) -> Pending<'n, T> + Send + Sync + 'n);

/// What may happen to a call on its way: it is delayed, repeated, refused, counted, written down.
///
/// A policy sees what a call is about ([`Call`]) and what is known of its answer ([`Answer::facts`]), never a payload:
/// neither type has a place for one. Policies nest as pairs, the outer one first: `(Retry, Breaker)`; `None` does nothing.
pub trait Policy: fmt::Debug + Send + Sync {
    /// Sees `call` through: calls `next` as often as it deems right.
    ///
    /// # Errors
    /// What the KMS answered, or the policy's own refusal.
    fn run<T: Answer>(
        &self,
        call: Call,
        next: Next<'_, T>,
    ) -> impl Future<Output = Result<T, KmsError>> + Send;

    /// What the policy has seen of the KMS, if it forms an opinion; [`KmsProvider::health`](crate::KmsProvider::health)
    /// answers the worst of all.
    fn health(&self) -> Option<KmsHealth> {
        None
    }
}

impl<P: Policy> Policy for &P {
    fn run<T: Answer>(
        &self,
        call: Call,
        next: Next<'_, T>,
    ) -> impl Future<Output = Result<T, KmsError>> + Send {
        P::run(self, call, next)
    }

    fn health(&self) -> Option<KmsHealth> {
        P::health(self)
    }
}

impl<P: Policy> Policy for Option<P> {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        match self {
            Some(policy) => policy.run(call, next).await,
            None => next(call).await,
        }
    }

    fn health(&self) -> Option<KmsHealth> {
        self.as_ref().and_then(P::health)
    }
}

impl<Outer: Policy, Inner: Policy> Policy for (Outer, Inner) {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        let (outer, inner) = self;
        let further = |call: Call| -> Pending<'_, T> { Box::pin(inner.run(call, next)) };
        outer.run(call, &further).await
    }

    fn health(&self) -> Option<KmsHealth> {
        match (self.0.health(), self.1.health()) {
            (Some(outer), Some(inner)) => Some(outer.worse(inner)),
            (outer, inner) => outer.or(inner),
        }
    }
}
