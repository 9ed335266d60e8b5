use crate::DataKeyId;
use strongroom_crypto::Timestamp;

/// A data key: what is known of it without its bytes, which exist only wrapped (see [`crate::WrapRecord`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataKeyRecord {
    /// The id by which rows and wraps refer to it.
    pub id: DataKeyId,
    /// HKDF of the data key: shows that an unwrapped key is the one the vault was made with.
    pub commitment: [u8; 32],
    /// Whether it still seals rows.
    pub state: DataKeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// Authenticates the other fields, under a subkey of the data key.
    pub mac: [u8; 32],
}

/// Whether a data key still seals rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataKeyState {
    /// It seals rows. One that is active and not the vault's current one is on its way in: rows move to it.
    Active,
    /// Replaced by another; kept, since older backups need it.
    Retired,
}

impl DataKeyState {
    /// The stable name, for people, programs and the encodings that tags are computed over.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}
