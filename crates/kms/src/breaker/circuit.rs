//! The states of a circuit breaker, without time of its own.

use std::time::Duration;

use tokio::time::Instant;

use super::{BreakerSettings, BreakerState, CircuitOpen};
use crate::error::KmsError;
use crate::provider::KmsHealth;

#[derive(Debug)]
pub(super) struct Circuit {
    settings: BreakerSettings,
    phase: Phase,
    /// Grows with every change of phase. The answer to a call from an earlier phase is old news.
    epoch: u64,
    opened: u64,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// So many failures in a row.
    Closed { failures: u32 },
    /// Until a moment, for the so-many-th time in a row; half-open afterwards.
    Open { until: Instant, times: u32 },
    /// Half-open, with the probe under way.
    Probing { times: u32 },
}

/// The right to send one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Permit {
    epoch: u64,
}

/// What an answer says about the KMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Alive,
    Broken,
    None,
}

impl Circuit {
    pub(super) const fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            phase: Phase::Closed { failures: 0 },
            epoch: 0,
            opened: 0,
        }
    }

    pub(super) fn state(&self, now: Instant) -> BreakerState {
        match self.phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { until, .. } if now < until => BreakerState::Open,
            Phase::Open { .. } | Phase::Probing { .. } => BreakerState::HalfOpen,
        }
    }

    pub(super) const fn opened(&self) -> u64 {
        self.opened
    }

    pub(super) fn health(&self, now: Instant) -> Option<KmsHealth> {
        let failures = self.settings.failures;
        match self.state(now) {
            BreakerState::Closed => None,
            BreakerState::HalfOpen => Some(KmsHealth::Degraded {
                reason: format!(
                    "the circuit breaker is half-open: the KMS failed {failures} times in a row"
                ),
            }),
            BreakerState::Open => Some(KmsHealth::Failed {
                reason: format!(
                    "the circuit breaker is open: the KMS failed {failures} times in a row"
                ),
            }),
        }
    }

    /// What a call would be told that came now.
    pub(super) fn refusal(&self, now: Instant) -> Option<CircuitOpen> {
        let retry_after = match self.phase {
            Phase::Closed { .. } => return None,
            Phase::Open { until, .. } => until.saturating_duration_since(now),
            Phase::Probing { .. } => Duration::ZERO,
        };
        let probe_is_free = matches!(self.phase, Phase::Open { .. }) && retry_after.is_zero();
        (!probe_is_free).then_some(CircuitOpen {
            failures: self.settings.failures,
            retry_after,
        })
    }

    pub(super) fn admit(&mut self, now: Instant) -> Result<Permit, CircuitOpen> {
        if let Some(refusal) = self.refusal(now) {
            return Err(refusal);
        }
        if let Phase::Open { times, .. } = self.phase {
            self.enter(Phase::Probing { times });
        }
        Ok(Permit { epoch: self.epoch })
    }

    pub(super) fn judge(&self, error: Option<&KmsError>, took: Duration) -> Verdict {
        match error {
            Some(KmsError::TimedOut { .. }) if took < self.settings.fair_time => Verdict::None,
            Some(error) if error.is_fault_of_kms() => Verdict::Broken,
            _ => Verdict::Alive,
        }
    }

    pub(super) fn record(&mut self, permit: Permit, verdict: Verdict, now: Instant) {
        if permit.epoch != self.epoch {
            return;
        }
        match (self.phase, verdict) {
            (Phase::Closed { .. }, Verdict::Alive) => self.phase = Phase::Closed { failures: 0 },
            (Phase::Closed { failures }, Verdict::Broken) => self.count(failures + 1, now),
            (Phase::Probing { .. }, Verdict::Alive) => self.enter(Phase::Closed { failures: 0 }),
            (Phase::Probing { times }, Verdict::Broken) => self.open(times.saturating_add(1), now),
            // The next call is the probe.
            (Phase::Probing { times }, Verdict::None) => {
                self.enter(Phase::Open { until: now, times });
            }
            // No permit is given out while it is open.
            (Phase::Closed { .. }, Verdict::None) | (Phase::Open { .. }, _) => {}
        }
    }

    fn count(&mut self, failures: u32, now: Instant) {
        if failures >= self.settings.failures {
            self.open(1, now);
        } else {
            self.phase = Phase::Closed { failures };
        }
    }

    fn open(&mut self, times: u32, now: Instant) {
        self.opened += 1;
        let doubled = 1_u32
            .checked_shl(times.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let time = self.settings.open_for.saturating_mul(doubled);
        let time = time.min(self.settings.open_for_at_most);
        let until = now.checked_add(time).unwrap_or(now);
        self.enter(Phase::Open { until, times });
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.epoch += 1;
    }
}
