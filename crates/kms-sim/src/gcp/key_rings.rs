//! CreateKeyRing, GetKeyRing, ListKeyRings.

use serde_json::Value;

use super::error::GcpError;
use super::names::wished_id;
use super::paging::page;
use super::resources;
use super::session::Session;

pub(super) fn create_key_ring(session: &Session<'_>, _body: Value) -> Result<Value, GcpError> {
    let id = wished_id(session.query.text("keyRingId"), "key_ring_id")?;
    let name = format!("{}/keyRings/{id}", session.name.item());
    let now = session.now();
    let added = session.cloud.inventory.add_ring(&name, now);
    added.map_err(|error| GcpError::of_key(error, &format!("KeyRing {name}")))?;
    Ok(resources::key_ring(&name, now))
}

pub(super) fn get_key_ring(session: &Session<'_>, _body: Value) -> Result<Value, GcpError> {
    let name = session.name.item();
    let created_at = session.cloud.inventory.ring(&name)?;
    Ok(resources::key_ring(&name, created_at))
}

pub(super) fn list_key_rings(session: &Session<'_>, _body: Value) -> Result<Value, GcpError> {
    let rings = session.cloud.inventory.rings(&session.name.item());
    page(session.query, "keyRings", rings, |(name, created_at)| {
        Ok(resources::key_ring(&name, created_at))
    })
}
