//! CreateCryptoKeyVersion, GetCryptoKeyVersion, ListCryptoKeyVersions, UpdateCryptoKeyVersion, DestroyCryptoKeyVersion,
//! RestoreCryptoKeyVersion.

use serde::Deserialize;
use serde_json::Value;
use strongroom_crypto::Timestamp;

use super::enums::ProtoEnum as _;
use super::error::GcpError;
use super::inventory::CryptoKey;
use super::paging::page;
use super::resources;
use super::session::{Found, Session};
use super::version_states::State;
use super::wire::read;
use crate::keys::KeyState;

pub(super) fn create_version(session: &Session<'_>, _body: Value) -> Result<Value, GcpError> {
    let key = session.key()?;
    if key.import_only {
        return Err(GcpError::precondition(format!(
            "{} takes imported versions only.",
            key.name
        )));
    }
    let inventory = &session.cloud.inventory;
    let number = inventory.change_key(&key.name, CryptoKey::next_number)?;
    let generated_at = session.cloud.sky.visible_at();
    session.generate(&key.name, key.spec, number, generated_at)?;
    told(session, number)
}

pub(super) fn get_version(session: &Session<'_>, _body: Value) -> Result<Value, GcpError> {
    let key = session.key()?;
    let found = session.version(&key)?;
    Ok(resources::version(session, &key, &found))
}

pub(super) fn list_versions(session: &Session<'_>, _body: Value) -> Result<Value, GcpError> {
    let key = session.key()?;
    let numbers = key.versions.keys().copied().collect();
    page(session.query, "cryptoKeyVersions", numbers, |number| {
        Ok(resources::version(
            session,
            &key,
            &session.find(&key, number)?,
        ))
    })
}

#[derive(Deserialize)]
struct Changes {
    state: Option<Value>,
}

pub(super) fn update_version(session: &Session<'_>, body: Value) -> Result<Value, GcpError> {
    let changes: Changes = read(body)?;
    if session.query.update_mask()? != ["state"] {
        return Err(GcpError::unimplemented(
            "The simulator changes nothing but the state of a version.",
        ));
    }
    let on = match State::read(changes.state.as_ref())? {
        Some(State::Enabled) => true,
        Some(State::Disabled) => false,
        _ => return Err(GcpError::invalid("The state must be ENABLED or DISABLED.")),
    };
    let (number, found) = alive(session)?;
    let changed = session
        .cloud
        .keys
        .set_enabled(session.name.location(), &found.name, on);
    changed.map_err(|error| GcpError::of_key(error, &found.name))?;
    told(session, number)
}

pub(super) fn destroy_version(session: &Session<'_>, _body: Value) -> Result<Value, GcpError> {
    let days = session.key()?.destroy_days;
    let (number, found) = alive(session)?;
    let keys = &session.cloud.keys;
    let scheduled = keys.schedule_deletion(session.name.location(), &found.name, days);
    let scheduled = scheduled.map_err(|error| GcpError::of_key(error, &found.name))?;
    if let KeyState::PendingDeletion { at } = scheduled.state {
        note_destruction(session, number, Some(at))?;
    }
    told(session, number)
}

pub(super) fn restore_version(session: &Session<'_>, _body: Value) -> Result<Value, GcpError> {
    let (number, found) = alive(session)?;
    let keys = &session.cloud.keys;
    let restored = keys.cancel_deletion(session.name.location(), &found.name);
    restored.map_err(|error| GcpError::of_key(error, &found.name))?;
    note_destruction(session, number, None)?;
    told(session, number)
}

/// The version that the request names, if it has a key: it is generated, and not destroyed.
fn alive(session: &Session<'_>) -> Result<(u32, Found), GcpError> {
    let found = session.version(&session.key()?)?;
    match session.name.version() {
        Some(number) if found.key.is_some() => Ok((number, found)),
        _ => Err(GcpError::not_enabled(&found.name, found.state)),
    }
}

/// Remembers when a version is destroyed, for when its key is gone.
fn note_destruction(
    session: &Session<'_>,
    number: u32,
    at: Option<Timestamp>,
) -> Result<(), GcpError> {
    let inventory = &session.cloud.inventory;
    inventory.change_key(&session.name.crypto_key(), |key| {
        if let Some(version) = key.versions.get_mut(&number) {
            version.destroyed_at = at;
        }
    })
}

/// The version as it is now.
pub(super) fn told(session: &Session<'_>, number: u32) -> Result<Value, GcpError> {
    let key = session.key()?;
    Ok(resources::version(
        session,
        &key,
        &session.find(&key, number)?,
    ))
}
