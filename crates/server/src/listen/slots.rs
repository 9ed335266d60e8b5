//! Slots for connections: so many in all, and so many for each address.
//!
//! Nobody is kept out by connections on which nothing happens: when the slots run out, the one that has been idle for longest
//! is cut, and before it those of strangers. Whoever opens very many closes only its own.
//!
//! What strangers may ask, whether the server is well, is no work: it keeps no slot, however long it goes on.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::expiry::{Expiries, Expiry};
use crate::access::Peer;

/// Calls of a connection at the same time for as long as nobody knows whose it is: whoever balances load watches the node, what it
/// balances, and little else. A watch holds some 10 KiB for as long as it goes on.
const MOST_OF_STRANGER: usize = 8;

/// When every slot is taken by somebody who works, it is looked this often whether one of them rests.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// From where somebody connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    Network(IpAddr),
    Process(Option<u32>),
}

impl Origin {
    /// Of IPv6 the network: whoever has one address there has all of them (RFC 4291, section 2.5.4: 64 bits).
    pub(super) fn of(peer: &Peer) -> Self {
        match peer {
            Peer::Process { user } => Self::Process(*user),
            Peer::Network { address, .. } => Self::Network(match address.ip().to_canonical() {
                IpAddr::V6(address) => {
                    let network = u128::from(address) & (u128::MAX << 64);
                    IpAddr::V6(Ipv6Addr::from(network))
                }
                address => address,
            }),
        }
    }
}

/// What is known of a connection.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    origin: Origin,
    began: Instant,
    /// Calls that are under way.
    calls: AtomicUsize,
    /// When the last call ended, in milliseconds since it began.
    rests_since: AtomicU64,
    /// Whether the gate has ever let a call of it through.
    known: AtomicBool,
    /// Large pieces of answers that it has not taken yet.
    waiting: AtomicUsize,
    /// Goes on with everything that it takes of them, and with each that is there for it.
    taken: AtomicUsize,
    expiries: Expiries,
    cut: CancellationToken,
}

/// A call that is under way.
#[derive(Debug)]
pub(crate) struct OpenCall(Arc<ConnectionState>);

impl ConnectionState {
    fn new(origin: Origin, cut: CancellationToken) -> Self {
        Self {
            origin,
            began: Instant::now(),
            calls: AtomicUsize::new(0),
            rests_since: AtomicU64::new(0),
            known: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            expiries: Expiries::default(),
            cut,
        }
    }

    /// Counts a call until what is returned is dropped.
    pub(crate) fn calls(self: &Arc<Self>) -> OpenCall {
        self.calls.fetch_add(1, Ordering::AcqRel);
        OpenCall(Arc::clone(self))
    }

    /// It is somebody whom the rules know.
    pub(crate) fn is_known(&self) {
        self.known.store(true, Ordering::Relaxed);
    }

    /// Whether it has been somebody whom the rules know.
    pub(super) fn was_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    /// A large piece of an answer is there for it.
    pub(crate) fn waits(&self) {
        self.takes();
        self.waiting.fetch_add(1, Ordering::Release);
    }

    /// It has taken something of what is there for it.
    pub(crate) fn takes(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// A piece has gone out, or is given up.
    pub(crate) fn waits_no_more(&self) {
        self.rests_from_now();
        self.waiting.fetch_sub(1, Ordering::Release);
    }

    fn rests_from_now(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.rests_since.fetch_max(now, Ordering::AcqRel);
    }

    /// A stream of answers is to end then.
    pub(crate) fn expires(&self, at: Instant) -> Arc<Expiry> {
        self.expiries.add(at)
    }

    /// Ready when it has taken nothing of large answers for `limit`, and for not more than twice that, or nothing of an answer that should
    /// have ended. Nobody looks at the clock for a piece.
    pub(super) async fn stops_reading(&self, limit: Duration) {
        let taken = || self.taken.load(Ordering::Relaxed);
        let mut before = taken();
        loop {
            tokio::time::sleep(limit).await;
            // In this order: what begins to wait in between has gone on with the other number before.
            let is_waited_for = self.waiting.load(Ordering::Acquire) > 0;
            let now = taken();
            let takes_nothing = is_waited_for && now == before;
            if takes_nothing || self.expiries.is_one_forgotten(Instant::now()) {
                return;
            }
            before = now;
        }
    }

    /// When it connected.
    pub(super) const fn began(&self) -> Instant {
        self.began
    }

    /// Whether one more call that anybody may make is answered, which is counted already.
    pub(crate) fn may_ask(&self) -> bool {
        self.known.load(Ordering::Relaxed) || self.calls.load(Ordering::Acquire) <= MOST_OF_STRANGER
    }

    /// Since when it has no call under way, and no large answer on its way; none: it has one. Calls of strangers do not count.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let is_busy =
            || self.calls.load(Ordering::Acquire) > 0 || self.waiting.load(Ordering::Acquire) > 0;
        let works = self.known.load(Ordering::Relaxed) && is_busy();
        let since = Duration::from_millis(self.rests_since.load(Ordering::Acquire));
        (!works).then(|| self.began + since)
    }

