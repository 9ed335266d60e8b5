//! What an open vault knows of its tag, and the writing of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::Mutex;
use strongroom_errors::Coded;
use strongroom_kms::{KeyTags, KmsError, KmsKeyId};
use strongroom_store::VaultId;
use tokio::{sync::OwnedMutexGuard, task::JoinHandle};

use super::{DataKeySet, TagRecord, tag_name};
use crate::error::AnchorTagError;

/// Held by whoever writes the tag: a checkpoint must not undo what a commit prepared.
pub(crate) type Turn = OwnedMutexGuard<()>;

/// Keeps the tag of one vault.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) kms: String,
    tags: Arc<dyn KeyTags>,
    name: String,
    turn: Arc<tokio::sync::Mutex<()>>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// What the tag shall say; none while the KMS has no wrap.
    plan: Option<Plan>,
    /// What tags say, by wrapper key, as far as this process read or wrote them.
    written: BTreeMap<String, TagRecord>,
    /// The wrapper key that a commit under way leaves.
    leaving: Option<Closing>,
    /// A wrapper key that was left, and whose tag still accepts the state before.
    closing: Option<Closing>,
    failure: Option<TagFailure>,
}

/// What the tag of which wrapper key shall say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) key: String,
    pub(crate) record: TagRecord,
}

/// A wrapper key that no longer has the tag that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) key: String,
    /// The data key that it wraps: a backup of that time names it.
    pub(crate) data_keys: DataKeySet,
}

/// Why the tag is not as new as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TagFailure {
    /// The code of the failure.
    pub code: &'static str,
    /// The failure in words.
    pub reason: String,
}

impl Keeper {
    pub(crate) fn new(kms: &str, tags: Arc<dyn KeyTags>, vault: VaultId) -> Self {
        Self {
            kms: kms.to_owned(),
            tags,
            name: tag_name(vault),
            turn: Arc::default(),
            known: Mutex::default(),
        }
    }

    /// Reads the tag of a wrapper key.
    pub(crate) async fn read(&self, key: &str) -> Result<Option<TagRecord>, AnchorTagError> {
        let unreadable = |source| AnchorTagError::Unreadable {
            kms: self.kms.clone(),
            wrapper_key_id: key.to_owned(),
            source,
        };
        let id = KmsKeyId::try_new(key).map_err(|error| unreadable(error.into()))?;
        match self.tags.tag(&id, &self.name).await.map_err(unreadable)? {
            None => Ok(None),
            Some(value) => {
                TagRecord::parse(&value)
                    .map(Some)
                    .ok_or_else(|| AnchorTagError::Damaged {
                        kms: self.kms.clone(),
                        wrapper_key_id: key.to_owned(),
                    })
            }
        }
    }

    async fn set(&self, key: &str, record: TagRecord) -> Result<(), AnchorTagError> {
        let set = async {
            let id = KmsKeyId::try_new(key)?;
            self.tags.set_tag(&id, &self.name, &record.to_value()).await
        };
        set.await.map_err(|source| AnchorTagError::Unwritable {
            kms: self.kms.clone(),
            wrapper_key_id: key.to_owned(),
            source,
        })?;
        self.learn(key, record);
        Ok(())
    }

    /// Takes note of what a tag says.
    pub(crate) fn learn(&self, key: &str, record: TagRecord) {
        self.known.lock().written.insert(key.to_owned(), record);
    }

    /// Whether the tag of this wrapper key is known to be there.
    pub(crate) fn has_tag(&self, key: &str) -> bool {
        self.known.lock().written.contains_key(key)
    }

    /// Whether the tag of this wrapper key is known to accept more than `one`: a commit that changed the data key was not finished.
    pub(crate) fn accepts_two(&self, key: &str, one: DataKeySet) -> bool {
        let known = self.known.lock();
        let written = known.written.get(key);
        written.is_some_and(|record| record.data_keys != one)
    }

    /// Takes note of a commit: from now on the tag shall say this. The wrapper key that the commit left is closed then.
    pub(crate) fn note(&self, plan: Option<Plan>) {
        let mut known = self.known.lock();
        if let Some(leaving) = known.leaving.take()
            && plan.as_ref().is_some_and(|plan| plan.key != leaving.key)
        {
            known.closing = Some(leaving);
        }
        known.plan = plan;
    }

    /// Found at opening: the tag of this wrapper key was not closed.
    pub(crate) fn must_close(&self, closing: Closing) {
        self.known.lock().closing = Some(closing);
    }

    /// Whether there is something to write.
    pub(crate) fn is_behind(&self) -> bool {
        let known = self.known.lock();
        let unwritten = |plan: &Plan| known.written.get(&plan.key) != Some(&plan.record);
        known.closing.is_some() || known.plan.as_ref().is_some_and(unwritten)
    }

    /// What the tag shall say, what it says as far as is known, and why that is not the same.
    pub(crate) fn standing(&self) -> (Option<Plan>, Option<TagRecord>, Option<TagFailure>) {
        let known = self.known.lock();
        let plan = known.plan.clone();
        let written = plan.as_ref().and_then(|plan| known.written.get(&plan.key));
        (plan.clone(), written.copied(), known.failure.clone())
    }

