//! Reading what other processes have committed.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use strongroom_store::{ApprovalId, BackupId, DataKeyRecord, JournalId};
use subtle::ConstantTimeEq;
use tokio::time::timeout;

use super::{
    Replica,
    changed::{Keys, News},
};
use crate::{
    committed::{Change, Committed},
    data_keys::{DataKeys, OpenedBy, OpenedDataKey},
    directory::KeyEntry,
    error::{ReplicaError, VaultError},
    history::{Acts, acts_since},
    operations::open::contents::{Contents, Outline},
    succession::Rows,
    topology::Topology,
    vault::Vault,
    wraps::in_order,
};

/// How long a use of a key waits for a look at the store: longer than a store takes that works.
const PATIENCE: Duration = Duration::from_secs(10);
/// A part of it, in which topology is read again.
const A_LOOK: Duration = Duration::from_secs(3);

impl Vault {
    /// Reads what other processes have committed since this one last looked, and refuses what was tampered with, or is
    /// older than what is known here. Costs one small read when nothing was; does nothing in a vault that only one
    /// process has open.
    ///
    /// # Errors
    /// [`VaultError::RolledBack`]; the errors of [`Vault::open`] about rows that are not authentic; errors of the store.
    /// What is known here then stays as it was, and this process falls out of touch.
    pub async fn catch_up(&self) -> Result<(), VaultError> {
        let Some(replica) = self.replica() else {
            return Ok(());
        };
        let outcome = self.look(replica).await;
        replica.looked_with(&outcome);
        outcome
    }

    /// Waits until no unit of work is under way, and this process knows what the others did, as far as the store answers.
    pub(crate) async fn caught_up(&self) {
        self.settled().await;
        // Without an answer things stay as they are, and what depends on them fails by itself.
        let _no_answer = self.catch_up().await;
    }

    /// Whether the store holds what is known here; asks it.
    ///
    /// # Errors
    /// [`ReplicaError::Behind`] if it holds something else; errors of the store.
    pub(crate) async fn check_abreast(&self) -> Result<(), VaultError> {
        let Some(replica) = self.replica() else {
            return Ok(());
        };
        if self.stored_state_record().await? == **replica.known.load() {
            Ok(())
        } else {
            Err(ReplicaError::Behind.into())
        }
    }

    /// The same, once no unit of work of this process is under way: what the store holds then is known here, or from another.
    pub(super) async fn check_abreast_of_units(&self) -> Result<(), VaultError> {
        let _committed = self.committed().lock().await;
        self.check_abreast().await
    }

    pub(super) async fn get_in_touch(&self, replica: &Replica) -> Result<(), VaultError> {
        let asked = self.elapsed();
        let _turn = replica.turn.lock().await;
        // Somebody looked meanwhile, and later than we came.
        if replica.looked_since(asked) {
            return Ok(());
        }
        let source = match timeout(PATIENCE, self.catch_up()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => Some(Box::new(error)),
            Err(_elapsed) => None,
        };
        Err(ReplicaError::OutOfTouch {
            silence: replica.silence(self.elapsed()),
            source,
        }
        .into())
    }

    async fn look(&self, replica: &Replica) -> Result<(), VaultError> {
        let began = self.elapsed();
        if self.stored_state_record().await? == **replica.known.load() {
            replica.looked(began);
            return Ok(());
        }
        // Locks are taken in the order topology, last commit.
        let (_turn, mut topology) = self.topology_cell().write().await;
        self.catch_up_within(&mut topology).await?;
        self.follow_withdrawals(&mut topology).await;
        Ok(())
    }

    /// Session keys of a key that others withdrew are wiped now, and not when somebody next asks for topology: those, or all of
    /// them if topology cannot be read. Nor are those taken in that are being made, for which topology must be known.
    async fn follow_withdrawals(&self, topology: &mut Topology) {
        if topology.is_loaded() || self.caches().session_keys.is_idle() {
            return;
        }
        if !matches!(
            timeout(A_LOOK, self.load_topology(topology)).await,
            Ok(Ok(()))
        ) {
            self.caches().session_keys.clear();
        }
    }

