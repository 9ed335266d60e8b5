//! Where a private key is to be.

use strongroom_store::Custody;

/// Where a private key is to be: its custody, and which KMS if one is to hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the store, readable.
    Clear,
    /// In the store, sealed.
    Envelope,
    /// In a KMS, never here.
    External {
        /// The configured name of the KMS; none takes the one that the settings name for new keys.
        kms: Option<String>,
    },
}

impl Place {
    /// The custody of a key that is there.
    #[must_use]
    pub const fn custody(&self) -> Custody {
        match self {
            Self::Clear => Custody::Clear,
            Self::Envelope => Custody::Envelope,
            Self::External { .. } => Custody::External,
        }
    }
}

/// In the KMS of the settings, where a KMS is to hold it.
impl From<Custody> for Place {
    fn from(custody: Custody) -> Self {
        match custody {
            Custody::Clear => Self::Clear,
            Custody::Envelope => Self::Envelope,
            Custody::External => Self::External { kms: None },
        }
    }
}
