//! Records and keys on the token, as one session shows them.

use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};

use crate::error::Pkcs11Error;
use crate::fault::{Fault, is_stale_handle};
use crate::key_id::{KeyId, ObjectId};
use crate::pool::Seat;
use crate::record::Record;
use crate::templates::{self, Origin};

/// How often a search begins again when another process replaces what it finds.
const SEARCHES: usize = 5;

/// A record with the objects that hold it. There are several after a crash between writing one and removing another.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) record: Record,
    pub(crate) objects: Vec<ObjectHandle>,
}

/// The newest record of a key.
pub(crate) fn find_record(seat: &Seat, id: KeyId) -> Result<Option<Found>, Fault> {
    let label = id.to_string();
    let found = read_records(seat, &templates::record_of(&label))?;
    let mut newest: Option<Found> = None;
    for (object, record) in found {
        let record = record.filter(|record| record.id == id);
        let record = record.ok_or_else(|| Pkcs11Error::RecordDamaged {
            label: label.clone(),
        })?;
        match &mut newest {
            None => {
                let objects = vec![object];
                newest = Some(Found { record, objects });
            }
            Some(newest) => {
                newest.objects.push(object);
                if record.sequence > newest.record.sequence {
                    newest.record = record;
                }
            }
        }
    }
    Ok(newest)
}

/// The newest record of every key. Damaged ones are left out: [`find_record`] names them.
pub(crate) fn all_records(seat: &Seat) -> Result<Vec<Record>, Fault> {
    let found = read_records(seat, &templates::records())?;
    let mut records: Vec<Record> = found.into_iter().filter_map(|(_, record)| record).collect();
    records.sort_by_key(|record| (*record.id.as_bytes(), std::cmp::Reverse(record.sequence)));
    records.dedup_by_key(|record| record.id);
    Ok(records)
}

fn read_records(
    seat: &Seat,
    template: &[Attribute],
) -> Result<Vec<(ObjectHandle, Option<Record>)>, Fault> {
    let mut searches = 1;
    loop {
        match try_read_records(seat, template) {
            // Replaced between our looking for it and our reading it.
            Err(Fault::Call(error)) if is_stale_handle(&error) && searches < SEARCHES => {
                searches += 1;
            }
            other => return other,
        }
    }
}

fn try_read_records(
    seat: &Seat,
    template: &[Attribute],
) -> Result<Vec<(ObjectHandle, Option<Record>)>, Fault> {
    let objects = find(seat, template)?;
    let mut records = Vec::with_capacity(objects.len());
    for object in objects {
        let attributes = seat
            .session
            .get_attributes(object, &[AttributeType::Value])?;
        let record = match attributes.as_slice() {
            [Attribute::Value(bytes)] => Record::from_bytes(bytes),
            _ => None,
        };
        records.push((object, record));
    }
    Ok(records)
}

/// What fits to a template. That there is nothing is believed only of somebody who is logged in.
fn find(seat: &Seat, template: &[Attribute]) -> Result<Vec<ObjectHandle>, Fault> {
    let objects = seat.session.find_objects(template)?;
    if objects.is_empty() {
        seat.confirm_login()?;
    }
    Ok(objects)
}

pub(crate) fn write_record(seat: &Seat, record: &Record) -> Result<(), Fault> {
    seat.session.create_object(&templates::record(record))?;
    Ok(())
}

/// Puts a record into the place of what was found: first the new one, then the old ones go, so that a crash leaves one.
pub(crate) fn replace_record(seat: &Seat, found: &Found, new: &Record) -> Result<(), Fault> {
    write_record(seat, new)?;
    destroy(seat, &found.objects)
}

/// The secret and private keys of this CKA_ID: the objects that do the work.
pub(crate) fn find_keys(seat: &Seat, id: ObjectId) -> Result<Vec<ObjectHandle>, Fault> {
    let class = match id {
        ObjectId::Pair(_) => ObjectClass::PRIVATE_KEY,
        ObjectId::Version(..) => ObjectClass::SECRET_KEY,
    };
    let template = [Attribute::Class(class), Attribute::Id(id.to_bytes())];
    find(seat, &template)
}

/// Those of the keys that may be used.
///
/// A single one is used whatever it says of itself: the token may have been restored from a backup. Beside others, a key
/// that was not made inside of this token may have been put there by somebody who knows it, so it is left aside.
pub(crate) fn find_usable_keys(seat: &Seat, id: ObjectId) -> Result<Vec<ObjectHandle>, Fault> {
    let keys = find_keys(seat, id)?;
    if keys.len() < 2 {
        return Ok(keys);
    }
    let mut guarded = Vec::new();
    for key in &keys {
        let attributes = seat.session.get_attributes(*key, &templates::GUARDS)?;
        if templates::check_guarded(&attributes, Origin::Generated).is_ok() {
            guarded.push(*key);
        }
    }
    Ok(if guarded.is_empty() { keys } else { guarded })
}

/// The public half of a pair.
pub(crate) fn find_public_key(seat: &Seat, id: KeyId) -> Result<Option<ObjectHandle>, Fault> {
    let template = [
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::Id(ObjectId::Pair(id).to_bytes()),
    ];
    Ok(find(seat, &template)?.into_iter().next())
}

/// Destroys every key object of this CKA_ID, those that do the work first.
pub(crate) fn destroy_keys(seat: &Seat, id: ObjectId) -> Result<(), Fault> {
    destroy(seat, &find_keys(seat, id)?)?;
    let rest = find(seat, &[Attribute::Id(id.to_bytes())])?;
    destroy(seat, &rest)
}

pub(crate) fn destroy(seat: &Seat, objects: &[ObjectHandle]) -> Result<(), Fault> {
    for object in objects {
        match seat.session.destroy_object(*object) {
            // Another process was faster.
            Err(error) if is_stale_handle(&error) => {}
            other => other?,
        }
    }
    Ok(())
}

/// Fails unless the token guards a new key as it was asked to; then the key is destroyed again.
pub(crate) fn require_guarded(seat: &Seat, key: ObjectHandle, origin: Origin) -> Result<(), Fault> {
    let attributes = seat.session.get_attributes(key, &templates::GUARDS)?;
    Ok(templates::check_guarded(&attributes, origin)?)
}
