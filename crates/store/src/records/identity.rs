use crate::DataKeyId;
use strongroom_crypto::Timestamp;

/// The one row that says which node's keys the vault keeps. It is not there before the node has an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityRecord {
    /// The node, by its member code and unique identifier; not empty.
    pub member: String,
    /// When the vault became this node's.
    pub created_at: Timestamp,
    /// The data key whose subkey made `mac`.
    pub data_key_id: DataKeyId,
    /// Authenticates the other fields.
    pub mac: [u8; 32],
}
