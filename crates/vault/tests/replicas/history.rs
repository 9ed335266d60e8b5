//! What was asked of whom, and what was answered.

use std::{
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use strongroom_crypto::clock::{Clock as _, SystemClock};

use crate::process::Act;

/// A call and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: u64,
    pub(crate) replica: usize,
    pub(crate) act: Act,
    /// The beginning of the history, by the clock that all processes of this machine share.
    pub(crate) start: Duration,
    /// Since the beginning.
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Done(Value),
    /// With this code.
    Refused(String),
    NoAnswer,
}

/// Every call, in the order of the answers.
pub(crate) struct History {
    /// By the clock that all processes of this machine share.
    start: Duration,
    ids: AtomicU64,
    events: Mutex<Vec<Event>>,
    /// When the database was stopped and started again: how long that takes is up to the machine.
    restarts: Mutex<Vec<Range<Duration>>>,
}

impl Event {
    /// When the process was about to sign, the last time before it did; none if it did not.
    pub(crate) fn signed_at(&self) -> Option<Duration> {
        let signed = self.done()?["signed_at"].as_u64()?;
        Some(Duration::from_micros(signed).saturating_sub(self.start))
    }

    pub(crate) fn done(&self) -> Option<&Value> {
        match &self.outcome {
            Outcome::Done(value) => Some(value),
            _ => None,
        }
    }

    /// The call did certainly nothing.
    pub(crate) fn is_refused(&self) -> bool {
        /// What is said before anything is changed.
        const BEFORE: [&str; 8] = [
            "STORE_NOT_WRITER",
            "REPLICA_BEHIND",
            "REPLICA_OUT_OF_TOUCH",
            "KEY_NOT_FOUND",
            "KEY_RETIRED",
            "KEY_ANNOUNCED",
            "ROTATION_UNDER_WAY",
            "STORE_BUSY",
        ];
        // A rotation has many steps, and a later one may be refused.
        let one_step = !matches!(self.act, Act::RotateNodeKey | Act::RotateWrapperKey);
        matches!(&self.outcome, Outcome::Refused(code) if one_step && BEFORE.contains(&code.as_str()))
    }
}

impl History {
    pub(crate) fn new() -> Self {
        Self {
            start: SystemClock.elapsed(),
            ids: AtomicU64::new(1),
            events: Mutex::default(),
            restarts: Mutex::default(),
        }
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) const fn start(&self) -> Duration {
        self.start
    }

    pub(crate) fn now(&self) -> Duration {
        SystemClock.elapsed() - self.start
    }

    pub(crate) fn add(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// The database was being started again since then, and is there now.
    pub(crate) fn restarted(&self, since: Duration) {
        self.restarts.lock().unwrap().push(since..self.now());
    }

    /// For how much of a time the database was being started again.
    pub(crate) fn away(&self, time: Range<Duration>) -> Duration {
        let restarts = self.restarts.lock().unwrap();
        let shared = restarts.iter().map(|restart| {
            let (from, to) = (restart.start.max(time.start), restart.end.min(time.end));
            to.saturating_sub(from)
        });
        shared.sum()
    }
}