    /// Ready when it must go at once.
    pub(super) async fn is_cut(&self) {
        self.cut.cancelled().await;
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.0.rests_from_now();
        self.0.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Slots for connections.
#[derive(Clone, Debug)]
pub(crate) struct Slots(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken>,
    freed: Notify,
    /// Cuts all of them.
    cut: CancellationToken,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    connections: HashMap<u64, Arc<ConnectionState>>,
    of_origin: HashMap<Origin, usize>,
}

/// A slot, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Slots,
    number: u64,
    pub(super) connection: Arc<ConnectionState>,
}

impl Slots {
    /// So many, of which one address has at most `most_of_one`.
    pub(crate) fn new(most: usize, most_of_one: usize) -> Self {
        Self(Arc::new(Inner {
            most,
            most_of_one: most_of_one.min(most),
            taken: Mutex::default(),
            freed: Notify::new(),
            cut: CancellationToken::new(),
        }))
    }

    /// A slot for somebody from there. It waits while everybody works; none: this address has its share, and works with all.
    pub(super) async fn take(&self, origin: Origin) -> Option<Slot> {
        loop {
            let freed = self.0.freed.notified();
            match self.try_take(origin) {
                Ok(slot) => return Some(slot),
                Err(Full::Share) => return None,
                Err(Full::All) => {
                    let _looked = tokio::time::timeout(LOOK_EVERY, freed).await;
                }
            }
        }
    }

    fn try_take(&self, origin: Origin) -> Result<Slot, Full> {
        let mut taken = self.0.taken.lock();
        let own = taken.of_origin.get(&origin).copied().unwrap_or_default();
        if own >= self.0.most_of_one {
            taken.cut_idle(Some(origin)).ok_or(Full::Share)?;
        } else if taken.connections.len() >= self.0.most {
            taken.cut_idle(None).ok_or(Full::All)?;
        }
        let connection = Arc::new(ConnectionState::new(origin, self.0.cut.child_token()));
        let number = taken.next;
        taken.next += 1;
        taken.connections.insert(number, Arc::clone(&connection));
        *taken.of_origin.entry(origin).or_default() += 1;
        Ok(Slot {
            slots: self.clone(),
            number,
            connection,
        })
    }

    /// Cuts every connection.
    pub(crate) fn cut(&self) {
        self.0.cut.cancel();
    }
}

/// Which slots are all taken.
#[derive(Debug, PartialEq, Eq)]
enum Full {
    Share,
    All,
}

impl Taken {
    /// Cuts the one that has been idle for longest, of strangers first; none: nobody is.
    fn cut_idle(&mut self, origin: Option<Origin>) -> Option<()> {
        let connections = self.connections.iter();
        let candidates =
            connections.filter(|(_, connection)| origin.is_none_or(|it| it == connection.origin));
        let idle = candidates.filter_map(|(number, connection)| {
            let known = connection.known.load(Ordering::Relaxed);
            Some((known, connection.idle_since()?, *number))
        });
        let (_, _, number) = idle.min()?;
        self.remove(number)?.cut.cancel();
        Some(())
    }

    fn remove(&mut self, number: u64) -> Option<Arc<ConnectionState>> {
        let connection = self.connections.remove(&number)?;
        if let Some(own) = self.of_origin.get_mut(&connection.origin) {
            *own -= 1;
            if *own == 0 {
                self.of_origin.remove(&connection.origin);
            }
        }
        Some(connection)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Not there any more if it was cut for somebody else.
        self.slots.0.taken.lock().remove(self.number);
        self.slots.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
