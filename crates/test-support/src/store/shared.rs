//! One store that several processes have open, in one process: every fault of their company can be made at will.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use strongroom_crypto::Timestamp;
use strongroom_store::{
    Holder, Lease, ReadTransaction, ReplicaId, ReplicaRecord, ReplicaReport, Replicas, Store,
    StoreError, WriteTransaction,
};
use tokio::sync::Notify;

use super::hooked::{HookedStore, StoreCall, StoreHook};

/// A store that several processes share.
pub struct SharedStore {
    inner: Arc<dyn Store>,
    company: Mutex<Company>,
}

/// What the processes know of each other.
#[derive(Default)]
struct Company {
    members: Vec<Arc<Member>>,
    token: u64,
    holder: Option<ReplicaId>,
    step_down: bool,
}

/// One process.
struct Member {
    id: ReplicaId,
    name: String,
    report: Mutex<ReplicaReport>,
    /// Nothing it sends arrives.
    cut_off: AtomicBool,
    /// The others take it for dead.
    silent: AtomicBool,
    /// How often it said that it lives.
    beats: AtomicU64,
    /// How often it said so and was not heard.
    lost_beats: AtomicU64,
    /// How often it still begins or commits before the lease goes to another, and to whom.
    hands_over: Mutex<Option<(usize, ReplicaId)>>,
    changed: Notify,
}

/// The store as one process has it.
#[derive(Debug)]
pub struct SharedHandle {
    shared: Arc<SharedStore>,
    member: Arc<Member>,
    store: HookedStore<Fence>,
}

/// Lets nothing through of a process that is cut off, and no write of one that does not hold the lease.
struct Fence {
    shared: Arc<SharedStore>,
    member: Arc<Member>,
}

impl SharedStore {
    /// `inner`, to be shared.
    #[must_use]
    pub fn over(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            company: Mutex::default(),
        })
    }

    /// The store as another process has it.
    #[must_use]
    pub fn handle(self: &Arc<Self>, name: &str) -> Arc<SharedHandle> {
        let mut company = self.company.lock();
        let number = u8::try_from(company.members.len() + 1).unwrap_or(u8::MAX);
        let member = Arc::new(Member {
            id: ReplicaId::from_bytes([number; 16]),
            name: name.to_owned(),
            report: Mutex::new(ReplicaReport {
                generation: 0,
                degraded: None,
            }),
            cut_off: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            beats: AtomicU64::new(0),
            lost_beats: AtomicU64::new(0),
            hands_over: Mutex::default(),
            changed: Notify::new(),
        });
        company.members.push(Arc::clone(&member));
        let hook = Fence {
            shared: Arc::clone(self),
            member: Arc::clone(&member),
        };
        Arc::new(SharedHandle {
            shared: Arc::clone(self),
            store: HookedStore::around(Arc::clone(&self.inner), Arc::new(hook)),
            member,
        })
    }

    fn lease(&self) -> Lease {
        let company = self.company.lock();
        let holder = company
            .members
            .iter()
            .find(|member| Some(member.id) == company.holder);
        Lease {
            token: company.token,
            holder: holder.map(|member| Holder {
                id: member.id,
                name: member.name.clone(),
                silent_for: Duration::ZERO,
            }),
            step_down: company.step_down,
        }
    }

    /// Whoever had it is fenced.
    fn give_lease_to(&self, other: ReplicaId) {
        let mut company = self.company.lock();
        company.token += 1;
        company.holder = Some(other);
        company.step_down = false;
    }

    fn tell_others(&self, own: ReplicaId) {
        let company = self.company.lock();
        let others = company.members.iter().filter(|member| member.id != own);
        others.for_each(|member| member.changed.notify_one());
    }
}

impl SharedHandle {
    /// From now on nothing that this process sends arrives, or again everything does.
    pub fn cut_off(&self, cut_off: bool) {
        self.member.cut_off.store(cut_off, Ordering::SeqCst);
    }

    /// From now on the others take this process for dead, or no longer.
    pub fn fall_silent(&self, silent: bool) {
        self.member.silent.store(silent, Ordering::SeqCst);
    }

    /// How often this process has said that it lives.
    #[must_use]
    pub fn beats(&self) -> u64 {
        self.member.beats.load(Ordering::SeqCst)
    }

    /// How often it has said so while it was cut off. It says so again and again: all that came before the first of these is over.
    #[must_use]
    pub fn lost_beats(&self) -> u64 {
        self.member.lost_beats.load(Ordering::SeqCst)
    }

    /// Before the `number`-th time that this process begins or commits a change (1: the next), the lease is taken away from it
    /// and given to `other`.
    pub fn lose_lease_at(&self, number: usize, other: &Self) {
        *self.member.hands_over.lock() = Some((number, other.member.id));
    }

