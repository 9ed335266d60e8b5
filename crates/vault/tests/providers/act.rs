//! What is done with a vault and its KMS.

use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec};

pub(crate) const SIGNING: SigningKeySpec = SigningKeySpec::EcP256;
pub(crate) const ENCRYPTION: EncryptionKeySpec = EncryptionKeySpec::Rsa2048;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Create,
    GenerateSigning,
    GenerateEncryption,
    Register,
    Open,
    Sign,
    Decrypt,
    AddWrap,
    Rewrap,
    Delete,
    /// A sealed key is brought into the KMS.
    Bring,
}

impl Act {
    pub(crate) const ALL: [Self; 11] = [
        Self::Create,
        Self::GenerateSigning,
        Self::GenerateEncryption,
        Self::Register,
        Self::Open,
        Self::Sign,
        Self::Decrypt,
        Self::AddWrap,
        Self::Rewrap,
        Self::Delete,
        Self::Bring,
    ];

    pub(crate) const fn needs_decryption(self) -> bool {
        matches!(self, Self::GenerateEncryption | Self::Decrypt)
    }

    /// How many calls of a KMS it makes, if all goes well.
    pub(crate) const fn calls(self) -> usize {
        match self {
            Self::Open | Self::Sign | Self::Decrypt | Self::Rewrap => 1,
            // Of a key that is to be destroyed the public half is asked for first: it must be the one that was deleted.
            // What was brought is used once, as a proof.
            Self::Create | Self::Delete | Self::Bring => 2,
            Self::GenerateSigning | Self::GenerateEncryption | Self::Register | Self::AddWrap => 3,
        }
    }
}
