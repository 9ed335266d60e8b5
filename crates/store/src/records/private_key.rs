use crate::{DataKeyId, StoredKey};
use strongroom_crypto::{Fingerprint, Timestamp};

/// A private key at rest, beside the public key of the same fingerprint.
///
/// Neither `Clone` nor printable beyond lengths, since a row of custody `clear` holds the key itself.
///
/// `custody`, `sealing`, `wrapper_key_id` and `key` belong together; a store refuses any other combination with
/// [`crate::StoreError::RecordRefused`]:
///
/// | custody | sealing | wrapper key id | key |
/// |---|---|---|---|
/// | `Clear` | `None` | none | [`StoredKey::Clear`] |
/// | `Envelope` | `DataKey` | none | [`StoredKey::Sealed`] |
/// | `Envelope` | `Direct` | the wrapper key | [`StoredKey::Sealed`] |
/// | `External` | `None` | none | [`StoredKey::External`] |
/// | `External` | `DataKey` | none | [`StoredKey::Copied`] |
#[derive(Debug, PartialEq)]
pub struct PrivateKeyRecord {
    /// The key's identity; a public key of the same fingerprint must be there.
    pub fingerprint: Fingerprint,
    /// Where the private key is.
    pub custody: Custody,
    /// What protects the bytes in `key`.
    pub sealing: Sealing,
    /// Whether the key may still sign, and be encrypted to.
    pub state: KeyState,
    /// Whether the key was ever stored readable; stays so until it is rotated.
    pub exposed: bool,
    /// The wrapper key that opens a row of [`Sealing::Direct`], in the provider's own words.
    pub wrapper_key_id: Option<String>,
    /// The data key whose subkey made `mac`, and which opens a row of [`Sealing::DataKey`].
    pub data_key_id: DataKeyId,
    /// The key, sealed or readable, or where it is.
    pub key: StoredKey,
    /// When the private key came into the vault.
    pub created_at: Timestamp,
    /// Authenticates the other fields.
    pub mac: [u8; 32],
}

impl PrivateKeyRecord {
    /// Whether `custody`, `sealing`, `wrapper_key_id` and `key` fit together (the table above).
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        let by_wrapper_key = self.wrapper_key_id.is_some();
        match (self.custody, self.sealing, &self.key) {
            (Custody::Clear, Sealing::None, StoredKey::Clear(_))
            | (Custody::Envelope, Sealing::DataKey, StoredKey::Sealed(_))
            | (Custody::External, Sealing::None, StoredKey::External(_))
            | (Custody::External, Sealing::DataKey, StoredKey::Copied { .. }) => !by_wrapper_key,
            (Custody::Envelope, Sealing::Direct, StoredKey::Sealed(_)) => by_wrapper_key,
            _ => false,
        }
    }
}

/// Where a private key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Custody {
    /// In the store, readable.
    Clear,
    /// In the store, sealed.
    Envelope,
    /// In the KMS, never here.
    External,
}

/// What protects the bytes of a private key's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sealing {
    /// Nothing, or there are no bytes.
    None,
    /// The vault's data key.
    DataKey,
    /// The KMS itself, row by row.
    Direct,
}

/// Whether a key may still be put to new use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// May sign, and be encrypted to.
    Active,
    /// May only verify and decrypt history.
    Retired,
}

macro_rules! names {
    ($type:ty { $($variant:ident => $name:literal),+ $(,)? }) => {
        impl $type {
            /// The stable name, for people, programs and the encodings that tags are computed over.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

names!(Custody { Clear => "clear", Envelope => "envelope", External => "external" });
names!(Sealing { None => "none", DataKey => "data-key", Direct => "direct" });
names!(KeyState { Active => "active", Retired => "retired" });
