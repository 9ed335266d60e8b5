//! One of several processes that have the vault open.
//!
//! Each reads the store when it opens the vault, and afterwards works with what it knows. Another one may commit at any
//! time: to *catch up* is to read what was committed since, as critically as at opening. A process that did not look for
//! too long is *out of touch*: it might sign with a key that was retired meanwhile, and so it uses no key.
//!
//! One process writes at a time, the holder of the lease ([`Replicas`]). A change that was built on an older state than
//! the store's is refused before it does anything.

mod beats;
mod catch_up;
mod changed;
mod exchange;
mod keep_up;
mod lease;
mod standing;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use strongroom_errors::Coded;
use strongroom_store::{Lease, ReplicaId, ReplicaReport, Replicas};
use tokio::task::JoinHandle;

use self::exchange::Exchange;
pub(crate) use self::exchange::UnderWay;
pub use self::standing::{Role, Standing};
use crate::{
    committed::Committed,
    environment::Environment,
    error::{ReplicaError, VaultError},
    operations::configuration::guarded,
    vault::Vault,
};

/// What a process knows of its company.
pub(crate) struct Replica {
    /// The state record as this process knows it, for a quick comparison without a lock.
    known: ArcSwap<Vec<u8>>,
    /// When the last look began that found this process to know all there was: microseconds of the clock's elapsed time.
    looked_at: AtomicU64,
    /// Whoever looks: one at a time, the others share the answer.
    turn: tokio::sync::Mutex<()>,
    /// The lease was given up on request, and is left to the others until then.
    abstains_until: AtomicU64,
    /// The last look failed for a reason of this process alone, such as its anchor or its KMS: others do better as writers.
    unfit: AtomicBool,
    /// A commit failed for such a reason since the lease was last looked after.
    cannot_write: AtomicBool,
    exchange: Arc<Exchange>,
    beats: JoinHandle<()>,
}

impl Replica {
    /// None for a store that one process has at a time. `looked_at` is when the look began that showed `committed`.
    pub(crate) fn of(
        environment: &Environment,
        committed: &Committed,
        looked_at: Duration,
        longest_change: Duration,
    ) -> Option<Self> {
        environment.store.replicas()?;
        let exchange = Arc::new(Exchange::new(committed.state.generation, longest_change));
        Some(Self {
            known: ArcSwap::from_pointee(committed.record.clone()),
            looked_at: AtomicU64::new(micros(looked_at)),
            turn: tokio::sync::Mutex::default(),
            abstains_until: AtomicU64::new(0),
            unfit: AtomicBool::new(false),
            cannot_write: AtomicBool::new(false),
            beats: beats::spawn(environment, &exchange),
            exchange,
        })
    }

    /// A commit, of this process or another one, is known here now.
    pub(crate) fn knows(&self, committed: &Committed) {
        self.known.store(Arc::new(committed.record.clone()));
        self.exchange.report.lock().generation = committed.state.generation;
    }

    /// For how long nobody has looked whether this process knows all there is.
    fn silence(&self, now: Duration) -> Duration {
        now.saturating_sub(Duration::from_micros(
            self.looked_at.load(Ordering::Acquire),
        ))
    }

    fn looked(&self, began: Duration) {
        self.looked_at.fetch_max(micros(began), Ordering::AcqRel);
    }

    /// Whether a look that succeeded began after that time.
    fn looked_since(&self, time: Duration) -> bool {
        self.looked_at.load(Ordering::Acquire) > micros(time)
    }

    fn report(&self) -> ReplicaReport {
        self.exchange.report.lock().clone()
    }

    /// The last look did not succeed, for the reason with this code; none: it did.
    fn degraded(&self, code: Option<&'static str>) {
        self.exchange.report.lock().degraded = code.map(str::to_owned);
    }

    /// How the last look ended.
    fn looked_with(&self, outcome: &Result<(), VaultError>) {
        let error = outcome.as_ref().err();
        self.degraded(error.map(|error| error.code().name()));
        // A store that does not answer, or says that somebody is behind, says nothing of this process.
        let own =
            |error: &VaultError| !matches!(error, VaultError::Store(_) | VaultError::Replica(_));
        self.unfit.store(error.is_some_and(own), Ordering::Release);
    }

    /// A commit failed for a reason of this process alone, with this code.
    pub(crate) fn failed_to_write(&self, code: &'static str) {
        self.degraded(Some(code));
        self.cannot_write.store(true, Ordering::Release);
    }

