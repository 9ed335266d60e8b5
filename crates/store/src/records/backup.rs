use strongroom_crypto::Timestamp;

use crate::{BackupId, DataKeyId};

/// A backup that was made of the vault: how old the last one is that would restore it, and what it takes to do so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRecord {
    /// The id that stands in the backup.
    pub id: BackupId,
    /// When it was made.
    pub created_at: Timestamp,
    /// The generation of the vault that it holds.
    pub generation: u64,
    /// SHA-256 of the file.
    pub file_hash: [u8; 32],
    /// The data keys under which its rows are sealed and authenticated; at least one, in ascending order.
    pub needs: Vec<DataKeyId>,
    /// When it was last opened and every key in it used; `None` if it never was.
    pub verified_at: Option<Timestamp>,
    /// The data key whose subkey made `mac`.
    pub data_key_id: DataKeyId,
    /// Authenticates the other fields.
    pub mac: [u8; 32],
}
