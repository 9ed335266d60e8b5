//! Why a key does not do what it is asked for. The faces turn these into the words of their cloud.

use strongroom_crypto::RandomError;

/// Why the keys refuse.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("there is no such alias")]
    AliasUnknown,
    #[error("it exists already")]
    Exists,
    #[error("this is not the material of this key")]
    IncorrectMaterial,
    #[error("the ciphertext is of another key")]
    IncorrectKey,
    #[error("the key is disabled")]
    Disabled,
    #[error("the cryptographic library failed: {0}")]
    Library(&'static str),
    #[error("there would be too many: {0}")]
    Limit(&'static str),
    #[error("the key is not pending deletion")]
    NotPendingDeletion,
    #[error("the key is pending deletion")]
    PendingDeletion,
    #[error("the key has no material yet")]
    PendingImport,
    #[error("no random bytes could be had")]
    Random(#[from] RandomError),
    #[error("the signature is not of this key and message")]
    SignatureInvalid,
    #[error("the ciphertext does not decrypt")]
    Undecryptable,
    #[error("there is no such key")]
    Unknown,
    #[error("such keys do not: {0}")]
    Unsupported(&'static str),
}
