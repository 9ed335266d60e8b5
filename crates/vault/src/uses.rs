//! Records of each use of a private key, as the configured level asks for.
//!
//! * *off*: none.
//! * *batched*: uses are counted in memory, by caller, key, operation and usage, and written from time to time. They name no
//!   trace: each record is of many.
//! * *each*: a record per use, durable before the answer leaves. Those who wait at the same time share one commit.
//!
//! Records are of the one chain of the vault, so they can be written only by the process that writes; a level that cannot
//! be kept refuses the use. What nobody is told of was not used, so the record comes after the use and before the answer.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use foldhash::HashMap;
use parking_lot::Mutex;
use strongroom_crypto::{Fingerprint, KeyUsages, Timestamp};
use tokio::sync::oneshot;

use crate::{
    audit::AuditOperation,
    caller::Caller,
    error::{ReplicaError, VaultError},
    settings::UseRecords,
    unit::Unit,
    vault::Vault,
};

/// While changes cannot be kept it is tried this often whether they can.
const RETRY_EVERY: Duration = Duration::from_secs(10);
/// Records in one commit: others wait for no more than that.
const MOST_IN_COMMIT: usize = 256;
/// Groups that are counted at once; one more is written first.
const MOST_GROUPS: usize = 1024;
/// So often a change of others, or the end of who wrote for all, makes somebody try again.
const MOST_TRIES: usize = 10;
/// Whoever uses the library and says not who asks.
pub(crate) const NOBODY: &str = "library";

/// What was done, for whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Use {
    caller: Caller,
    operation: AuditOperation,
    key: Fingerprint,
    usages: Option<KeyUsages>,
}

/// How often, and when.
#[derive(Clone, Copy, Debug)]
struct Count {
    uses: u64,
    first: Timestamp,
    last: Timestamp,
}

type Outcome = Result<(), Arc<VaultError>>;

/// A use whose record is not durable yet, and who waits for it.
struct Waiting {
    of: Use,
    at: Timestamp,
    done: oneshot::Sender<Outcome>,
}

/// Uses without a durable record so far.
#[derive(Default)]
pub(crate) struct Uses {
    waiting: Mutex<Vec<Waiting>>,
    counted: Mutex<Counted>,
    /// Whoever writes records, for all that wait.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Counted {
    groups: HashMap<Use, Count>,
    /// When the first of these uses was.
    since: Option<Timestamp>,
    /// This process leaves writing to another one: what is counted now would stay here.
    is_closed: bool,
}

/// Nothing is counted as long as this is there: each use is written, or refused.
pub(crate) struct NotCounting<'u>(&'u Uses);

impl Drop for NotCounting<'_> {
    fn drop(&mut self) {
        self.0.counted.lock().is_closed = false;
    }
}

impl Uses {
    /// For a process that gives the lease up. What was counted before it must write itself.
    pub(crate) fn stop_counting(&self) -> NotCounting<'_> {
        self.counted.lock().is_closed = true;
        NotCounting(self)
    }
}

impl std::fmt::Debug for Uses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uses").finish_non_exhaustive()
    }
}

/// How far the audit log is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditLag {
    /// Uses of keys whose records are not durable yet.
    pub uses: u64,
    /// How long ago the first of them was.
    pub oldest: Duration,
}

impl Counted {
    fn add(&mut self, of: Use, count: Count) {
        let group = self.groups.entry(of).or_insert(Count { uses: 0, ..count });
        group.uses += count.uses;
        group.first = group.first.min(count.first);
        group.last = group.last.max(count.last);
        let since = self.since.get_or_insert(count.first);
        *since = (*since).min(count.first);
    }

    /// All of it, the oldest first.
    fn take(&mut self) -> Vec<(Use, Count)> {
        self.since = None;
        let mut groups: Vec<_> = self.groups.drain().collect();
        groups.sort_by_key(|(_, count)| count.first);
        groups
    }

    fn uses(&self) -> u64 {
        self.groups.values().map(|count| count.uses).sum()
    }
}

/// Groups on their way into the log. What was not written when this is dropped is counted again: rather twice than not at all.
struct Taken<'u> {
    uses: &'u Uses,
    groups: Vec<(Use, Count)>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut counted = self.uses.counted.lock();
        for (of, count) in self.groups.drain(..) {
            counted.add(of, count);
        }
    }
}

impl Count {
    const fn one(at: Timestamp) -> Self {
        Self {
            uses: 1,
            first: at,
            last: at,
        }
    }

