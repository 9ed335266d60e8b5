//! The operations of a KMS by name, for counters, logs and errors.

use std::fmt;

/// One call to a KMS. The name is stable: counters, metrics and errors use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KmsOperation {
    /// [`KeyWrapper::generate_wrapper_key`](crate::KeyWrapper::generate_wrapper_key)
    GenerateWrapperKey,
    /// [`KeyWrapper::wrapper_key_state`](crate::KeyWrapper::wrapper_key_state)
    WrapperKeyState,
    /// [`KeyWrapper::wrap_key`](crate::KeyWrapper::wrap_key)
    WrapKey,
    /// [`KeyWrapper::unwrap_key`](crate::KeyWrapper::unwrap_key)
    UnwrapKey,
    /// [`KeyWrapper::rewrap_key`](crate::KeyWrapper::rewrap_key)
    RewrapKey,
    /// [`ExternalKeys::generate_signing_key`](crate::ExternalKeys::generate_signing_key)
    GenerateSigningKey,
    /// [`ExternalKeys::generate_encryption_key`](crate::ExternalKeys::generate_encryption_key)
    GenerateEncryptionKey,
    /// [`ExternalKeys::import_key`](crate::ExternalKeys::import_key)
    ImportKey,
    /// [`ExternalKeys::key_state`](crate::ExternalKeys::key_state)
    KeyState,
    /// [`ExternalKeys::public_key`](crate::ExternalKeys::public_key)
    PublicKey,
    /// [`ExternalKeys::sign`](crate::ExternalKeys::sign)
    Sign,
    /// [`ExternalKeys::decrypt`](crate::ExternalKeys::decrypt)
    Decrypt,
    /// [`ExternalKeys::delete_key`](crate::ExternalKeys::delete_key)
    DeleteKey,
    /// [`KeyTags::tag`](crate::KeyTags::tag)
    ReadTag,
    /// [`KeyTags::set_tag`](crate::KeyTags::set_tag)
    SetTag,
}

impl KmsOperation {
    /// Every operation, in the order of declaration.
    pub const ALL: [Self; 15] = [
        Self::GenerateWrapperKey,
        Self::WrapperKeyState,
        Self::WrapKey,
        Self::UnwrapKey,
        Self::RewrapKey,
        Self::GenerateSigningKey,
        Self::GenerateEncryptionKey,
        Self::ImportKey,
        Self::KeyState,
        Self::PublicKey,
        Self::Sign,
        Self::Decrypt,
        Self::DeleteKey,
        Self::ReadTag,
        Self::SetTag,
    ];

    /// The stable name, as the method is called: `wrap_key`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GenerateWrapperKey => "generate_wrapper_key",
            Self::WrapperKeyState => "wrapper_key_state",
            Self::WrapKey => "wrap_key",
            Self::UnwrapKey => "unwrap_key",
            Self::RewrapKey => "rewrap_key",
            Self::GenerateSigningKey => "generate_signing_key",
            Self::GenerateEncryptionKey => "generate_encryption_key",
            Self::ImportKey => "import_key",
            Self::KeyState => "key_state",
            Self::PublicKey => "public_key",
            Self::Sign => "sign",
            Self::Decrypt => "decrypt",
            Self::DeleteKey => "delete_key",
            Self::ReadTag => "read_tag",
            Self::SetTag => "set_tag",
        }
    }

    /// Whether doing it twice does no more than doing it once. Only these may be repeated blindly when an answer was
    /// lost: a repeated generation leaves a second key behind.
    #[must_use]
    pub const fn is_idempotent(self) -> bool {
        !matches!(
            self,
            Self::GenerateWrapperKey
                | Self::GenerateSigningKey
                | Self::GenerateEncryptionKey
                | Self::ImportKey
        )
    }

    /// How often a provider may have to ask its KMS until it is done: an import is several calls of a cloud.
    /// [`Deadline`](crate::Deadline) gives each its time.
    #[must_use]
    pub const fn round_trips(self) -> u32 {
        match self {
            Self::ImportKey => 6,
            // Google writes all tags of a key at once, so they are read before.
            Self::SetTag => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for KmsOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_stands_once_in_the_list_and_in_its_order() {
        for (index, operation) in KmsOperation::ALL.into_iter().enumerate() {
            assert_eq!(operation as usize, index, "{operation}");
        }
    }
}
