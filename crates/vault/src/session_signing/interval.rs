//! Which times a session key must cover, and which ones a new one shall.
//!
//! Source: reference, session keys, section A.3.

use std::time::Duration;

use strongroom_crypto::{Timestamp, ValidityPeriod};

use crate::settings::SessionSigningSettings;

/// A synchronizer that starts reads its first state at the beginning of time, where no session key has a place.
const BEGINNING: Timestamp =
    Timestamp::from_micros(Timestamp::LEDGER_MIN.as_micros() + 365 * 86_400 * 1_000_000);

/// The time of the state that a message is signed about, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningTime {
    /// Exactly this: whoever verifies looks at the same state.
    Exact(Timestamp),
    /// About this: whoever verifies looks at a state that may be a little older, or newer.
    Approximate {
        /// The state that the signer sees.
        at: Timestamp,
        /// The latest state that anybody may verify with, if it is known.
        until: Option<Timestamp>,
    },
}

impl SigningTime {
    /// The time of the state that the signer sees.
    #[must_use]
    pub const fn at(self) -> Timestamp {
        match self {
            Self::Exact(at) | Self::Approximate { at, .. } => at,
        }
    }
}

/// Times from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

impl Interval {
    pub(crate) fn lies_in(self, validity: ValidityPeriod) -> bool {
        validity.contains(self.start) && validity.contains(self.end)
    }
}

/// Who signs a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signer {
    /// A session key.
    Session(Wanted),
    /// The long-term key itself.
    LongTerm {
        /// Whether no session key could have done it, which operators count.
        is_fallback: bool,
    },
}

/// The session key that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// What it must cover.
    pub(crate) interval: Interval,
    /// How long a new one is valid; covers the interval.
    pub(crate) new: ValidityPeriod,
}

impl SessionSigningSettings {
    /// Who signs at this time.
    pub(crate) fn signer(&self, time: SigningTime) -> Signer {
        let at = time.at();
        if at <= BEGINNING {
            return Signer::LongTerm { is_fallback: false };
        }
        let (before, after) = (earlier(at, self.cut_off), later(at, self.cut_off));
        let (start, end, from, until) = match time {
            SigningTime::Exact(_) => (at, at, earlier(at, self.tolerance), None),
            SigningTime::Approximate { until: None, .. } => {
                (before, after, earlier(at, self.tolerance), None)
            }
            SigningTime::Approximate { until, .. } => (
                before,
                until.map_or(at, |until| until.max(at)),
                before,
                until,
            ),
        };
        let interval = Interval { start, end };
        let new = ValidityPeriod::new(from, self.validity);
        if interval.lies_in(new) {
            return Signer::Session(Wanted { interval, new });
        }
        // A message that may be verified for ever is no reason to wish for longer session keys.
        let is_fallback = until.is_none_or(|until| until < Timestamp::LEDGER_MAX);
        Signer::LongTerm { is_fallback }
    }
}

fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_micros(time.as_micros().saturating_sub(micros(by)))
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_micros(time.as_micros().saturating_add(micros(by)))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
