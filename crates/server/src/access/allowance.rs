//! How often a caller may call.
//!
//! A second's calls may come at once. A call is let through as long as there is something left, whatever it costs: what cannot be split, as
//! the recipients of one view, may be more than there ever is. What it costs beyond that is owed, and nothing else is let through before it
//! is paid off. So in the long run nobody has more than its limit.

use std::{
    fmt,
    num::NonZeroU32,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

const SECOND: Duration = Duration::from_secs(1);

/// When there is something left again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) Duration);

/// Calls per second; or no limit.
pub(crate) struct Allowance(Option<Account>);

struct Account {
    per_second: NonZeroU32,
    /// When all that was taken is paid off. Calls of a second may lie ahead.
    paid_off: Mutex<Instant>,
}

impl Allowance {
    pub(crate) fn new(per_second: Option<NonZeroU32>) -> Self {
        Self(per_second.map(Account::new))
    }

    /// Takes a call, if one is left.
    pub(crate) fn call(&self) -> Result<(), Wait> {
        self.0.as_ref().map_or(Ok(()), |it| it.call(Instant::now()))
    }

    /// Takes what a call costs beside itself, if nothing is owed.
    pub(crate) fn items(&self, more: u32) -> Result<(), Wait> {
        let account = self.0.as_ref();
        account.map_or(Ok(()), |it| it.items(more, Instant::now()))
    }

    /// Takes what could not be foreseen.
    pub(crate) fn owe(&self, more: u32) {
        if let Some(account) = &self.0 {
            // However much it is, nobody is asked.
            let _taken = account.take_within(Duration::MAX, more, Instant::now());
        }
    }
}

impl Account {
    fn new(per_second: NonZeroU32) -> Self {
        Self {
            per_second,
            paid_off: Mutex::new(Instant::now()),
        }
    }

    fn call(&self, now: Instant) -> Result<(), Wait> {
        self.take_within(SECOND.saturating_sub(self.one()), 1, now)
    }

    fn items(&self, more: u32, now: Instant) -> Result<(), Wait> {
        self.take_within(SECOND, more, now)
    }

    /// How long it takes to pay a call off.
    fn one(&self) -> Duration {
        SECOND / self.per_second.get()
    }

    /// Takes `calls`, unless more than `most` is to be paid off.
    fn take_within(&self, most: Duration, calls: u32, now: Instant) -> Result<(), Wait> {
        let mut paid_off = self.paid_off.lock();
        let taken = paid_off.saturating_duration_since(now);
        if taken > most {
            return Err(Wait(taken - most));
        }
        *paid_off = now + taken + self.one() * calls;
        Ok(())
    }
}

impl fmt::Debug for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("Allowance(unlimited)"),
            Some(account) => write!(f, "Allowance({} per second)", account.per_second),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody who may make twenty calls per second, and a clock that a test moves.
    struct Caller(Account, Instant);

    impl Caller {
        fn new() -> Self {
            Self(Account::new(NonZeroU32::new(20).unwrap()), Instant::now())
        }

        /// How many of very many calls are let through.
        fn calls(&self) -> usize {
            let calls = (0..1000).filter(|_call| self.0.call(self.1).is_ok());
            calls.count()
        }

        /// A call, and what it costs beside itself.
        fn call_with(&self, more: u32) -> Result<(), Wait> {
            self.0.call(self.1)?;
            self.0.items(more, self.1)
        }

        fn passes(&mut self, millis: u64) {
            self.1 += Duration::from_millis(millis);
        }
    }

    #[test]
    fn the_calls_of_a_second_come_at_once_and_then_one_after_the_other() {
        let mut caller = Caller::new();
        assert_eq!(caller.calls(), 20);
        for _ in 0..3 {
            caller.passes(50);
            assert_eq!(caller.calls(), 1);
        }
        caller.passes(500);
        assert_eq!(caller.calls(), 10);
        // Whoever rests for long saves up no more than a second.
        caller.passes(60_000);
        assert_eq!(caller.calls(), 20);
        let wait = Wait(Duration::from_millis(50));
        assert_eq!(caller.0.call(caller.1), Err(wait));
    }

    #[test]
    fn a_call_that_costs_more_than_there_ever_is_goes_and_is_paid_off_before_the_next() {
        for before in [0, 19] {
            let mut caller = Caller::new();
            for _call in 0..before {
                caller.0.call(caller.1).unwrap();
            }
            // Sixty seconds, with the call itself.
            caller.call_with(1199).unwrap();
            let millis = 59_000 + 50 * (before + 1);
            let wait = Wait(Duration::from_millis(millis));
            assert_eq!(caller.0.call(caller.1), Err(wait));
            caller.passes(millis - 1);
            assert_eq!(caller.calls(), 0);
            caller.passes(1);
            assert_eq!(caller.calls(), 1);
        }
    }

    #[test]
    fn of_several_calls_at_once_that_cost_very_much_one_goes() {
        let caller = Caller::new();
        for _call in 0..5 {
            caller.0.call(caller.1).unwrap();
        }
        let gone = (0..5).filter(|_call| caller.0.items(1000, caller.1).is_ok());
        assert_eq!(gone.count(), 1);
    }

    #[test]
    fn in_the_long_run_nobody_has_more_than_its_limit() {
        let mut caller = Caller::new();
        let mut items = 0;
        for _millisecond in 0..600_000 {
            if caller.call_with(99).is_ok() {
                items += 100;
            }
            caller.passes(1);
        }
        // In ten minutes, with a second at once and one call that is owed.
        assert!((12_000..=12_000 + 20 + 100).contains(&items), "{items}");
    }

    #[test]
    fn what_could_not_be_foreseen_is_owed_as_well() {
        let allowance = Allowance::new(NonZeroU32::new(1));
        allowance.call().unwrap();
        allowance.owe(3600);
        let Err(Wait(wait)) = allowance.call() else {
            panic!("an hour is owed");
        };
        assert!(wait > Duration::from_secs(3000), "{wait:?}");
        let unlimited = Allowance::new(None);
        unlimited.owe(u32::MAX);
        unlimited.call().unwrap();
    }
}