    /// As [`Self::catch_up`], for whoever has the lock of topology.
    pub(crate) async fn catch_up_within(&self, topology: &mut Topology) -> Result<(), VaultError> {
        let Some(replica) = self.replica() else {
            return Ok(());
        };
        let mut committed = self.committed().lock().await;
        let began = self.elapsed();
        let mut snapshot = self.environment().store.read().await?;
        let outline = Outline::read(snapshot.as_mut()).await?;
        let stored = &outline.vault.state;
        if outline.vault.id != self.id() {
            return Err(VaultError::ChangedUnderneath);
        }
        if *stored == committed.record {
            // A commit of ours in doubt may still be on its way.
            replica.looked(began);
            return Ok(());
        }
        if committed
            .in_doubt
            .as_ref()
            .is_some_and(|commit| commit.record == *stored)
        {
            self.settle(&mut committed, stored);
            replica.looked(began);
            return Ok(());
        }
        let data_keys = self.data_keys_of(&outline).await?;
        let known = committed.state.generation;
        let state = outline.state(data_keys.current())?;
        let read = snapshot.as_mut();
        let acts = acts_since(read, committed.state.audit_head(), &state).await?;
        if state.generation <= known || matches!(acts, Acts::Elsewhere) {
            return Err(VaultError::RolledBack {
                remembered: known,
                found: state.generation,
            });
        }
        let changed = match acts {
            Acts::Named(keys) => {
                self.read_changed(read, &outline, &data_keys, (&committed.state, keys))
                    .await?
            }
            Acts::TooMany | Acts::Elsewhere => None,
        };
        let news = match changed {
            Some(news) => news,
            None => Contents::read(read, &outline, &data_keys).await?.into(),
        };
        drop(snapshot);
        // The anchor first: what this process acts on is never newer than what it remembers.
        let checkpoint = self.checkpoint(&news.state, &data_keys);
        let anchored = self.anchor_record(Some(checkpoint), None, &data_keys);
        self.environment().anchor.store(&anchored)?;
        if news.state.topology != committed.state.topology
            || data_keys.current().id != self.data_keys().current().id
        {
            topology.forget();
        }
        self.take_over(&mut committed, news, outline, data_keys);
        replica.looked(began);
        Ok(())
    }

    fn take_over(
        &self,
        committed: &mut Committed,
        news: News,
        outline: Outline,
        data_keys: Arc<DataKeys>,
    ) {
        let changes = self.changes_to(&news);
        committed.state = news.state;
        committed.record = outline.vault.state;
        // Whatever became of it, it is part of what was read, or never happened.
        committed.in_doubt = None;
        self.wrap_records().replace(outline.wraps, &data_keys);
        self.replace_data_keys(Arc::clone(&data_keys));
        for change in changes {
            self.apply(change);
        }
        self.follow_rewraps(&data_keys);
        self.note_known(committed);
        self.note_for_tag(&committed.state);
        self.end_doubt();
    }

    /// What `news` has that is not known here, and what it lacks.
    fn changes_to(&self, news: &News) -> Vec<Change> {
        let mut changes = self.changes_of_keys(&news.keys);
        let (rest, state) = (&news.rest, &news.state);
        changes.extend(rest.identity.clone().map(Change::Identified));
        let ended = self.node().rotations().into_iter();
        changes.extend(ended.map(|rotation| Change::RotationEnded(rotation.old)));
        changes.extend(rest.rotations.iter().cloned().map(Change::RotationBegun));
        let listed: BTreeSet<JournalId> =
            rest.journal.iter().map(crate::JournalEntry::id).collect();
        let struck = self.journal().entries().into_iter().map(|entry| entry.id());
        changes.extend(struck.filter(|id| !listed.contains(id)).map(Change::Struck));
        changes.extend(rest.journal.iter().cloned().map(Change::Journalled));
        let listed: BTreeSet<BackupId> = rest.backups.iter().map(|backup| backup.id).collect();
        let forgotten = self.backups().into_iter().map(|backup| backup.id);
        changes.extend(
            forgotten
                .filter(|id| !listed.contains(id))
                .map(Change::BackupForgotten),
        );
        changes.extend(rest.backups.iter().cloned().map(Change::BackedUp));
        let listed: BTreeSet<ApprovalId> = rest.approvals.iter().map(|asked| asked.id).collect();
        let struck = self.approvals().into_iter().map(|asked| asked.id);
        let struck = struck.filter(|id| !listed.contains(id));
        changes.extend(struck.map(Change::ApprovalStruck));
        changes.extend(rest.approvals.iter().cloned().map(Change::ApprovalPut));
        changes.push(Change::Quarantine(state.quarantine));
        changes
    }

