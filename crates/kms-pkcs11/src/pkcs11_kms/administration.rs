//! What an administrator does with keys, beside what the vault asks for.

use strongroom_crypto::Timestamp;
use strongroom_kms::{KmsError, KmsKeyId, KmsOperation};

use super::creation::object_id;
use super::lookup::not_found;
use super::{Pkcs11Kms, Shared, key_wrapper};
use crate::error::Pkcs11Error;
use crate::fault::Fault;
use crate::key_id::{KeyId, ObjectId};
use crate::objects::{self, Found};
use crate::pool::{Repeat, Seat};
use crate::record::{KeyKind, Record, StoredState};
use crate::templates::Origin;

/// A deletion can be scheduled this many days ahead, as with AWS KMS.
const SHORTEST_WAIT_DAYS: u32 = 7;
const LONGEST_WAIT_DAYS: u32 = 30;

const MICROS_PER_DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// What errors of the token are told to have happened in.
const OPERATION: KmsOperation = KmsOperation::WrapperKeyState;

impl Pkcs11Kms {
    /// Gives a wrapper key a new version, which wraps from now on; older wraps still open. The new number is returned.
    ///
    /// A version is an AES key of its own beside the older ones, since PKCS#11 has no rotation. Other processes wrap with
    /// the old version until their window is over ([`Settings::state_window`](crate::Settings::state_window)), and unwrap
    /// what the new one made at once.
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`], [`KmsError::KeyDisabled`], [`KmsError::KeyPendingDeletion`],
    /// [`KmsError::WrongPurpose`] for an external key, or that the token does not answer or makes no further key.
    pub async fn rotate_wrapper_key_version(
        &self,
        wrapper_key: &KmsKeyId,
    ) -> Result<i32, KmsError> {
        let name = wrapper_key.clone();
        self.change(wrapper_key, Repeat::Never, move |shared, seat, record| {
            record.require_usable(&name)?;
            record.require_kind(KeyKind::Wrapper, &name, KmsOperation::WrapKey)?;
            let number = record.version.saturating_add(1);
            // A rotation that was interrupted may have left the key; it is as good as a new one.
            let left = objects::find_keys(seat, ObjectId::Version(record.id, number))?;
            match left.first() {
                Some(key) => objects::require_guarded(seat, *key, Origin::Generated)?,
                None => shared.make_version(seat, record, number, key_wrapper::generate)?,
            }
            record.version = number;
            Ok(number)
        })
        .await
    }

    /// Switches a key off until [`Self::enable_key`].
    ///
    /// A token has no such switch: this program, in every process, does not use the key then. Who has the PIN and another
    /// program uses it nevertheless.
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`], [`KmsError::KeyPendingDeletion`], or that the token does not answer.
    pub async fn disable_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        self.switch(key, StoredState::Disabled).await
    }

    /// Switches a key on again.
    ///
    /// # Errors
    /// As [`Self::disable_key`].
    pub async fn enable_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        self.switch(key, StoredState::Enabled).await
    }

    /// Schedules the destruction of a key in 7 to 30 days; until then it can be cancelled, but not be used. The time from
    /// which it may be destroyed is returned; nothing is destroyed before somebody calls [`Self::purge_deleted_keys`].
    ///
    /// A key whose deletion is scheduled already keeps its time. For a wrapper key it is the only way to be deleted.
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`], [`KmsError::Provider`] with `KMS_PKCS11_DELETION_WINDOW_INVALID`, or that the token does
    /// not answer.
    pub async fn schedule_deletion(
        &self,
        key: &KmsKeyId,
        days: u32,
    ) -> Result<Timestamp, KmsError> {
        if !(SHORTEST_WAIT_DAYS..=LONGEST_WAIT_DAYS).contains(&days) {
            let (min, max) = (SHORTEST_WAIT_DAYS, LONGEST_WAIT_DAYS);
            return Err(Pkcs11Error::DeletionWindowInvalid { days, min, max }.into());
        }
        self.change(key, Repeat::Once, move |shared, _seat, record| {
            if let StoredState::PendingDeletion { at } = record.state {
                return Ok(at);
            }
            let wait = i64::from(days) * MICROS_PER_DAY;
            let at = Timestamp::from_micros(shared.now().as_micros().saturating_add(wait));
            record.state = StoredState::PendingDeletion { at };
            Ok(at)
        })
        .await
    }

    /// Keeps a key whose deletion is scheduled. It is disabled then, until somebody enables it on purpose.
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`], [`KmsError::Provider`] with `KMS_PKCS11_NOT_PENDING_DELETION`, or that the token does not
    /// answer.
    pub async fn cancel_deletion(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        let name = key.clone();
        self.change(key, Repeat::Never, move |_shared, _seat, record| {
            let StoredState::PendingDeletion { .. } = record.state else {
                return Err(Pkcs11Error::NotPendingDeletion { id: name.clone() }.into());
            };
            record.state = StoredState::Disabled;
            Ok(())
        })
        .await
    }

    /// Destroys the keys whose time of deletion has come, with all their versions, for good. Their ids are returned.
    ///
    /// Also takes away what is left of keys whose creation was interrupted more than a day ago.
    ///
    /// # Errors
    /// That the token does not answer; some keys may be gone then.
    pub async fn purge_deleted_keys(&self) -> Result<Vec<KmsKeyId>, KmsError> {
        self.run(
            Repeat::Never,
            KmsOperation::DeleteKey,
            None,
            |shared, seat| {
                let _one_at_a_time = shared.changing.lock();
                let mut purged = Vec::new();
                for record in objects::all_records(seat)? {
                    if is_due(shared, seat, &record)? && purge(shared, seat, &record)? {
                        purged.push(record.id.to_kms()?);
                    }
                }
                Ok(purged)
            },
        )
        .await
    }

    async fn switch(&self, id: &KmsKeyId, state: StoredState) -> Result<(), KmsError> {
        let name = id.clone();
        self.change(id, Repeat::Once, move |_shared, _seat, record| {
            if let StoredState::PendingDeletion { .. } = record.state {
                return Err(KmsError::KeyPendingDeletion { id: name.clone() }.into());
            }
            record.state = state;
            Ok(())
        })
        .await
    }

    /// Makes a change on a copy of the newest record, and puts that into its place if anything changed.
    async fn change<T: Send + 'static>(
        &self,
        id: &KmsKeyId,
        repeat: Repeat,
        change: impl Fn(&Shared, &Seat, &mut Record) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, KmsError> {
        let key = KeyId::of(id)?;
        self.run(repeat, OPERATION, Some(id), move |shared, seat| {
            let _one_at_a_time = shared.changing.lock();
            let now = shared.now();
            let found = objects::find_record(seat, key)?;
            let found = found.ok_or_else(|| not_found(key))?;
            shared.require_key(seat, object_id(&found.record, found.record.version))?;
            let mut record = found.record.clone();
            let answer = change(shared, seat, &mut record)?;
            if record != found.record {
                record.sequence = record.sequence.saturating_add(1);
                objects::replace_record(seat, &found, &record)?;
            }
            shared.learn(record, now);
            Ok(answer)
        })
        .await
    }
}

/// Whether the time of a key has come, or there has been nothing but its record for a day.
fn is_due(shared: &Shared, seat: &Seat, record: &Record) -> Result<bool, Fault> {
    let now = shared.now().as_micros();
    if let StoredState::PendingDeletion { at } = record.state {
        return Ok(at.as_micros() <= now);
    }
    let is_old = record.created_at.as_micros().saturating_add(MICROS_PER_DAY) <= now;
    Ok(is_old && objects::find_keys(seat, object_id(record, record.version))?.is_empty())
}

/// Destroys a key unless somebody changed its record meanwhile: the deletion may have been cancelled.
fn purge(shared: &Shared, seat: &Seat, due: &Record) -> Result<bool, Fault> {
    let id = due.id;
    let Some(Found { record, objects }) = objects::find_record(seat, id)? else {
        return Ok(false);
    };
    if record != *due {
        return Ok(false);
    }
    // One more than there should be: what an interrupted rotation may have left.
    for number in 1..=record.version.saturating_add(1) {
        objects::destroy_keys(seat, object_id(&record, number))?;
    }
    objects::destroy(seat, &objects)?;
    shared.known.forget(id);
    Ok(true)
}