    /// Whether the lease does better elsewhere. A failed commit is told of once: another one tells of it again.
    fn should_give_way(&self) -> bool {
        let cannot_write = self.cannot_write.swap(false, Ordering::AcqRel);
        cannot_write || self.unfit.load(Ordering::Acquire)
    }

    fn may_take_over(&self) -> bool {
        !self.unfit.load(Ordering::Acquire)
    }

    fn heard_of(&self, lease: Lease, now: Duration) {
        *self.exchange.lease.lock() = Some((lease, now));
    }

    fn abstain_until(&self, time: Duration) {
        self.abstains_until.store(micros(time), Ordering::Release);
    }

    /// Whether the lease is left to the others. Once somebody has it, it no longer is: that one may die.
    fn abstains(&self, now: Duration, lease: &Lease) -> bool {
        if lease.holder.is_some() {
            self.abstain_until(Duration::ZERO);
        }
        self.is_abstaining(now)
    }

    /// Whether the lease is left to the others, as far as anybody has heard.
    fn is_abstaining(&self, now: Duration) -> bool {
        micros(now) < self.abstains_until.load(Ordering::Acquire)
    }

    /// Whether this process has the lease, and somebody asked for it.
    fn is_asked_to_step_down(&self, own: ReplicaId) -> bool {
        self.exchange.is_asked_to_step_down(own)
    }

    /// The lease was given up.
    fn gave_lease(&self) {
        *self.exchange.lease.lock() = None;
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.beats.abort();
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica")
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Vault {
    /// The other processes, if the store has any.
    pub(crate) fn replicas(&self) -> Option<&dyn Replicas> {
        self.environment().store.replicas()
    }

    /// A unit of work is under way, until what this answers is dropped.
    pub(crate) fn unit_under_way(&self) -> Option<UnderWay> {
        let replica = self.replica()?;
        Some(UnderWay::since(&replica.exchange, self.elapsed()))
    }

    /// Tells the others' side of the vault that `committed` has changed.
    pub(crate) fn note_known(&self, committed: &Committed) {
        let guarded = guarded(committed.state.configuration);
        self.guarded().store(guarded.map(Arc::new));
        if let Some(replica) = self.replica() {
            replica.knows(committed);
        }
    }

    /// Lets a key be used only as long as this process is in touch: within the configured time of the last look, or at
    /// once if every use shall look first.
    ///
    /// # Errors
    /// [`ReplicaError::OutOfTouch`].
    pub(crate) async fn in_touch(&self) -> Result<(), VaultError> {
        match self.replica() {
            None => Ok(()),
            Some(replica) if self.is_in_touch(replica) => Ok(()),
            Some(replica) => Box::pin(self.get_in_touch(replica)).await,
        }
    }

    /// Whether the last look is recent enough for keys to be used.
    pub(crate) fn has_looked_lately(&self) -> bool {
        self.replica().is_none_or(|replica| {
            replica.silence(self.elapsed()) <= self.settings().replica.use_without_store
        })
    }

    /// Whether what was done with a key may leave: this process may have been stopped since it looked, and the key have been
    /// retired long before. If every use shall look first it looks again, and what counts is whether the key `may_still` be used.
    ///
    /// # Errors
    /// [`ReplicaError::OutOfTouch`] where it cannot look.
    pub(crate) async fn was_in_touch(
        &self,
        may_still: impl FnOnce() -> bool,
    ) -> Result<bool, VaultError> {
        match self.replica() {
            Some(replica) if self.settings().replica.strict => {
                Box::pin(self.get_in_touch(replica)).await?;
                Ok(may_still())
            }
            _ => Ok(self.has_looked_lately()),
        }
    }

    /// As [`Self::was_in_touch`], for whoever holds the lock of topology, and so cannot begin anew.
    ///
    /// # Errors
    /// [`ReplicaError::OutOfTouch`]; [`ReplicaError::Behind`] if every use shall look, and another process changed anything.
    pub(crate) async fn check_was_in_touch(&self) -> Result<(), VaultError> {
        match self.replica() {
            Some(_) if self.settings().replica.strict => self.check_abreast_of_units().await,
            Some(replica) if !self.has_looked_lately() => Err(ReplicaError::OutOfTouch {
                silence: replica.silence(self.elapsed()),
                source: None,
            }
            .into()),
            _ => Ok(()),
        }
    }

    fn is_in_touch(&self, replica: &Replica) -> bool {
        let settings = &self.settings().replica;
        !settings.strict && replica.silence(self.elapsed()) <= settings.use_without_store
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.environment().clock.elapsed()
    }
}