    fn changes_of_keys(&self, keys: &Keys) -> Vec<Change> {
        let put = |entry: &Arc<KeyEntry>| {
            let known = self.directory().entry(&entry.fingerprint());
            let is_news = known.is_none_or(|known| !known.says_the_same(entry));
            is_news.then(|| Change::Put(Arc::clone(entry)))
        };
        match keys {
            Keys::All(entries) => {
                let mut changes: Vec<_> = entries.values().filter_map(put).collect();
                self.directory().for_each(|known| {
                    let fingerprint = known.fingerprint();
                    if !entries.contains_key(&fingerprint) {
                        changes.push(Change::Removed(fingerprint));
                    }
                });
                changes
            }
            Keys::Changed(changed) => {
                let change = |(fingerprint, entry): &(_, Option<_>)| match entry {
                    Some(entry) => put(entry),
                    None => Some(Change::Removed(*fingerprint)),
                };
                changed.iter().filter_map(change).collect()
            }
        }
    }

    /// A data key whose wrap gave way to another one is shown as opened by that.
    fn follow_rewraps(&self, data_keys: &DataKeys) {
        let wraps = self.wrap_records().all();
        for data_key in data_keys.opened() {
            let by = data_key.opened_by();
            let is_there = wraps.iter().any(|wrap| {
                wrap.data_key_id == data_key.id
                    && *wrap.kms == *by.kms
                    && *wrap.wrapper_key_id == *by.wrapper_key_id
            });
            if !is_there
                && let Some((_, wrap)) = in_order(self.environment(), &wraps, data_key.id).next()
            {
                self.apply(Change::Rewrapped(data_key.id, OpenedBy::new(wrap)));
            }
        }
    }

    /// The data keys that the store names. Those that are not open here are unwrapped, which costs a KMS call each; one that
    /// became the current one must be vouched for by the one that is open here, so that nobody can put another in its place.
    async fn data_keys_of(&self, outline: &Outline) -> Result<Arc<DataKeys>, VaultError> {
        let rows = Rows {
            environment: self.environment(),
            watch: self.kms_watch(),
            vault: self.id(),
            data_keys: &outline.data_keys,
            wraps: &outline.wraps,
        };
        let known = self.data_keys();
        let open = async |record: &DataKeyRecord| -> Result<Arc<OpenedDataKey>, VaultError> {
            let is_it = |opened: &&Arc<OpenedDataKey>| {
                let same: bool = opened.key.commitment().ct_eq(&record.commitment).into();
                opened.id == record.id && same
            };
            match known.opened().find(is_it) {
                Some(opened) => Ok(Arc::clone(opened)),
                None => Ok(Arc::new(rows.unwrap(record).await?)),
            }
        };
        let current = open(outline.current()?).await?;
        let incoming = match outline.incoming(&current)? {
            None => None,
            Some(record) => Some(open(record).await?),
        };
        if !known.opened().any(|opened| Arc::ptr_eq(opened, &current)) {
            let state = outline.state(&current)?;
            let trusted = known.current();
            state.succession.check(trusted, current.id, rows).await?;
        }
        let records = outline.data_keys.clone();
        let data_keys = DataKeys::new(current, incoming, records);
        Ok(Arc::new(data_keys.following(&known)))
    }
}

impl KeyEntry {
    /// Whether another look at the rows showed the same.
    fn says_the_same(&self, other: &Self) -> bool {
        let half = |entry: &Self| {
            let half = entry.private.as_ref()?;
            Some((half.tag, half.data_key, half.wrapper_key_id.clone()))
        };
        self.public_tag == other.public_tag
            && self.public_data_key == other.public_data_key
            && half(self) == half(other)
    }
}
