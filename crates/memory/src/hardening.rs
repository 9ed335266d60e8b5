//! What can be done once for the whole process.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior,
    setrlimit,
};
use rustix::thread::{CapabilitySet, capabilities};

use crate::arena::{self, ArenaStatistics};

/// Whether `mlockall` succeeded: the kernel does not tell later. Nothing in this crate ever undoes it.
static ALL_PAGES_LOCKED: AtomicBool = AtomicBool::new(false);

/// What protects the memory of this process as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hardening {
    /// No core dump, and no debugger or `/proc/PID/mem` for other processes of the same user.
    pub not_dumpable: bool,
    /// The core file size limit is zero, hard and soft.
    pub no_core_files: bool,
    /// Which pages are never swapped.
    pub pages: LockedPages,
}

/// Which pages are never written to swap space.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockedPages {
    /// Every page of the process.
    All,
    /// The pages of the secret arena, up to `limit_bytes` (`RLIMIT_MEMLOCK`; `None`: no limit).
    SecretsOnly {
        /// How many bytes the process may lock.
        limit_bytes: Option<u64>,
    },
    /// None.
    None {
        /// Why the system refused.
        reason: LockRefusal,
    },
}

/// Why the system would not lock a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockRefusal {
    /// The limit of locked memory (`RLIMIT_MEMLOCK`) is zero or reached.
    Limit,
    /// The system does not lock memory, or not for this process.
    Unsupported,
}

impl fmt::Display for LockRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Limit => "the limit of locked memory (RLIMIT_MEMLOCK) is too low",
            Self::Unsupported => "the system does not lock memory for this process",
        })
    }
}

/// What holds now: see [`hardening`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HardeningReport {
    /// The process as a whole.
    pub process: Hardening,
    /// The pages of the secrets.
    pub arena: ArenaStatistics,
}

/// Protects the memory of this process as well as the system lets it, and says how well that is.
///
/// No core dumps (`PR_SET_DUMPABLE`, `RLIMIT_CORE` for good), which also keeps debuggers of the same user out; every
/// page locked where nothing limits that (no `RLIMIT_MEMLOCK`, or `CAP_IPC_LOCK`). Where a limit holds, the pages of
/// the secrets alone are locked, one chunk at a time, and the soft limit is raised to the hard one for them.
///
/// Call it first thing in `main`: earlier secrets are protected too, but a crash before the call may dump them.
/// Nothing fails; what could not be had is in the answer, to be logged and shown.
pub fn harden_process() -> Hardening {
    // A refusal shows in the report, which reads back what holds.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    );
    raise_lock_limit();
    // Under a limit, MCL_FUTURE would make later allocations of any kind fail as soon as the limit is reached.
    if locks_without_limit() {
        // ONFAULT: pages are locked when they are first touched; else every reserved stack would be filled at once.
        let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
        if mlockall(flags).is_ok() {
            ALL_PAGES_LOCKED.store(true, Ordering::Relaxed);
        }
    }
    hardening().process
}

/// What holds now, read back from the system where it tells; for `doctor` and for logs.
#[must_use]
pub fn hardening() -> HardeningReport {
    let core = getrlimit(Resource::Core);
    let process = Hardening {
        not_dumpable: dumpable_behavior() == Ok(DumpableBehavior::NotDumpable),
        no_core_files: core.current == Some(0) && core.maximum == Some(0),
        pages: locked_pages(),
    };
    HardeningReport {
        process,
        arena: arena::statistics(),
    }
}

fn locked_pages() -> LockedPages {
    if ALL_PAGES_LOCKED.load(Ordering::Relaxed) {
        return LockedPages::All;
    }
    let arena_locks = arena::statistics().bytes_locked > 0;
    match arena::try_lock_a_page() {
        // A limit that is used up still protects what was locked before.
        Err(reason) if !arena_locks => LockedPages::None { reason },
        _ => LockedPages::SecretsOnly {
            limit_bytes: lock_limit(),
        },
    }
}

/// What this thread may lock; `None`: as much as there is.
fn lock_limit() -> Option<u64> {
    if may_exceed_lock_limit() {
        None
    } else {
        getrlimit(Resource::Memlock).current
    }
}

fn locks_without_limit() -> bool {
    lock_limit().is_none()
}

/// Whether `CAP_IPC_LOCK` holds where the kernel asks for it: in the first user namespace. Root of a container with
/// a namespace of its own shows the capability but is held to the limit.
fn may_exceed_lock_limit() -> bool {
    let capable =
        capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK));
    capable && in_first_user_namespace()
}

/// The first namespace, and only it, maps all 2^32 - 1 user ids to themselves (user_namespaces(7)).
fn in_first_user_namespace() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

fn raise_lock_limit() {
    let limit = getrlimit(Resource::Memlock);
    let _ = setrlimit(
        Resource::Memlock,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    );
}
