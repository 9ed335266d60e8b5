use crate::{DataKeyId, VaultId};
use strongroom_crypto::Timestamp;

/// The one row that says which vault this is and in which state it was last left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultRecord {
    /// Names the vault for its whole life.
    pub id: VaultId,
    /// When the vault was made.
    pub created_at: Timestamp,
    /// The data key under which new rows are sealed.
    pub current_data_key: DataKeyId,
    /// The authenticated state record (generation and digest of all rows), written anew by each commit.
    ///
    /// [`crate::WriteTransaction::update_vault`] compares it, so two writers cannot both build on one state.
    pub state: Vec<u8>,
}
