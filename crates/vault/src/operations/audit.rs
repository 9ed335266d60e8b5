//! Reading, verifying and signing the audit log.

pub(crate) mod export;

use std::sync::Arc;

use strongroom_crypto::SigningPublicKey;
use strongroom_store::{AuditRow, Store};

use crate::{
    audit::{AuditCheckpoint, AuditEntry, AuditHead, AuditKey, AuditVerification, ChainWalk},
    caller::Caller,
    error::VaultError,
    unit::Unit,
    vault::Vault,
};

/// Records read at a time.
const PAGE: usize = 1024;

/// A walk along the audit log as it was at one moment, which verifies it on the way.
///
/// Records are only ever added, and each names the one before: so a page is read for itself. A transaction for all of them would stay open
/// for as long as whoever takes them takes, and keep the store from tidying up behind what is written meanwhile.
pub(crate) struct AuditWalk {
    store: Arc<dyn Store>,
    /// Where it ends: records that others append meanwhile are beyond it.
    end: AuditHead,
    walk: ChainWalk,
    newest: Option<AuditCheckpoint>,
}

/// A record on the way.
pub(crate) struct Walked {
    pub(crate) row: AuditRow,
    pub(crate) entry: AuditEntry,
    /// The same record, if it is a checkpoint.
    pub(crate) checkpoint: Option<AuditCheckpoint>,
}

impl Walked {
    const fn place(&self) -> AuditHead {
        AuditHead {
            records: self.row.sequence,
            hash: self.row.hash,
        }
    }
}

impl AuditWalk {
    /// The next records, oldest first; none at the end.
    pub(crate) async fn page(&mut self) -> Result<Vec<Walked>, VaultError> {
        self.page_of(PAGE).await
    }

    /// The same, not more than so many.
    async fn page_of(&mut self, most: usize) -> Result<Vec<Walked>, VaultError> {
        let done = self.walk.records();
        let left = usize::try_from(self.end.records - done).unwrap_or(usize::MAX);
        let most = most.min(PAGE).min(left);
        if most == 0 {
            return Ok(Vec::new());
        }
        let rows = self.store.read().await?.audit_after(done, most).await?;
        let mut page = Vec::with_capacity(rows.len());
        for row in rows {
            let before = self.walk.head();
            let entry = self.walk.step(&row)?;
            let checkpoint = AuditCheckpoint::of(&entry, before)?;
            if checkpoint.is_some() {
                self.newest.clone_from(&checkpoint);
            }
            page.push(Walked {
                row,
                entry,
                checkpoint,
            });
        }
        let here = self.walk.head();
        if page.is_empty() || (here.records == self.end.records && here != self.end) {
            return Err(VaultError::AuditBroken {
                sequence: done + page.len() as u64,
            });
        }
        Ok(page)
    }
}

impl Vault {
    /// Walks the audit log from its beginning, hands each record to `visit`, and verifies the chain on the way.
    ///
    /// # Errors
    /// [`VaultError::AuditBroken`] names the first record that was removed, changed or put in another place; a cut tail
    /// counts as such. Errors of the store.
    pub async fn walk_audit(
        &self,
        mut visit: impl FnMut(AuditEntry),
    ) -> Result<AuditVerification, VaultError> {
        self.walk(AuditHead::default(), |entry, _place| visit(entry))
            .await
    }

    /// As [`Self::walk_audit`], with the place of each record, from which [`Self::read_audit`] reads on.
    ///
    /// # Errors
    /// As [`Self::walk_audit`].
    pub async fn walk_audit_with_places(
        &self,
        visit: impl FnMut(AuditEntry, AuditHead),
    ) -> Result<AuditVerification, VaultError> {
        self.walk(AuditHead::default(), visit).await
    }

    async fn walk(
        &self,
        after: AuditHead,
        mut visit: impl FnMut(AuditEntry, AuditHead),
    ) -> Result<AuditVerification, VaultError> {
        let mut walk = self.audit_walk(after).await?;
        loop {
            let page = walk.page().await?;
            if page.is_empty() {
                return Ok(AuditVerification::new(&walk.walk, walk.newest));
            }
            for walked in page {
                let place = walked.place();
                visit(walked.entry, place);
            }
        }
    }

