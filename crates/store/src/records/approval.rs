use crate::{ApprovalId, DataKeyId};

/// Something that was asked for and needs a second person, as the vault encodes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalRecord {
    /// By which people name it.
    pub id: ApprovalId,
    /// What was asked for, by whom, and what became of it; at most [`Self::MOST_BYTES`].
    pub body: Vec<u8>,
    /// The data key whose subkey made `mac`.
    pub data_key_id: DataKeyId,
    /// Authenticates the other fields.
    pub mac: [u8; 32],
}

impl ApprovalRecord {
    /// A body has at least one byte and at most so many.
    pub const MOST_BYTES: usize = 16 * 1024;
}
