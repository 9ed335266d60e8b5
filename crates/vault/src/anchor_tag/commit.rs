//! What a commit means for the tag: usually nothing; when it moves the tag or makes another data key current, the order matters.

use std::sync::Arc;

use super::{Closing, DataKeySet, Keeper, Plan, TagRecord, Turn, half, mark_of, seat};
use crate::{
    committed::Change,
    data_keys::DataKeys,
    error::{AnchorTagError, VaultError},
    state::VaultState,
    vault::Vault,
};

impl Vault {
    /// The wrapper key whose tag counts, as of the last commit.
    pub(crate) fn tag_seat(&self) -> Option<String> {
        let keeper = self.tag()?;
        let wraps = self.wrap_records().all();
        seat(&keeper.kms, &wraps, self.data_keys().current().id)
    }

    /// What a tag says of `state`, if these are the data keys.
    pub(crate) fn tag_record(
        &self,
        state: &VaultState,
        data_keys: &DataKeys,
        accepted: DataKeySet,
    ) -> TagRecord {
        TagRecord {
            generation: state.generation,
            checkpoint: half(&state.checkpoint_tag(self.id(), data_keys.current())),
            data_keys: accepted,
        }
    }

    /// The set of the current data key alone.
    pub(crate) fn current_set(&self, data_keys: &DataKeys) -> DataKeySet {
        DataKeySet::one(self.id(), mark_of(data_keys.current()))
    }

    /// Takes note of what the tag shall say now; nothing is written.
    pub(crate) fn note_for_tag(&self, state: &VaultState) {
        if let Some(keeper) = self.tag() {
            let data_keys = self.data_keys();
            let accepted = self.current_set(&data_keys);
            let record = self.tag_record(state, &data_keys, accepted);
            keeper.note(self.tag_seat().map(|key| Plan { key, record }));
        }
    }

    /// Writes the newest checkpoint into the tag, if there is one and it is older. What was done stays done when that fails.
    pub(crate) async fn write_tag(&self) {
        if let Some(keeper) = self.tag() {
            keeper.write_or_warn().await;
        }
    }
}

/// A commit that waits for its tag.
pub(crate) struct TaggedCommit {
    keeper: Arc<Keeper>,
    turn: Turn,
}

impl TaggedCommit {
    /// The commit was done: the tag accepts nothing of the time before any more.
    pub(crate) async fn done(self) {
        self.keeper.write_or_warn_in(&self.turn).await;
    }
}

/// Makes the tag ready for a commit from `before` that makes `changes` and leaves `next` behind, and says whether the state
/// after it may be marked as having a tag.
///
/// Asks nobody, but for a commit that makes another data key current or gives the tag another wrapper key: whoever opens the
/// vault afterwards, whether the commit was done or not, must find a tag that accepts what is there. So the tag accepts both
/// before the commit, and a commit whose tag cannot be written does not happen.
pub(crate) async fn prepare(
    vault: &Vault,
    before: (&VaultState, &DataKeys),
    next: &DataKeys,
    changes: &[Change],
) -> Result<(bool, Option<TaggedCommit>), VaultError> {
    let Some(keeper) = vault.tag() else {
        return Ok((false, None));
    };
    let (state, data_keys) = before;
    let (old, new) = (mark_of(data_keys.current()), mark_of(next.current()));
    let left = vault.tag_seat();
    let Some(key) = seat_after(vault, &keeper.kms, next, changes) else {
        return match left {
            None => Ok((false, None)),
            Some(_taken_away) => Err(no_wrap(keeper)),
        };
    };
    let changes_data_keys = changes
        .iter()
        .any(|change| matches!(change, Change::DataKeys(_)));
    if left.as_ref() == Some(&key) && old == new {
        if changes_data_keys && keeper.accepts_two(&key, vault.current_set(data_keys)) {
            // The row of the other one may go: nobody could tell afterwards which two the tag accepts.
            let turn = keeper.turn().await;
            keeper.write_in(&turn).await?;
        }
        return Ok((keeper.has_tag(&key), None));
    }
    let accepted = if old == new {
        DataKeySet::one(vault.id(), old)
    } else {
        DataKeySet::two(vault.id(), old, new)
    };
    let leaving = left.filter(|left| *left != key).map(|key| Closing {
        key,
        data_keys: DataKeySet::one(vault.id(), old),
    });
    let record = vault.tag_record(state, data_keys, accepted);
    let turn = keeper.turn().await;
    let plan = Plan { key, record };
    keeper.prepare(&turn, plan, leaving).await?;
    let keeper = Arc::clone(keeper);
    Ok((true, Some(TaggedCommit { keeper, turn })))
}

fn seat_after(vault: &Vault, kms: &str, next: &DataKeys, changes: &[Change]) -> Option<String> {
    let mut wraps = vault.wrap_records().all();
    for change in changes {
        match change {
            Change::WrapAdded(wrap) => wraps.push(wrap.clone()),
            Change::WrapRemoved(wrap) => wraps.retain(|known| known != wrap),
            _ => {}
        }
    }
    seat(kms, &wraps, next.current().id)
}

fn no_wrap(keeper: &Keeper) -> VaultError {
    let kms = keeper.kms.clone();
    AnchorTagError::NoWrap { kms }.into()
}
