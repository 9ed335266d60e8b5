//! Making keys.
//!
//! The record comes first, with its tags: whatever is interrupted afterwards is found again by them.

use cryptoki::object::ObjectHandle;
use strongroom_crypto::KeyName;
use strongroom_kms::{KmsError, KmsKeyId, KmsOperation};

use super::{Pkcs11Kms, Shared};
use crate::fault::{Fault, is_lost};
use crate::key_id::{KeyId, ObjectId};
use crate::objects;
use crate::pool::{Repeat, Seat};
use crate::record::{KeyKind, Record, StoredState};
use crate::templates::{Origin, Place};

impl Pkcs11Kms {
    /// Makes a key: `generate` makes the objects at a place and gives the one that must be guarded.
    pub(super) async fn create(
        &self,
        (kind, origin): (KeyKind, Origin),
        label: Option<KeyName>,
        tags: Vec<(String, String)>,
        operation: KmsOperation,
        generate: impl Fn(&Seat, &Place) -> Result<ObjectHandle, Fault> + Send + 'static,
    ) -> Result<KmsKeyId, KmsError> {
        let id = KeyId::generate(&*self.shared.random)?;
        let record = Record {
            sequence: 1,
            id,
            kind,
            label,
            tags,
            state: StoredState::Enabled,
            created_at: self.shared.now(),
            version: 1,
        };
        self.run(Repeat::Never, operation, None, move |shared, seat| {
            let _one_at_a_time = shared.changing.lock();
            objects::write_record(seat, &record)?;
            match make(seat, (&record, origin), 1, &generate) {
                Ok(()) => {
                    shared.learn(record.clone(), record.created_at);
                    Ok(())
                }
                Err(fault) => {
                    clean_up(seat, &record, &fault);
                    Err(fault)
                }
            }
        })
        .await?;
        id.to_kms()
    }
}

impl Shared {
    /// Makes a key object for a version of a key.
    pub(super) fn make_version(
        &self,
        seat: &Seat,
        record: &Record,
        number: i32,
        generate: impl Fn(&Seat, &Place) -> Result<ObjectHandle, Fault>,
    ) -> Result<(), Fault> {
        make(seat, (record, Origin::Generated), number, &generate)
    }
}

fn make(
    seat: &Seat,
    (record, origin): (&Record, Origin),
    number: i32,
    generate: &impl Fn(&Seat, &Place) -> Result<ObjectHandle, Fault>,
) -> Result<(), Fault> {
    let object_id = object_id(record, number);
    let label = match &record.label {
        Some(label) => label.as_str().to_owned(),
        None => record.id.to_string(),
    };
    let place = Place::Token {
        object_id: object_id.to_bytes(),
        label,
    };
    let key = generate(seat, &place)?;
    let guarded = objects::require_guarded(seat, key, origin);
    if guarded.is_err() {
        objects::destroy_keys(seat, object_id)?;
    }
    guarded
}

/// The key objects of a version.
pub(super) fn object_id(record: &Record, number: i32) -> ObjectId {
    match record.kind {
        KeyKind::Wrapper => ObjectId::Version(record.id, number),
        KeyKind::Signing(_) | KeyKind::Encryption(_) => ObjectId::Pair(record.id),
    }
}

/// Takes away the record of a key that the token refused to make. Where that fails too, or where the token was lost so that
/// nobody knows what it made, the record stays and is found by its tags.
fn clean_up(seat: &Seat, record: &Record, fault: &Fault) {
    if matches!(fault, Fault::Call(error) if is_lost(error)) {
        return;
    }
    let keys = objects::find_keys(seat, object_id(record, 1));
    if keys.is_ok_and(|keys| keys.is_empty())
        && let Ok(Some(found)) = objects::find_record(seat, record.id)
    {
        // The failure that led here is what the caller must know.
        let _stays_to_be_found = objects::destroy(seat, &found.objects);
    }
}
