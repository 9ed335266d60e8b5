//! How keys are called here and on the token.

use std::fmt;

use data_encoding::HEXLOWER;
use strongroom_crypto::Random;
use strongroom_kms::{KmsError, KmsKeyId};

use crate::error::Pkcs11Error;

/// The name of this provider in capabilities, logs and key ids.
pub(crate) const PROVIDER: &str = "pkcs11";

/// The id of a key: 16 random bytes, `pkcs11:` and 32 hexadecimal digits as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyId([u8; 16]);

impl KeyId {
    pub(crate) fn generate(random: &dyn Random) -> Result<Self, Pkcs11Error> {
        let mut bytes = [0; 16];
        random.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The id in a text, or that there is no such key: no other text names one.
    pub(crate) fn of(id: &KmsKeyId) -> Result<Self, KmsError> {
        let unknown = || KmsError::KeyNotFound { id: id.clone() };
        let digits = id
            .as_str()
            .strip_prefix(PROVIDER)
            .and_then(|rest| rest.strip_prefix(':'));
        let bytes = HEXLOWER.decode(digits.ok_or_else(unknown)?.as_bytes());
        let bytes = bytes.ok().and_then(|bytes| bytes.try_into().ok());
        Ok(Self(bytes.ok_or_else(unknown)?))
    }

    pub(crate) fn to_kms(self) -> Result<KmsKeyId, KmsError> {
        Ok(KmsKeyId::try_new(self.to_string())?)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PROVIDER}:{}", HEXLOWER.encode(&self.0))
    }
}

/// A key object on the token, as its CKA_ID tells it from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ObjectId {
    /// Both halves of an external key: the id.
    Pair(KeyId),
    /// One version of a wrapper key: the id, and the version as 4 bytes behind it.
    Version(KeyId, i32),
}

impl ObjectId {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Pair(id) => id.0.to_vec(),
            Self::Version(id, number) => [id.0.as_slice(), &number.to_be_bytes()].concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = KeyId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string(), format!("pkcs11:{}", "ab".repeat(16)));
        assert_eq!(KeyId::of(&id.to_kms().unwrap()).unwrap(), id);
    }

    #[test]
    fn a_text_that_is_no_id_names_no_key() {
        for text in [
            "pkcs11:",
            "pkcs11:AB",
            "local:00",
            "00000000000000000000000000000000",
        ] {
            let answer = KeyId::of(&text.parse().unwrap());
            assert!(
                matches!(answer, Err(KmsError::KeyNotFound { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn each_version_has_an_object_id_of_its_own() {
        let id = KeyId::from_bytes([1; 16]);
        assert_eq!(
            ObjectId::Version(id, 2).to_bytes(),
            [[1; 16].as_slice(), &[0, 0, 0, 2]].concat()
        );
        assert_eq!(ObjectId::Pair(id).to_bytes(), [1; 16]);
    }
}
