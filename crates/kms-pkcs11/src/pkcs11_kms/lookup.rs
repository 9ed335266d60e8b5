//! Finding records and keys: what is remembered, else what the token shows.

use std::sync::Arc;

use cryptoki::error::Error;
use cryptoki::object::ObjectHandle;
use strongroom_crypto::Timestamp;
use strongroom_kms::KmsError;

use super::Shared;
use crate::error::Pkcs11Error;
use crate::fault::{Fault, is_of_decrypting, is_outage, is_stale_handle};
use crate::key_id::{KeyId, ObjectId};
use crate::objects;
use crate::pool::Seat;
use crate::record::Record;

impl Shared {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The record of a key for using the key: what was read within the window will do.
    pub(super) fn record(&self, seat: &Seat, id: KeyId) -> Result<Arc<Record>, Fault> {
        match self.known.record(id, self.now(), self.state_window) {
            Some(record) => Ok(record),
            None => self.fresh_record(seat, id),
        }
    }

    /// The record of a key as the token has it now.
    pub(super) fn fresh_record(&self, seat: &Seat, id: KeyId) -> Result<Arc<Record>, Fault> {
        // Before reading: a record may only be taken for older than it is.
        let now = self.now();
        match objects::find_record(seat, id)? {
            Some(found) => Ok(self.learn(found.record, now)),
            None => {
                self.known.forget(id);
                Err(not_found(id))
            }
        }
    }

    pub(super) fn learn(&self, record: Record, now: Timestamp) -> Arc<Record> {
        self.known.learn(record, now, self.state_window)
    }

    /// Fails unless the key that a record speaks of is there: a creation may have been interrupted before it.
    pub(super) fn require_key(&self, seat: &Seat, id: ObjectId) -> Result<(), Fault> {
        let keys = objects::find_keys(seat, id)?;
        if keys.is_empty() {
            self.known.forget_keys(id);
            return Err(not_found(key_of(id)));
        }
        Ok(())
    }

    /// Does something with the key objects of an id, whose handles are remembered; looked up again when one
    /// may be stale. So it must be something that may be done twice.
    /// `None`: there are none.
    pub(super) fn with_keys<T>(
        &self,
        seat: &Seat,
        id: ObjectId,
        act: impl Fn(&[ObjectHandle]) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        if let Some(handles) = self.known.keys(id, seat.generation) {
            match act(&handles) {
                Err(Fault::Call(error)) if may_be_stale(&error) => self.known.forget_keys(id),
                other => return other.map(Some),
            }
        }
        let handles = objects::find_usable_keys(seat, id)?;
        if handles.is_empty() {
            return Ok(None);
        }
        self.known.learn_keys(id, seat.generation, handles.clone());
        act(&handles).map(Some)
    }

    /// Does something with the one private key of an id.
    pub(super) fn with_private_key<T>(
        &self,
        seat: &Seat,
        id: KeyId,
        act: impl Fn(ObjectHandle) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let answer = self.with_keys(seat, ObjectId::Pair(id), |handles| match handles {
            [handle] => act(*handle),
            // Which of them has the public half that we know is not to be guessed.
            several => Err(Pkcs11Error::KeyAmbiguous {
                id: id.to_kms()?,
                count: several.len(),
            }
            .into()),
        })?;
        answer.ok_or_else(|| not_found(id))
    }
}

/// Whether an error may mean that a remembered handle is no good any more. Some tokens (kryoptic is one) have only their
/// general error for it.
fn may_be_stale(error: &Error) -> bool {
    is_stale_handle(error) || (is_outage(error) && !is_of_decrypting(error))
}

/// The key that an object belongs to.
const fn key_of(object: ObjectId) -> KeyId {
    match object {
        ObjectId::Pair(id) | ObjectId::Version(id, _) => id,
    }
}

pub(super) fn not_found(id: KeyId) -> Fault {
    match id.to_kms() {
        Ok(id) => KmsError::KeyNotFound { id }.into(),
        Err(impossible) => impossible.into(),
    }
}
