//! Rotating the wrapper key: a new data key under a new wrapper key, and every row under that. See ADR 0015.

pub(super) mod begin;
mod direct;
mod finish;
mod keys;
pub(crate) mod machine;
mod named;
mod others;
mod plan;

use std::{collections::BTreeSet, sync::Arc};

use strongroom_store::DataKeyId;
use tokio::sync::MutexGuard;

use self::machine::{Choice, RotationRequest, RowsToMove, Step};
use crate::{
    caller::Caller,
    data_keys::{DataKeys, OpenedDataKey},
    error::{VaultError, WrapperKeyError},
    recall::safe_point,
    vault::Vault,
};

/// A rotation of the wrapper key that was begun and not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrapperKeyRotation {
    /// KMS and wrapper key of each wrap of the new data key that the old one does not have: those that come.
    pub comes: Vec<(String, String)>,
    /// KMS and wrapper key of each wrap of the old data key that the new one does not have: those that go.
    pub goes: Vec<(String, String)>,
    /// The data key that rows move to.
    pub data_key_id: DataKeyId,
    /// The data key that they leave.
    pub old_data_key_id: DataKeyId,
}

/// How far a rotation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotationProgress {
    /// Rows that have moved since this call began.
    pub moved: u64,
    /// Rows that were to move when it began.
    pub of: u64,
}

/// A finished rotation of the wrapper key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotatedWrapperKey {
    /// What came, and what went.
    pub rotation: WrapperKeyRotation,
    /// Rows that moved in this call.
    pub moved: u64,
}

/// What is told of the progress; called from time to time, after a commit.
pub type OnProgress<'a> = &'a (dyn Fn(RotationProgress) + Send + Sync);

impl Vault {
    /// Puts a new wrapper key in the place of one, and a new data key in the place of the current one: every row is sealed and
    /// authenticated anew under it. Reading, signing and writing go on; new rows are under the new data key.
    ///
    /// First the new data key is made durable, under the new wrapper key and under every other one that wraps the current data
    /// key, each tried; an audit record comes before. Then rows move in batches. The old wrapper key stays the current one, and
    /// both are needed, until the last row has moved. Killed, called off ([`Recall`](crate::Recall)), or failed,
    /// [`Vault::resume_wrapper_key_rotation`] goes on.
    /// Afterwards the old data key is retired with its wraps: older backups need it, until [`Vault::prune_data_keys`].
    ///
    /// Costs three KMS calls, two more for each further wrap, and two for each key that the replaced wrapper key sealed itself.
    ///
    /// # Errors
    /// [`WrapperKeyError::RotationUnderWay`]; [`WrapperKeyError::WhichWrap`] when it is not clear which wrapper key goes;
    /// [`WrapperKeyError::AlreadyInUse`], [`WrapperKeyError::NotExist`],
    /// [`WrapperKeyError::DisabledOrDeleted`] about the one that comes; [`WrapperKeyError::WrapNotRenewed`] when another wrap
    /// could not be; [`VaultError::NoOtherWrapOpens`] when all would be by keys that are kept offline: nothing has changed then. [`WrapperKeyError::KeyNotMoved`] and errors of the store: it can be resumed then.
    pub async fn rotate_wrapper_key(
        &self,
        caller: &Caller,
        request: &RotationRequest,
        progress: OnProgress<'_>,
    ) -> Result<RotatedWrapperKey, VaultError> {
        let _turn = self.turn_to_rotate()?;
        self.begin_wrapper_key_rotation(caller, request).await?;
        self.go_on_rotating(caller, progress).await
    }

    /// Goes on with a rotation of the wrapper key where it stopped.
    ///
    /// # Errors
    /// [`WrapperKeyError::NoRotation`] when none is under way; as [`Vault::rotate_wrapper_key`].
    pub async fn resume_wrapper_key_rotation(
        &self,
        caller: &Caller,
        progress: OnProgress<'_>,
    ) -> Result<RotatedWrapperKey, VaultError> {
        let _turn = self.turn_to_rotate()?;
        self.try_settle().await?;
        self.go_on_rotating(caller, progress).await
    }

