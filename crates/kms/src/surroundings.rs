//! Everything that surrounds a provider, in the order that it needs.

use std::sync::Arc;

use strongroom_crypto::Random;

use crate::audit::Audit;
use crate::breaker::{Breaker, BreakerSettings, Gate};
use crate::budget::Budget;
use crate::deadline::Deadline;
use crate::error::KmsError;
use crate::guarded::{Answer, Call, Guarded, Next, Policy};
use crate::hedge::Hedge;
use crate::metered::Meter;
use crate::prices::PriceTable;
use crate::provider::{KmsHealth, KmsProvider};
use crate::retry::{Allowance, Retry};
use crate::spans::Spans;

mod metrics;
mod settings;

pub use metrics::KmsMetrics;
pub use settings::{BudgetSettings, SurroundingsSettings};

/// A provider with everything around it.
pub type Surrounded = Guarded<Surroundings>;

impl Guarded<Surroundings> {
    /// Surrounds `provider` as `settings` say; jitter is drawn from `random`, and `audit`, if any, gets every request.
    #[must_use]
    pub fn surround(
        provider: Arc<dyn KmsProvider>,
        settings: &SurroundingsSettings,
        random: Arc<dyn Random>,
        audit: Option<Audit>,
    ) -> Self {
        Self::around(provider, Surroundings::new(settings, random, audit))
    }

    /// What happened so far.
    #[must_use]
    pub fn metrics(&self) -> KmsMetrics {
        self.policy().metrics()
    }
}

/// All policies in one chain. From the outside in:
///
/// 1. the deadline of the whole call: nothing further in outlasts it;
/// 2. the retries;
/// 3. the gate of the breaker: a KMS that is down is not waited for;
/// 4. the hedge, which is a second attempt beside the first, so it passes what follows by itself;
/// 5. the budget: every attempt takes a token;
/// 6. the breaker, which judges true answers only, none of our own refusals;
/// 7. spans, audit log and meter, which see what is really sent, and how it ended;
/// 8. the deadline of one attempt.
#[derive(Debug)]
pub struct Surroundings {
    whole: Deadline,
    retry: Retry,
    gate: Option<Gate>,
    hedge: Option<Hedge>,
    budget: Option<Budget>,
    breaker: Option<Breaker>,
    audit: Option<Audit>,
    meter: Meter,
    attempt: Deadline,
    prices: Option<PriceTable>,
}

impl Surroundings {
    /// See [`Guarded::surround`].
    #[must_use]
    pub fn new(
        settings: &SurroundingsSettings,
        random: Arc<dyn Random>,
        audit: Option<Audit>,
    ) -> Self {
        let allowance = Arc::new(Allowance::new(settings.allowance));
        let breaker = settings.breaker.map(|breaker| {
            // A whole attempt is always a fair time.
            let fair_time = breaker.fair_time.min(settings.attempt_deadline);
            Breaker::new(BreakerSettings {
                fair_time,
                ..breaker
            })
        });
        let hedge = |delay| Hedge::after(delay, Arc::clone(&allowance));
        Self {
            whole: Deadline::after(settings.deadline),
            gate: breaker.as_ref().map(Breaker::gate),
            hedge: settings.hedge_after.map(hedge),
            budget: settings.budget.as_ref().map(BudgetSettings::budget),
            breaker,
            audit,
            meter: Meter::default(),
            attempt: Deadline::after(settings.attempt_deadline),
            prices: settings.prices.clone(),
            retry: Retry::new(settings.retry, allowance, random),
        }
    }

    /// A handle of the circuit breaker, if there is one.
    #[must_use]
    pub fn breaker(&self) -> Option<Breaker> {
        self.breaker.clone()
    }

    /// The audit log, if there is one, to tell it of the shutdown.
    #[must_use]
    pub fn audit(&self) -> Option<&Audit> {
        self.audit.as_ref()
    }

    /// What happened so far.
    #[must_use]
    pub fn metrics(&self) -> KmsMetrics {
        let by_class = self.meter.by_class();
        KmsMetrics {
            calls: self.meter.calls(),
            estimated_cost: self.prices.as_ref().map(|prices| prices.calls(&by_class)),
            by_class,
            errors: self.meter.errors(),
            latency: metrics::latencies(&self.meter),
            throttled: self.meter.throttled(),
            retries: self.retry.retries(),
            retries_withheld: self.retry.withheld(),
            hedges: self.hedge.as_ref().map_or(0, Hedge::sent),
            refused_by_budget: self.budget.as_ref().map_or(0, Budget::refused),
            breaker: self.breaker.as_ref().map(Breaker::state),
            breaker_opened: self.breaker.as_ref().map_or(0, Breaker::opened),
        }
    }

    fn chain(&self) -> impl Policy + '_ {
        let sent = (&Spans, (&self.audit, (&self.meter, &self.attempt)));
        let judged = (&self.budget, (&self.breaker, sent));
        (
            &self.whole,
            (&self.retry, (&self.gate, (&self.hedge, judged))),
        )
    }
}

impl Policy for Surroundings {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        self.chain().run(call, next).await
    }

    fn health(&self) -> Option<KmsHealth> {
        self.chain().health()
    }
}
