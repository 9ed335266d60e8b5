//! Names on the ledger: namespaces, unique identifiers, members, synchronizers.
//!
//! Source: reference, topology, section 1.

mod error;
mod member;
mod namespace;
mod synchronizer;
mod unique_identifier;

pub use error::IdentifierError;
pub use member::{Member, MemberCode};
pub use namespace::Namespace;
pub use synchronizer::{PhysicalSynchronizerId, ProtocolVersion};
pub use unique_identifier::UniqueIdentifier;

/// A party's name.
pub type PartyId = UniqueIdentifier;

/// A synchronizer's logical name, which stays when its protocol version changes.
pub type SynchronizerId = UniqueIdentifier;

/// What stands between the parts of a name.
pub(crate) const DELIMITER: &str = "::";

/// Whether every character is one of `A-Z a-z 0-9 : - _` and space.
fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_' | b' '))
}

/// The beginning of what was given, for an error message.
fn excerpt(text: &str) -> String {
    text.chars().take(200).collect()
}
