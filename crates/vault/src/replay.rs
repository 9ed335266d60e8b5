//! Reading topology that somebody else kept: every signature is verified, and every transaction goes through the state
//! machine in its order. Needs no vault.
//!
//! One thread reads, keeps the order and decides; others decode and verify ahead, batch by batch. What is under way is
//! bounded. What was accepted stays in memory, since later transactions build on it, up to a limit; what was rejected is
//! counted and forgotten.

mod batch;
mod keys;
mod pipeline;
mod report;

use std::{io::BufRead, num::NonZeroUsize};

use strongroom_crypto::Timestamp;
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_proto::{
    ProtoError,
    topology::{Container, ItemReader, StreamError},
};
use strongroom_topology::{
    Rules, StoreId, Times, TopologyStore, TransactionHash, TransactionSignature,
};

pub use report::{ReplayReport, ReplayedReason, ReplayedRejection, SignatureCounts};

use self::{
    batch::{Checked, Item},
    keys::KnownKeys,
};

/// How many bytes of memory the process may use unless somebody says otherwise: 2 GiB.
pub const DEFAULT_REPLAY_LIMIT: u64 = 2 * 1024 * 1024 * 1024;

/// How a replay is done.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made by callers, who must decide about each field"
)]
pub struct ReplaySettings {
    /// What the store that is replayed into is called. That of a synchronizer takes only what belongs to it.
    pub store: StoreId,
    /// Threads that decode and verify.
    pub threads: NonZeroUsize,
    /// How much memory it may take.
    pub memory: MemoryLimit,
}

/// A limit on memory, and what tells how much is in use: only the program knows its allocator.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made by callers, who must decide about each field"
)]
pub struct MemoryLimit {
    /// The most bytes that the process may use. What is under way comes on top: for hostile input up to half a GiB, mostly
    /// some MiB.
    pub bytes: u64,
    /// Bytes that the process uses now.
    pub in_use: fn() -> u64,
}

/// Why a replay could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The items could not be read to the end.
    #[error("item {number} cannot be read")]
    Stream {
        /// Counted from 1.
        number: u64,
        /// What is wrong.
        source: StreamError,
    },
    /// An item is no topology transaction.
    #[error("item {number} is no topology transaction")]
    Item {
        /// Counted from 1.
        number: u64,
        /// What is wrong with it.
        source: ProtoError,
    },
    /// More memory than may be used.
    #[error("what was accepted up to item {number} takes more than {limit} bytes of memory")]
    LimitReached {
        /// Counted from 1.
        number: u64,
        /// The limit in bytes.
        limit: u64,
    },
}

impl ReplayError {
    /// Every code of this type; errors of streams and messages bring their own.
    pub const CODES: &'static [ErrorCode] = &[Self::LIMIT];

    const LIMIT: ErrorCode = ErrorCode::new(
        "TOPOLOGY_REPLAY_LIMIT",
        Category::ResourceExhausted,
        "Raise the limit if this machine has the memory.",
    );
}

impl Coded for ReplayError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Stream { source, .. } => source.code(),
            Self::Item { source, .. } => source.code(),
            Self::LimitReached { .. } => Self::LIMIT,
        }
    }
}

/// A replay under way.
#[derive(Debug)]
pub struct Replay {
    settings: ReplaySettings,
    store: TopologyStore,
    keys: KnownKeys,
    report: ReplayReport,
    /// Signatures whose keys have not been seen yet, each with what it stands in.
    unresolved: Vec<(TransactionHash, TransactionSignature)>,
}

impl Replay {
    /// Nothing has been replayed yet.
    #[must_use]
    pub fn new(settings: ReplaySettings) -> Self {
        Self {
            store: TopologyStore::new(settings.store.clone()),
            settings,
            keys: KnownKeys::default(),
            report: ReplayReport::default(),
            unresolved: Vec::new(),
        }
    }

    /// Replays a container behind what was replayed before. `rules` say how strictly its transactions are looked at;
    /// `progress` is told, now and then, how many bytes of the container were read.
    ///
    /// # Errors
    /// [`ReplayError`] at the first item that cannot be read; what stands in front of it was replayed.
    pub fn read<R: BufRead>(
        &mut self,
        input: R,
        container: Container,
        rules: &Rules,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ReplayError> {
        let items = ItemReader::new(input, container);
        pipeline::run(self, items, &rules.forgetting_rejected(), progress)
    }

    /// The end: what was found, and the store as it is now.
    #[must_use]
    pub fn finish(mut self) -> (ReplayReport, TopologyStore) {
        for (transaction, signature) in std::mem::take(&mut self.unresolved) {
            let key = self.keys.key(&signature.signed_by());
            let verdict = key.map(|key| batch::verify(transaction, &signature, &key));
            self.report.count_signature(&signature, verdict);
        }
        (self.report, self.store)
    }

    /// Decides about the next transaction.
    fn decide(&mut self, number: u64, checked: Checked, rules: &Rules) {
        let Checked { item, verdicts } = checked;
        let Item {
            signed,
            times,
            recorded,
        } = item;
        self.report.count_transaction(&signed);
        for (signature, verdict) in signed.signatures().iter().zip(verdicts) {
            match verdict {
                None => self.unresolved.push((signed.hash(), signature.clone())),
                verdict => self.report.count_signature(signature, verdict),
            }
        }
        let (hash, code) = (signed.hash(), signed.transaction().mapping().code());
        let times = times.unwrap_or_else(|| self.next_instant());
        let processed = self.store.process(signed, times, rules);
        self.report
            .count_outcome(number, hash, code, processed.outcome, recorded);
    }

    /// How many bytes of memory the process may still use.
    fn memory_left(&self) -> Result<u64, ReplayError> {
        let MemoryLimit { bytes, in_use } = self.settings.memory;
        bytes
            .checked_sub(in_use())
            .ok_or(ReplayError::LimitReached {
                number: self.report.transactions,
                limit: bytes,
            })
    }

    /// Transactions without times follow each other, and everything that was there before.
    fn next_instant(&self) -> Times {
        let after = self.store.max_timestamp().map_or(0, Timestamp::as_micros);
        let at = Timestamp::from_micros(after.saturating_add(1));
        Times {
            sequenced: at,
            effective: at,
        }
    }
}
