//! What a backup says of itself before anything is unwrapped.

use strongroom_crypto::{
    Timestamp,
    encoding::{Decoder, Encoder},
};
use strongroom_store::{BackupId, DataKeyId, VaultId};

use crate::codec::Malformed;

/// What a backup is of, readable without a KMS.
///
/// Believed only after the manifest, which covers it, was found authentic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Names the backup.
    pub id: BackupId,
    /// The vault.
    pub vault: VaultId,
    /// The node whose keys these are, by member code and unique identifier; none before it had an identity.
    pub member: Option<String>,
    /// The generation of the vault that the backup holds.
    pub generation: u64,
    /// When the backup was made.
    pub created_at: Timestamp,
    /// The data key that seals new rows, and by which the manifest is authenticated.
    pub current_data_key: DataKeyId,
    /// The version of the program that made it.
    pub program: String,
}

impl Header {
    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder
            .raw(self.id.as_bytes())
            .raw(self.vault.as_bytes())
            .optional(self.member.as_deref(), |encoder, member| {
                encoder.string(member)
            })
            .raw(&self.generation.to_be_bytes())
            .long(self.created_at.as_micros())
            .raw(self.current_data_key.as_bytes())
            .string(&self.program);
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut decoder = Decoder::new(bytes);
        let header = Self {
            id: BackupId::from_bytes(decoder.array()?),
            vault: VaultId::from_bytes(decoder.array()?),
            member: decoder.optional(Decoder::string)?.map(ToOwned::to_owned),
            generation: u64::from_be_bytes(decoder.array()?),
            created_at: Timestamp::from_micros(decoder.long()?),
            current_data_key: DataKeyId::from_bytes(decoder.array()?),
            program: decoder.string()?.to_owned(),
        };
        decoder.finish()?;
        Ok(header)
    }
}