    /// The records that come next after those up to `after`, some at a time, and where they end; none if there are no more yet.
    /// The chain is verified as far as they go.
    ///
    /// # Errors
    /// As [`Self::walk_audit`]; also [`VaultError::AuditBroken`] when there are fewer records now than up to `after`.
    pub async fn next_audit_records(
        &self,
        after: AuditHead,
    ) -> Result<(Vec<AuditEntry>, AuditHead), VaultError> {
        let mut walk = self.audit_walk(after).await?;
        let page = walk.page().await?;
        let entries = page.into_iter().map(|walked| walked.entry);
        Ok((entries.collect(), walk.walk.head()))
    }

    /// Reads up to `most` records after those up to `after`, as long as `take` takes them, and says where the last one stands that it
    /// took. It costs what it reads: verified is that each record follows on the one before, from `after` on. Whether `after` is a place
    /// of the log, and what comes later, is not; whoever reads on to the end has it verified.
    ///
    /// None: the log has no such place.
    ///
    /// # Errors
    /// [`VaultError::AuditBroken`]; errors of the store.
    pub async fn read_audit(
        &self,
        after: AuditHead,
        most: usize,
        mut take: impl FnMut(AuditEntry, AuditHead) -> bool,
    ) -> Result<Option<AuditHead>, VaultError> {
        if !self.is_place_of_audit(after).await? {
            return Ok(None);
        }
        let mut walk = self.audit_walk(after).await?;
        let (mut place, mut left) = (after, most);
        loop {
            let page = walk.page_of(left).await?;
            if page.is_empty() {
                return Ok(Some(place));
            }
            left -= page.len();
            for walked in page {
                let here = walked.place();
                if !take(walked.entry, here) {
                    return Ok(Some(place));
                }
                place = here;
            }
        }
    }

    /// Whether the log has this record, by number and hash, as far as the store says.
    async fn is_place_of_audit(&self, place: AuditHead) -> Result<bool, VaultError> {
        if place.records == 0 {
            return Ok(place == AuditHead::default());
        }
        if place.records > self.audit_head().await.records {
            return Ok(false);
        }
        let mut snapshot = self.environment().store.read().await?;
        let rows = snapshot.audit_after(place.records - 1, 1).await?;
        let is_it = |row: &AuditRow| row.sequence == place.records && row.hash == place.hash;
        Ok(rows.first().is_some_and(is_it))
    }

    pub(crate) async fn audit_walk(&self, after: AuditHead) -> Result<AuditWalk, VaultError> {
        let end = self.audit_head().await;
        if after.records > end.records || (after.records == end.records && after != end) {
            return Err(VaultError::AuditBroken {
                sequence: end.records,
            });
        }
        Ok(AuditWalk {
            store: Arc::clone(&self.environment().store),
            end,
            walk: ChainWalk::from(after),
            newest: None,
        })
    }

    /// The audit key that signs checkpoints now: its public half. Give it to the auditors; a rotation of the wrapper key
    /// brings another one, which the one before introduces.
    ///
    /// # Errors
    /// [`VaultError::Key`] if the cryptographic library fails.
    pub fn audit_key(&self) -> Result<SigningPublicKey, VaultError> {
        let key = AuditKey::of(self.data_keys().current())?;
        Ok(key.public().clone())
    }

    /// The newest record of the audit log, as this process knows it.
    pub async fn audit_head(&self) -> AuditHead {
        self.committed().lock().await.state.audit_head()
    }

    /// Lets the audit key vouch for all records, unless the newest one is a checkpoint already. Returns the head after it.
    ///
    /// # Errors
    /// As for every act that writes; [`VaultError::AuditBroken`].
    pub async fn sign_audit_checkpoint(&self, caller: &Caller) -> Result<AuditHead, VaultError> {
        let mut snapshot = self.environment().store.read().await?;
        let newest = snapshot.audit_head().await?;
        drop(snapshot);
        let head = self.audit_head().await;
        let is_checkpoint = newest.is_some_and(|row| {
            let of_head = row.sequence == head.records && row.hash == head.hash;
            of_head && AuditEntry::is_checkpoint(&row)
        });
        if is_checkpoint {
            return Ok(head);
        }
        let mut unit = Unit::begin(self).await?;
        unit.checkpoint(caller).await?;
        unit.commit().await?;
        Ok(self.audit_head().await)
    }
}