    fn details(&self, of: &Use, level: UseRecords) -> BTreeMap<String, String> {
        let mut details = BTreeMap::new();
        if let Some(usages) = of.usages {
            details.insert("usage".to_owned(), usages.to_string());
        }
        // What was counted is told as many, also where the level has changed since.
        if level == UseRecords::Batched || self.uses > 1 {
            let micros = |time: Timestamp| time.as_micros().to_string();
            details.insert("uses".to_owned(), self.uses.to_string());
            details.insert("first_micros".to_owned(), micros(self.first));
            details.insert("last_micros".to_owned(), micros(self.last));
        }
        details
    }
}

impl Vault {
    /// Sees to it that a use of a key is on record, as the level asks, before the answer leaves.
    ///
    /// # Errors
    /// [`VaultError::UseNotRecorded`]: the answer must not leave.
    pub(crate) async fn record_use(
        &self,
        caller: Option<&Caller>,
        operation: AuditOperation,
        key: &Fingerprint,
        usages: Option<KeyUsages>,
    ) -> Result<(), VaultError> {
        let level = self.use_level();
        if level == UseRecords::Off {
            return Ok(());
        }
        let caller = caller.cloned().unwrap_or_else(|| Caller::new(NOBODY));
        let of = Use {
            caller: match level {
                // Each call has a trace of its own: no two of them would count together.
                UseRecords::Batched => caller.without_trace(),
                UseRecords::Off | UseRecords::Each => caller,
            },
            operation,
            key: *key,
            usages,
        };
        if let Some(other) = self.other_writer() {
            return Err(not_recorded(Arc::new(other.into())));
        }
        // Who counts, and cannot write later, would have given answers without records.
        if level == UseRecords::Batched && self.is_known_to_write() {
            return self.count_use(of).await;
        }
        // Apart: what does not come here shall not carry it along.
        Box::pin(self.write_use(of)).await
    }

    /// Whether keys that are used here can be on record, as the level asks: a process that leaves writing to another one keeps no
    /// records, nor does one whose last change could not be kept ([`Vault::write_failure`]), and where there are any they refuse each
    /// use. Asks nobody.
    #[must_use]
    pub fn keeps_use_records(&self) -> bool {
        let may_write = || self.other_writer().is_none() && self.settings().replica.writes;
        let writes = || self.is_known_to_write() || may_write();
        self.use_level() == UseRecords::Off || (self.write_failure().is_none() && writes())
    }

    /// As the settings say. Where the file that they come from is one that nobody approved, it says nothing of records: with a copy of
    /// the good file one would sign unseen.
    pub(crate) fn use_level(&self) -> UseRecords {
        if self.audits_unapproved() {
            return UseRecords::Each;
        }
        self.settings().audit.uses
    }

    /// One record, written together with those of others who wait.
    async fn write_use(&self, of: Use) -> Result<(), VaultError> {
        let uses = self.uses();
        for _try in 0..MOST_TRIES {
            let (done, mut answer) = oneshot::channel();
            uses.waiting.lock().push(Waiting {
                of: of.clone(),
                at: self.now(),
                done,
            });
            let outcome = loop {
                let turn = tokio::select! {
                    biased;
                    outcome = &mut answer => break outcome.ok(),
                    turn = uses.turn.lock() => turn,
                };
                // Whoever had the turn before may have written this one.
                match answer.try_recv() {
                    Ok(outcome) => break Some(outcome),
                    Err(oneshot::error::TryRecvError::Closed) => break None,
                    Err(oneshot::error::TryRecvError::Empty) => self.write_waiting().await,
                }
                drop(turn);
            };
            if let Some(written) = outcome {
                return written.map_err(not_recorded);
            }
            // Who wrote for all was given up by its own caller: nobody knows whether the record is there. Once more.
        }
        Err(VaultError::UseNotRecorded { source: None })
    }

    /// Writes the records of those who wait, and tells them. To be called by whoever has the turn.
    async fn write_waiting(&self) {
        let group: Vec<Waiting> = {
            let mut waiting = self.uses().waiting.lock();
            let length = waiting.len().min(MOST_IN_COMMIT);
            waiting.drain(..length).collect()
        };
        let records: Vec<_> = group
            .iter()
            .map(|waiting| (waiting.of.clone(), Count::one(waiting.at)))
            .collect();
        let written = self.write_records(&records).await.map_err(Arc::new);
        for waiting in group {
            // Whoever went away meanwhile is on record nevertheless.
            let _gone = waiting.done.send(written.clone());
        }
    }

