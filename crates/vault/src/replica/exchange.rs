//! What the processes tell each other, and when this one says nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use strongroom_store::{Lease, ReplicaId, ReplicaReport, Replicas, StoreError};

use super::micros;

/// Whoever is asked to step down finishes the unit of work that is under way within so many beats.
const LAST_BEATS: u32 = 10;

/// No unit of work is under way.
const NONE: u64 = u64::MAX;

/// What the processes tell each other.
#[derive(Debug)]
pub(super) struct Exchange {
    /// What the others are told of this one.
    pub(super) report: Mutex<ReplicaReport>,
    /// What was last heard of the lease, and when.
    pub(super) lease: Mutex<Option<(Lease, Duration)>>,
    /// When the unit of work began that is under way.
    unit_since: AtomicU64,
    longest_change: Duration,
}

impl Exchange {
    pub(super) const fn new(generation: u64, longest_change: Duration) -> Self {
        Self {
            report: Mutex::new(ReplicaReport {
                generation,
                degraded: None,
            }),
            lease: Mutex::new(None),
            unit_since: AtomicU64::new(NONE),
            longest_change,
        }
    }

    /// Says that this process is there, and answers what it hears of the lease. A process whose unit of work does not end says
    /// nothing: whatever it is stuck in, others may take it for dead, and whoever takes the lease over ends what it left open.
    pub(super) async fn beat(
        &self,
        replicas: &dyn Replicas,
        now: Duration,
    ) -> Result<Option<Lease>, StoreError> {
        if self.is_stuck(replicas, now) {
            tracing::warn!("a change does not end here: the other processes may take over");
            return Ok(None);
        }
        let said = self.report.lock().clone();
        replicas.beat(&said).await.map(Some)
    }

    fn is_stuck(&self, replicas: &dyn Replicas, now: Duration) -> bool {
        let since = self.unit_since.load(Ordering::Acquire);
        if since == NONE {
            return false;
        }
        let limit = if self.is_asked_to_step_down(replicas.own_id()) {
            self.longest_change.min(replicas.beat_every() * LAST_BEATS)
        } else {
            self.longest_change
        };
        now.saturating_sub(Duration::from_micros(since)) > limit
    }

    /// Whether the process by this id has the lease, and somebody asked for it.
    pub(super) fn is_asked_to_step_down(&self, own: ReplicaId) -> bool {
        let heard = self.lease.lock();
        let lease = heard.as_ref().map(|(lease, _at)| lease);
        lease.is_some_and(|lease| lease.step_down && lease.is_held_by(own))
    }
}

/// Stands for a unit of work as long as it is under way. One at a time is.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<Exchange>);

impl UnderWay {
    pub(super) fn since(exchange: &Arc<Exchange>, now: Duration) -> Self {
        exchange.unit_since.store(micros(now), Ordering::Release);
        Self(Arc::clone(exchange))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.unit_since.store(NONE, Ordering::Release);
    }
}