    /// Whether [`Self::lose_lease_at`] has come true. If not, it will not any more.
    #[must_use]
    pub fn has_lost_lease(&self) -> bool {
        self.member.hands_over.lock().take().is_none()
    }

    fn reach(&self) -> Result<(), StoreError> {
        self.member.reach()
    }
}

impl Member {
    /// Counts, and says to whom the lease goes now, if it goes.
    fn next_holder(&self) -> Option<ReplicaId> {
        let mut hands_over = self.hands_over.lock();
        let (left, other) = hands_over.take()?;
        if left <= 1 {
            return Some(other);
        }
        *hands_over = Some((left - 1, other));
        None
    }

    fn reach(&self) -> Result<(), StoreError> {
        if self.cut_off.load(Ordering::SeqCst) {
            Err(StoreError::Io {
                operation: "reach the database",
                source: "cut off".into(),
            })
        } else {
            Ok(())
        }
    }
}

impl StoreHook for Fence {
    fn before(&self, call: StoreCall) -> Result<(), StoreError> {
        self.member.reach()?;
        if matches!(call, StoreCall::Begin | StoreCall::Commit)
            && let Some(other) = self.member.next_holder()
        {
            self.shared.give_lease_to(other);
        }
        let lease = self.shared.lease();
        match call {
            StoreCall::Begin | StoreCall::Commit if !lease.is_held_by(self.member.id) => {
                Err(StoreError::NotWriter {
                    holder: lease.holder.map(|holder| holder.name),
                })
            }
            _ => Ok(()),
        }
    }

    fn after(&self, call: StoreCall) -> Result<(), StoreError> {
        if call == StoreCall::Commit {
            self.shared.tell_others(self.member.id);
        }
        Ok(())
    }
}

#[async_trait]
impl Store for SharedHandle {
    async fn begin(&self) -> Result<Box<dyn WriteTransaction>, StoreError> {
        self.store.begin().await
    }

    async fn read(&self) -> Result<Box<dyn ReadTransaction>, StoreError> {
        self.store.read().await
    }

    async fn check_integrity(&self) -> Result<(), StoreError> {
        self.store.check_integrity().await
    }

    async fn scrub(&self) -> Result<(), StoreError> {
        self.store.scrub().await
    }

    fn replicas(&self) -> Option<&dyn Replicas> {
        Some(self)
    }

    /// The others still have the store.
    async fn close(&self) -> Result<(), StoreError> {
        self.give_lease().await
    }
}

#[async_trait]
impl Replicas for SharedHandle {
    fn own_id(&self) -> ReplicaId {
        self.member.id
    }

    fn beat_every(&self) -> Duration {
        Duration::from_millis(20)
    }

    async fn beat(&self, report: &ReplicaReport) -> Result<Lease, StoreError> {
        if let Err(error) = self.reach() {
            self.member.lost_beats.fetch_add(1, Ordering::SeqCst);
            return Err(error);
        }
        *self.member.report.lock() = report.clone();
        self.member.beats.fetch_add(1, Ordering::SeqCst);
        Ok(self.shared.lease())
    }

    async fn take_lease(&self) -> Result<Lease, StoreError> {
        self.reach()?;
        {
            let mut company = self.shared.company.lock();
            let holder = company.holder;
            let is_alive = company
                .members
                .iter()
                .any(|member| Some(member.id) == holder && !member.silent.load(Ordering::SeqCst));
            if !is_alive {
                company.token += 1;
                company.holder = Some(self.member.id);
                company.step_down = false;
            }
        }
        Ok(self.shared.lease())
    }

    async fn give_lease(&self) -> Result<(), StoreError> {
        self.reach()?;
        let mut company = self.shared.company.lock();
        if company.holder == Some(self.member.id) {
            company.holder = None;
            company.step_down = false;
        }
        drop(company);
        self.shared.tell_others(self.member.id);
        Ok(())
    }

    async fn ask_to_step_down(&self) -> Result<(), StoreError> {
        self.reach()?;
        self.shared.company.lock().step_down = true;
        self.shared.tell_others(self.member.id);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<ReplicaRecord>, StoreError> {
        self.reach()?;
        let company = self.shared.company.lock();
        let record = |member: &Arc<Member>| ReplicaRecord {
            id: member.id,
            name: member.name.clone(),
            version: "test".to_owned(),
            started_at: Timestamp::from_micros(0),
            silent_for: Duration::ZERO,
            report: member.report.lock().clone(),
            is_writer: company.holder == Some(member.id),
        };
        Ok(company.members.iter().map(record).collect())
    }

    async fn changed(&self) {
        self.member.changed.notified().await;
    }
}

impl fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedStore").finish_non_exhaustive()
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fence").finish_non_exhaustive()
    }
}