    pub(crate) async fn turn(&self) -> Turn {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// Writes the newest checkpoint, unless it is there. A failure is remembered until the tag was written.
    pub(crate) async fn write(&self) -> Result<(), AnchorTagError> {
        let turn = self.turn().await;
        self.write_in(&turn).await
    }

    /// The same, for whoever has the turn.
    pub(crate) async fn write_in(&self, turn: &Turn) -> Result<(), AnchorTagError> {
        let outcome = self.try_write(turn).await;
        self.known.lock().failure = outcome.as_ref().err().map(|error| TagFailure {
            code: error.code().name(),
            reason: error.to_string(),
        });
        outcome
    }

    async fn try_write(&self, _turn: &Turn) -> Result<(), AnchorTagError> {
        let (plan, closing) = {
            let known = self.known.lock();
            (known.plan.clone(), known.closing.clone())
        };
        let Some(plan) = plan else {
            return Ok(());
        };
        // In this order: while the new tag accepts two data keys, whoever opens the vault knows that the old one is open.
        if let Some(closing) = closing {
            self.close(&closing, &plan).await?;
            self.known.lock().closing.take_if(|known| *known == closing);
        }
        if self.known.lock().written.get(&plan.key) == Some(&plan.record) {
            return Ok(());
        }
        let there = self.read(&plan.key).await?;
        if let Some(there) = there
            && there.generation > plan.record.generation
        {
            // Another process has the store now, and went on. Nothing is ever put back.
            tracing::warn!(
                kms = self.kms,
                tag = there.generation,
                vault = plan.record.generation,
                "the tag of the anchor is newer than this vault"
            );
            self.learn(&plan.key, there);
            return Ok(());
        }
        self.set(&plan.key, plan.record).await
    }

    /// Lets the tag of a wrapper key that was left refuse all that came before, and keep naming its data key.
    async fn close(&self, closing: &Closing, plan: &Plan) -> Result<(), AnchorTagError> {
        let in_force = self.known.lock().written.get(&plan.key).copied();
        let closed = TagRecord {
            data_keys: closing.data_keys,
            ..plan.record
        };
        let closing = async {
            match self.read(&closing.key).await? {
                Some(there) if there.generation >= closed.generation => Ok(()),
                // Two ids of one key, such as two versions of Google's, have one tag: it is not left at all.
                Some(there) if there.data_keys != closing.data_keys && Some(there) == in_force => {
                    Ok(())
                }
                _ => self.set(&closing.key, closed).await,
            }
        };
        match closing.await {
            // Nothing opens by it.
            Err(
                AnchorTagError::Unreadable { source, .. }
                | AnchorTagError::Unwritable { source, .. },
            ) if matches!(
                source,
                KmsError::KeyNotFound { .. } | KmsError::KeyPendingDeletion { .. }
            ) =>
            {
                Ok(())
            }
            other => other,
        }
    }

    /// Before a commit that gives the tag another wrapper key, or the vault another data key: lets the tag accept the state
    /// before and after. `leaving` is the wrapper key that is left.
    pub(crate) async fn prepare(
        &self,
        _turn: &Turn,
        plan: Plan,
        leaving: Option<Closing>,
    ) -> Result<(), AnchorTagError> {
        // Something else may have been closed by an earlier commit, and not be yet.
        let open = self.known.lock().closing.clone();
        if let Some(closing) = open.filter(|_| leaving.is_some()) {
            self.close(&closing, &plan).await?;
            self.known.lock().closing = None;
        }
        if let Some(there) = self.read(&plan.key).await?
            && there.generation > plan.record.generation
        {
            return Err(self.newer(&there, &plan));
        }
        self.set(&plan.key, plan.record).await?;
        let mut known = self.known.lock();
        known.plan = Some(plan);
        known.leaving = leaving;
        Ok(())
    }

    fn newer(&self, there: &TagRecord, plan: &Plan) -> AnchorTagError {
        AnchorTagError::Newer {
            kms: self.kms.clone(),
            remembered: there.generation,
            found: plan.record.generation,
        }
    }

    /// Puts a record there, whatever is there.
    pub(crate) async fn replace(&self, key: &str, record: TagRecord) -> Result<(), AnchorTagError> {
        let _turn = self.turn().await;
        self.set(key, record).await
    }

    /// Writes what the tag shall say, also in the place of what is no checkpoint: somebody who may has decided so.
    pub(crate) async fn replace_by_plan(&self) -> Result<(), AnchorTagError> {
        let _turn = self.turn().await;
        let plan = self.known.lock().plan.clone();
        let Some(plan) = plan else {
            return Ok(());
        };
        match self.read(&plan.key).await {
            // It could not be read when the state was accepted.
            Ok(Some(there)) if there.generation > plan.record.generation => {
                Err(self.newer(&there, &plan))
            }
            Ok(_) | Err(AnchorTagError::Damaged { .. }) => self.set(&plan.key, plan.record).await,
            Err(error) => Err(error),
        }
    }

    /// Writes what is new from time to time, until the task is aborted or nobody needs it.
    pub(crate) fn spawn(keeper: &Arc<Self>, every: Duration) -> JoinHandle<()> {
        let keeper: Weak<Self> = Arc::downgrade(keeper);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                let Some(keeper) = keeper.upgrade() else {
                    return;
                };
                keeper.write_or_warn().await;
            }
        })
    }

    /// Writes what is new. What was committed stays committed when that fails; it is said aloud, and tried again.
    pub(crate) async fn write_or_warn(&self) {
        if !self.is_behind() {
            return;
        }
        let turn = self.turn().await;
        self.write_or_warn_in(&turn).await;
    }

    pub(crate) async fn write_or_warn_in(&self, turn: &Turn) {
        if let Err(error) = self.write_in(turn).await {
            tracing::warn!(
                kms = self.kms,
                error = &error as &dyn std::error::Error,
                "the tag of the anchor could not be written"
            );
        }
    }
}