    /// The rotation of the wrapper key that was begun and not finished, if there is one.
    #[must_use]
    pub fn wrapper_key_rotation(&self) -> Option<WrapperKeyRotation> {
        let data_keys = self.data_keys();
        let incoming = data_keys.incoming()?;
        let old = data_keys.current();
        let (new_wraps, old_wraps) = (self.wrap_names(incoming.id), self.wrap_names(old.id));
        let without = |wraps: &[machine::WrapName], others: &[machine::WrapName]| {
            let missing = wraps.iter().filter(|wrap| !others.contains(wrap));
            missing.cloned().collect()
        };
        Some(WrapperKeyRotation {
            comes: without(&new_wraps, &old_wraps),
            goes: without(&old_wraps, &new_wraps),
            data_key_id: incoming.id,
            old_data_key_id: old.id,
        })
    }

    /// Whether this puts a wrapper key of another KMS in the place of the one that goes: whoever commands that KMS can open the vault
    /// from then on, as after [`Vault::add_wrap`]. Ask for the same rights and approvals as for a wrapper key that is named.
    #[must_use]
    pub fn rotates_elsewhere(&self, request: &RotationRequest) -> bool {
        let wraps = self.wrap_names(self.data_keys().current().id);
        // What cannot be meant is refused later.
        Choice::of(&wraps, request).is_ok_and(|choice| choice.kms != choice.replaced.0)
    }

    /// One at a time: whoever comes second is told, and does not wait for hours.
    pub(super) fn turn_to_rotate(&self) -> Result<MutexGuard<'_, ()>, WrapperKeyError> {
        self.rotation_turn()
            .try_lock()
            .map_err(|_taken| WrapperKeyError::RotationUnderWay)
    }

    async fn go_on_rotating(
        &self,
        caller: &Caller,
        progress: OnProgress<'_>,
    ) -> Result<RotatedWrapperKey, VaultError> {
        let rotation = self.wrapper_key_rotation();
        let of = self.rows_to_move().await?;
        let mut step = machine::resume(rotation.as_ref().map(|_| &of))?;
        let rotation = rotation.ok_or(WrapperKeyError::NoRotation)?;
        let mut moved = Moved {
            rows: 0,
            of: of.total(),
            progress,
        };
        moved.add(0)?;
        loop {
            match step {
                Step::MoveKeys => self.move_keys(&mut moved).await?,
                Step::MoveNode => moved.add(self.move_node_rows().await?)?,
                Step::MoveTopology => self.move_topology(&mut moved).await?,
                Step::Finish => {
                    if self.finish_rotation(caller, &rotation).await? {
                        let moved = moved.rows;
                        return Ok(RotatedWrapperKey { rotation, moved });
                    }
                }
            }
            // What others wrote meanwhile is asked for again, until nothing is left.
            step = machine::step(&self.rows_to_move().await?);
        }
    }

    /// What is still under the old data key; nothing if no other one is coming.
    pub(super) async fn rows_to_move(&self) -> Result<RowsToMove, VaultError> {
        let data_keys = self.data_keys();
        let Some(incoming) = data_keys.incoming() else {
            return Ok(RowsToMove::default());
        };
        let topology = self.loaded_topology().await?.rows_not_under(incoming.id);
        Ok(self.rows_not_under(incoming.id, topology))
    }

    /// KMS and wrapper key of each wrap of a data key, in the configured order.
    pub(super) fn wrap_names(&self, data_key: DataKeyId) -> Vec<machine::WrapName> {
        let mut wraps = self.wrap_records().all();
        wraps.retain(|wrap| wrap.data_key_id == data_key);
        // Stable: the wraps of one KMS stay in their order.
        wraps.sort_by_key(|wrap| self.place(&wrap.kms));
        let names = wraps.into_iter();
        names.map(|wrap| (wrap.kms, wrap.wrapper_key_id)).collect()
    }

    /// The wrapper keys that wrap a data key, and so may have sealed a key themselves that need not move.
    fn wrapper_keys_of(&self, data_key: DataKeyId) -> BTreeSet<String> {
        let names = self.wrap_names(data_key).into_iter();
        names.map(|(_kms, id)| id).collect()
    }
}

/// Counts rows, and tells. A commit is behind each: here the rotation can be called off.
struct Moved<'a> {
    rows: u64,
    of: u64,
    progress: OnProgress<'a>,
}

impl Moved<'_> {
    fn add(&mut self, rows: u64) -> Result<(), VaultError> {
        self.rows += rows;
        (self.progress)(RotationProgress {
            moved: self.rows,
            of: self.of,
        });
        safe_point()
    }
}

/// The data key that rows move to. There is one as long as the turn to rotate is held and the rotation is not finished.
fn incoming(data_keys: &DataKeys) -> Result<&Arc<OpenedDataKey>, WrapperKeyError> {
    data_keys.incoming().ok_or(WrapperKeyError::NoRotation)
}
