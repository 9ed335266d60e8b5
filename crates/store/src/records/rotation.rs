use crate::DataKeyId;
use strongroom_crypto::{Fingerprint, Timestamp};

/// A rotation of a node key that is under way: written when the new key is, deleted when the old one has left.
///
/// Both public keys must be stored, and neither can be deleted as long as the row is there. A key is the old one of at
/// most one rotation, and the new one of at most one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationRecord {
    /// The key that leaves.
    pub old: Fingerprint,
    /// The key that takes its place; another one than `old`.
    pub new: Fingerprint,
    /// The node that both belong to, by its member code and unique identifier; not empty.
    pub member: String,
    /// The place among the rotations: those with lower numbers are done first.
    pub position: u32,
    /// When the rotation began.
    pub created_at: Timestamp,
    /// The data key whose subkey made `mac`.
    pub data_key_id: DataKeyId,
    /// Authenticates the other fields.
    pub mac: [u8; 32],
}
