//! Time as an argument: whoever needs the time of day takes a [`Clock`].

use std::fmt::Debug;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::time::Timestamp;

/// When this process first asked how long it runs.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Tells the time of day.
pub trait Clock: Send + Sync + Debug {
    /// The present time: the machine's idea of civil time, which may jump, also backwards. No measure of durations.
    fn now(&self) -> Timestamp;

    /// The time since some moment of this process. Goes on while the process is stopped, and never jumps back.
    fn elapsed(&self) -> Duration {
        START.elapsed()
    }
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the machine for the time"
    )]
    fn now(&self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
            // A machine without a battery may start before the epoch; that is a time as well.
            Err(before) => {
                i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros)
            }
        };
        Timestamp::from_micros(micros)
    }
}
