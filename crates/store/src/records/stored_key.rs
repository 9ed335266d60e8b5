use std::fmt;

use strongroom_crypto::SecretBytes;

/// The payload of a private key's row: the key itself, the key sealed, where a KMS holds it, or both of these.
///
/// They need different care, so they are different variants and not one `Vec<u8>`: only [`Self::Clear`] is a
/// secret, and it makes the row impossible to clone or to print.
#[derive(PartialEq)]
pub enum StoredKey {
    /// The private key, readable by whoever reads the database (custody `clear`).
    Clear(SecretBytes),
    /// Ciphertext, under the data key or by the KMS itself (custody `envelope`).
    Sealed(Vec<u8>),
    /// No bytes here: a KMS holds the key (custody `external`).
    External(KmsKeyRef),
    /// A KMS holds the key, and what was here before it was brought there is not given up yet (custody `external`).
    Copied {
        /// Where the key is.
        held: KmsKeyRef,
        /// The key as it was, under the data key.
        copy: Vec<u8>,
    },
}

/// A key in a KMS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KmsKeyRef {
    /// The configured name of the KMS.
    pub kms: String,
    /// The key, in the provider's own words.
    pub key_id: String,
}

impl StoredKey {
    /// The ciphertext, if the row holds one.
    #[must_use]
    pub fn sealed(&self) -> Option<&[u8]> {
        match self {
            Self::Sealed(bytes) | Self::Copied { copy: bytes, .. } => Some(bytes),
            Self::Clear(_) | Self::External(_) => None,
        }
    }

    /// Puts other ciphertext into the place of what the row holds, if it holds one.
    pub fn replace_sealed(&mut self, sealed: Vec<u8>) {
        match self {
            Self::Sealed(bytes) | Self::Copied { copy: bytes, .. } => *bytes = sealed,
            Self::Clear(_) | Self::External(_) => {}
        }
    }

    /// Where the key is, if a KMS holds it.
    #[must_use]
    pub fn external(&self) -> Option<&KmsKeyRef> {
        match self {
            Self::External(key) | Self::Copied { held: key, .. } => Some(key),
            Self::Clear(_) | Self::Sealed(_) => None,
        }
    }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clear(secret) => write!(f, "Clear({} bytes, not shown)", secret.len()),
            Self::Sealed(bytes) => write!(f, "Sealed({} bytes)", bytes.len()),
            Self::External(key) => f.debug_tuple("External").field(key).finish(),
            Self::Copied { held, copy } => write!(f, "Copied({held:?}, {} bytes)", copy.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_key_is_not_printed() {
        let clear = StoredKey::Clear(SecretBytes::from_slice(b"do not print me"));
        assert_eq!(format!("{clear:?}"), "Clear(15 bytes, not shown)");
    }

    #[test]
    fn only_a_sealed_key_gives_ciphertext() {
        assert_eq!(StoredKey::Sealed(vec![1, 2]).sealed(), Some(&[1, 2][..]));
        assert_eq!(
            StoredKey::Clear(SecretBytes::from_slice(&[1])).sealed(),
            None
        );
        let external = KmsKeyRef {
            kms: "cloud".to_owned(),
            key_id: "key/1".to_owned(),
        };
        assert_eq!(StoredKey::External(external.clone()).sealed(), None);
        let copied = StoredKey::Copied {
            held: external.clone(),
            copy: vec![3],
        };
        assert_eq!(copied.sealed(), Some(&[3][..]));
        assert_eq!(copied.external(), Some(&external));
    }
}
