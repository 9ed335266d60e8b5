//! Messages of the protocol: signed for a synchronizer, by the node's key or a session key, and verified.

pub(crate) mod group;
mod session_key;
pub(crate) mod sign;
pub(crate) mod verify;

use strongroom_crypto::{KeyUsage, KeyUsages};
use strongroom_topology::ProtocolVersion;

/// What signatures over messages of the protocol are made for.
pub(crate) const PROTOCOL: KeyUsages = KeyUsages::only(KeyUsage::Protocol);

/// The first version of the protocol that knows session keys.
const FIRST_WITH_SESSION_KEYS: ProtocolVersion = ProtocolVersion::Number(35);

pub(crate) fn knows_session_keys(version: ProtocolVersion) -> bool {
    version >= FIRST_WITH_SESSION_KEYS
}
