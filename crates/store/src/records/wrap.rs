use crate::DataKeyId;
use strongroom_crypto::Timestamp;

/// A data key encrypted by one wrapper key. A data key has any number of wraps, and any of them opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrapRecord {
    /// The data key inside.
    pub data_key_id: DataKeyId,
    /// The configured name of the provider that holds the wrapper key.
    pub kms: String,
    /// The wrapper key, in the provider's own words.
    pub wrapper_key_id: String,
    /// What the provider returned.
    pub ciphertext: Vec<u8>,
    /// Since when this wrapper key wraps for the vault: a wrap of a later data key says what those before it said, so that they
    /// may go. The data key itself may be younger.
    pub created_at: Timestamp,
}
