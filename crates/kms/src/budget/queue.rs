//! Who waits for the next token of a bucket, in which order.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::{Lane, Quota};
use crate::bucket::Bucket;

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Somebody left without a token: everybody reckons anew when it is their turn.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    bucket: Bucket,
    urgent: VecDeque<u64>,
    other: VecDeque<u64>,
    next_ticket: u64,
}

impl Queue {
    pub(super) fn new(quota: &Quota) -> Self {
        let (rate, burst) = (f64::from(quota.per_second), f64::from(quota.burst.max(1)));
        Self {
            state: Mutex::new(State {
                bucket: Bucket::full(rate, burst, Instant::now()),
                urgent: VecDeque::new(),
                other: VecDeque::new(),
                next_ticket: 0,
            }),
            changed: Notify::new(),
        }
    }

    /// Waits for a token, at most until `patience`. The error says how long one would have to wait from now on, if that can
    /// be said; a turn that comes too late is refused now, or when a pause or more urgent calls have put it off that far.
    pub(super) async fn turn(
        &self,
        lane: Lane,
        patience: Option<Instant>,
    ) -> Result<(), Option<Duration>> {
        let ticket = Ticket {
            queue: self,
            lane,
            number: self.state.lock().enter(lane),
        };
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            let now = Instant::now();
            let turn = self.state.lock().serve(lane, ticket.number, now);
            let turn = match turn {
                Turn::Now => return Ok(()),
                Turn::Later(turn) => turn,
            };
            let Some(turn) = turn.filter(|turn| patience.is_none_or(|end| *turn < end)) else {
                return Err(turn.map(|turn| turn.saturating_duration_since(now)));
            };
            tokio::select! {
                biased;
                () = sleep_until(turn) => {}
                () = changed => {}
            }
        }
    }

    /// Takes what is in the bucket, and lets nothing come for `pause`. Nobody is woken: those who wait look again when their
    /// turn would have come, and in a storm there is a pause with every call.
    pub(super) fn pause(&self, pause: Duration) {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.bucket.fill(now);
        state.bucket.pause(now.checked_add(pause).unwrap_or(now));
    }
}

enum Turn {
    Now,
    /// At this moment, unless something more urgent comes in between; `None`: never.
    Later(Option<Instant>),
}

impl State {
    fn enter(&mut self, lane: Lane) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.lane(lane).push_back(ticket);
        ticket
    }

    fn lane(&mut self, lane: Lane) -> &mut VecDeque<u64> {
        match lane {
            Lane::Use => &mut self.urgent,
            Lane::Administration => &mut self.other,
        }
    }

    fn serve(&mut self, lane: Lane, ticket: u64, now: Instant) -> Turn {
        self.bucket.fill(now);
        let before = match lane {
            Lane::Use => 0,
            Lane::Administration => self.urgent.len(),
        };
        let line = self.lane(lane);
        // Tickets are given out in order, so the line is sorted.
        let ahead = before + line.partition_point(|other| *other < ticket);
        if self.bucket.take_beside(ahead) {
            self.leave(lane, ticket);
            Turn::Now
        } else {
            Turn::Later(self.bucket.ready_beside(ahead))
        }
    }

    /// Whether the ticket was still in the line.
    fn leave(&mut self, lane: Lane, ticket: u64) -> bool {
        let line = self.lane(lane);
        let found = line.binary_search(&ticket);
        if let Ok(index) = found {
            line.remove(index);
        }
        found.is_ok()
    }
}

/// A place in the line; given up when its caller does not wait any more.
struct Ticket<'q> {
    queue: &'q Queue,
    lane: Lane,
    number: u64,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.queue.state.lock().leave(self.lane, self.number) {
            self.queue.changed.notify_waiters();
        }
    }
}