    /// Counts a use, and has the counts written first if there are too many, or they are overdue.
    async fn count_use(&self, of: Use) -> Result<(), VaultError> {
        let now = self.now();
        let overdue = {
            let counted = self.uses().counted.lock();
            let window = self.settings().audit.window.saturating_mul(2);
            let is_full = counted.groups.len() >= MOST_GROUPS && !counted.groups.contains_key(&of);
            is_full
                || counted
                    .since
                    .is_some_and(|oldest| age(oldest, now) > window)
        };
        if overdue {
            Box::pin(self.flush_audit()).await?;
        }
        let uncounted = {
            let mut counted = self.uses().counted.lock();
            if counted.is_closed {
                Some(of)
            } else {
                counted.add(of, Count::one(now));
                None
            }
        };
        match uncounted {
            None => Ok(()),
            Some(of) => Box::pin(self.write_use(of)).await,
        }
    }

    /// Writes what was counted of uses so far into the audit log; durable when it answers. Who has the vault open for long
    /// lets [`Vault::tend`] do it.
    ///
    /// # Errors
    /// [`VaultError::UseNotRecorded`]: it is still counted, and the next one tries again.
    pub async fn flush_audit(&self) -> Result<(), VaultError> {
        let uses = self.uses();
        let _turn = uses.turn.lock().await;
        let mut taken = Taken {
            groups: uses.counted.lock().take(),
            uses,
        };
        while !taken.groups.is_empty() {
            let length = taken.groups.len().min(MOST_IN_COMMIT);
            let records = taken.groups.get(..length).unwrap_or_default();
            let written = self.write_records(records).await;
            written.map_err(|error| not_recorded(Arc::new(error)))?;
            taken.groups.drain(..length);
        }
        Ok(())
    }

    /// One commit. Changes of others in between are taken in first.
    async fn write_records(&self, records: &[(Use, Count)]) -> Result<(), VaultError> {
        if records.is_empty() {
            return Ok(());
        }
        let mut tries = 0;
        let mut unit = loop {
            match Unit::begin_all_the_same(self).await {
                Err(VaultError::Replica(ReplicaError::Behind)) if tries < MOST_TRIES => {
                    tries += 1;
                    self.catch_up().await?;
                }
                begun => break begun?,
            }
        };
        let level = self.use_level();
        for (of, count) in records {
            let details = count.details(of, level);
            unit.audit(&of.caller, of.operation, Some(of.key), details)
                .await?;
        }
        unit.commit().await
    }

    /// How far the audit log is behind what was done.
    #[must_use]
    pub fn audit_lag(&self) -> AuditLag {
        let uses = self.uses();
        let (mut lag, mut oldest) = {
            let counted = uses.counted.lock();
            (counted.uses(), counted.since)
        };
        {
            let waiting = uses.waiting.lock();
            lag += waiting.len() as u64;
            oldest = waiting.iter().map(|use_| use_.at).chain(oldest).min();
        }
        AuditLag {
            uses: lag,
            oldest: oldest.map_or(Duration::ZERO, |oldest| age(oldest, self.now())),
        }
    }

    /// Keeps the audit log for as long as it is polled: writes what was counted, each time the window ends, and lets the audit
    /// key sign a checkpoint from time to time. Never ends. A process that does not write leaves both to the one that does.
    pub(crate) async fn keep_audit(&self, caller: &Caller) {
        let settings = &self.settings().audit;
        let mut flush = tokio::time::interval(settings.window);
        let mut retry = tokio::time::interval(RETRY_EVERY.min(settings.window));
        let mut sign = tokio::time::interval(settings.checkpoint_every);
        // The first tick comes at once.
        sign.tick().await;
        loop {
            let done = tokio::select! {
                _now = flush.tick() => self.flush_audit().await,
                _now = retry.tick() => self.try_to_write(caller).await,
                _now = sign.tick(), if self.is_known_to_write() => {
                    self.sign_audit_checkpoint(caller).await.map(drop)
                }
            };
            if let Err(error) = done {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "the audit log cannot be kept");
            }
        }
    }
}

fn not_recorded(error: Arc<VaultError>) -> VaultError {
    VaultError::UseNotRecorded {
        source: Some(error),
    }
}

fn age(time: Timestamp, now: Timestamp) -> Duration {
    let micros = now.as_micros().saturating_sub(time.as_micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
