//! How a provider is surrounded.

use std::time::Duration;

use crate::breaker::BreakerSettings;
use crate::budget::{Budget, Quota};
use crate::prices::PriceTable;
use crate::quota_class::PerClass;
use crate::retry::{AllowanceSettings, RetrySettings};

/// How a provider is surrounded. The default fits a KMS across a network whose quotas and prices are not known.
#[derive(Clone, Debug, PartialEq)]
pub struct SurroundingsSettings {
    /// What a caller waits at most, with queues, pauses and retries. Default: 30 s.
    pub deadline: Duration,
    /// What one attempt may take. Default: 10 s: an HSM makes an RSA key in some of that.
    pub attempt_deadline: Duration,
    /// What is tried again.
    pub retry: RetrySettings,
    /// How much may be sent beyond what callers asked for, retries and hedges together.
    pub allowance: AllowanceSettings,
    /// When a second call is sent beside a slow one. Default: never; it costs calls, and helps only where few are slow.
    pub hedge_after: Option<Duration>,
    /// How many calls may be sent. Default: as many as are made; quotas are the account's, so the operator knows them.
    pub budget: Option<BudgetSettings>,
    /// When to stop asking a KMS that is down; `None`: never.
    pub breaker: Option<BreakerSettings>,
    /// What calls cost. Default: not known, so no cost is estimated.
    pub prices: Option<PriceTable>,
}

impl Default for SurroundingsSettings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(30),
            attempt_deadline: Duration::from_secs(10),
            retry: RetrySettings::default(),
            allowance: AllowanceSettings::default(),
            hedge_after: None,
            budget: None,
            breaker: Some(BreakerSettings::default()),
            prices: None,
        }
    }
}

/// How many calls may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetSettings {
    /// A quota for each class.
    PerClass(PerClass<Quota>),
    /// One quota for all calls.
    Shared(Quota),
}

impl BudgetSettings {
    pub(super) fn budget(&self) -> Budget {
        match self {
            Self::PerClass(quotas) => Budget::per_class(quotas),
            Self::Shared(quota) => Budget::shared(quota),
        }
    }
}
