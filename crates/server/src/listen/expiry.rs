//! Streams of answers that outlive what their caller proved.
//!
//! A stream looks itself whether its end has come, when it is asked for more. Nobody asks while the other end takes nothing, and then it
//! would stay for ever, however little it has to say. So each connection knows of those that are to end.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use parking_lot::Mutex;
use tokio::time::Instant;

/// When a stream is to end, and whether anybody asks it for more.
#[derive(Debug)]
pub(crate) struct Expiry {
    at: Instant,
    asked: AtomicUsize,
    /// Whether it gave something when it was last asked. Otherwise it says itself when there is more, or that its end has come.
    gave: AtomicBool,
    /// What `asked` was when it was last looked at.
    seen: AtomicUsize,
}

impl Expiry {
    /// It was asked for more, and gave something or not yet.
    pub(crate) fn is_asked(&self, gave: bool) {
        self.gave.store(gave, Ordering::Relaxed);
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it gave something, and nobody has asked since this was last looked at.
    fn is_forgotten(&self) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        let is_as_before = self.seen.swap(asked, Ordering::Relaxed) == asked;
        is_as_before && self.gave.load(Ordering::Relaxed)
    }
}

/// Those of one connection.
#[derive(Debug, Default)]
pub(super) struct Expiries(Mutex<Vec<Weak<Expiry>>>);

impl Expiries {
    /// One more, for as long as what is returned is kept.
    pub(super) fn add(&self, at: Instant) -> Arc<Expiry> {
        let expiry = Arc::new(Expiry {
            at,
            asked: AtomicUsize::new(0),
            gave: AtomicBool::new(false),
            seen: AtomicUsize::new(usize::MAX),
        });
        let mut all = self.0.lock();
        // A connection has so many calls at the same time: those that have ended make room for new ones.
        all.retain(|it| it.strong_count() > 0);
        all.push(Arc::downgrade(&expiry));
        expiry
    }

    /// Whether one was to end, gave something, and nobody has asked it for more since this was last looked at.
    pub(super) fn is_one_forgotten(&self, now: Instant) -> bool {
        let all = self.0.lock();
        let mut open = all.iter().filter_map(Weak::upgrade);
        open.any(|it| it.at <= now && it.is_forgotten())
    }
}
