//! Public keys: as messages, alone and with their label, bare and wrapped.
//!
//! Reading computes the fingerprint from the key and never trusts one that came along. It takes legacy formats and
//! says so ([`Migrated::was_legacy`]), so that stored rows can be rewritten. Anything that was hashed or signed must
//! be kept as it was received: writing what was read does not give the same bytes.

use bytes::Buf;
use prost::Message;
use strongroom_crypto::{
    EncryptionPublicKey, Fingerprint, KeyFormat, KeyName, KeyPurpose, Migrated, PublicKey,
    SigningPublicKey,
};

use crate::usage::{read_key_usages, usage_numbers};
use crate::{ProtoError, enums, v30, versioned};

pub(crate) const SIGNING_PUBLIC_KEY: &str = "SigningPublicKey";
pub(crate) const ENCRYPTION_PUBLIC_KEY: &str = "EncryptionPublicKey";
const PUBLIC_KEY: &str = "PublicKey";
const PUBLIC_KEY_WITH_NAME: &str = "PublicKeyWithName";

/// A public key and the operator's label for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "mirrors the message, which has exactly these two fields"
)]
pub struct NamedPublicKey {
    /// The key.
    pub key: PublicKey,
    /// Its label, if it has one.
    pub name: Option<KeyName>,
}

/// Decodes a message of `name`.
pub(crate) fn decode<M: Message + Default>(
    message: &'static str,
    bytes: impl Buf,
) -> Result<M, ProtoError> {
    M::decode(bytes).map_err(|source| ProtoError::Malformed { message, source })
}

/// Decodes a wrapped message of `name`.
pub(crate) fn decode_wrapped<M: Message + Default>(
    message: &'static str,
    bytes: &[u8],
) -> Result<M, ProtoError> {
    decode(message, versioned::unwrap_message(bytes)?.data)
}

/// The key of a `SigningPublicKey`.
///
/// # Errors
/// A [`ProtoError`] naming the first field that is missing, unknown or invalid.
pub fn read_signing_public_key(
    message: &v30::SigningPublicKey,
) -> Result<Migrated<SigningPublicKey>, ProtoError> {
    const NAME: &str = SIGNING_PUBLIC_KEY;
    let format = enums::read_key_format(NAME, "format", message.format)?;
    #[expect(
        deprecated,
        reason = "live networks hold keys with nothing but the scheme"
    )]
    let spec = enums::read_signing_key_spec(NAME, message.key_spec, message.scheme)?;
    let usages = read_key_usages(NAME, &message.usage)?;
    SigningPublicKey::from_encoded(spec, format, &message.public_key, usages).map_err(|source| {
        ProtoError::InvalidKey {
            message: NAME,
            source,
        }
    })
}

/// The key of an `EncryptionPublicKey`.
///
/// # Errors
/// A [`ProtoError`] naming the first field that is missing, unknown or invalid.
pub fn read_encryption_public_key(
    message: &v30::EncryptionPublicKey,
) -> Result<Migrated<EncryptionPublicKey>, ProtoError> {
    const NAME: &str = ENCRYPTION_PUBLIC_KEY;
    let format = enums::read_key_format(NAME, "format", message.format)?;
    #[expect(
        deprecated,
        reason = "live networks hold keys with nothing but the scheme"
    )]
    let spec = enums::read_encryption_key_spec(NAME, message.key_spec, message.scheme)?;
    EncryptionPublicKey::from_encoded(spec, format, &message.public_key).map_err(|source| {
        ProtoError::InvalidKey {
            message: NAME,
            source,
        }
    })
}

/// The key of a `PublicKey`.
///
/// # Errors
/// [`ProtoError::FieldNotSet`] when it holds no key; otherwise what reading the key gives.
pub fn read_public_key(message: &v30::PublicKey) -> Result<Migrated<PublicKey>, ProtoError> {
    use v30::public_key::Key;
    match &message.key {
        Some(Key::SigningPublicKey(key)) => {
            read_signing_public_key(key).map(|read| either(read, PublicKey::Signing))
        }
        Some(Key::EncryptionPublicKey(key)) => {
            read_encryption_public_key(key).map(|read| either(read, PublicKey::Encryption))
        }
        None => Err(ProtoError::FieldNotSet {
            message: PUBLIC_KEY,
            field: "key",
        }),
    }
}

fn either<K>(read: Migrated<K>, family: impl FnOnce(K) -> PublicKey) -> Migrated<PublicKey> {
    Migrated {
        key: family(read.key),
        was_legacy: read.was_legacy,
    }
}

/// The key and label of a `PublicKeyWithName`.
///
/// # Errors
/// [`ProtoError::FieldNotSet`] without a key, [`ProtoError::InvalidName`]; otherwise what reading the key gives.
pub fn read_named_public_key(
    message: &v30::PublicKeyWithName,
) -> Result<Migrated<NamedPublicKey>, ProtoError> {
    const NAME: &str = PUBLIC_KEY_WITH_NAME;
    let key = message.public_key.as_ref().ok_or(ProtoError::FieldNotSet {
        message: NAME,
        field: "public_key",
    })?;
    let read = read_public_key(key)?;
    let name =
        KeyName::parse_optional(&message.name).map_err(|source| ProtoError::InvalidName {
            message: NAME,
            source,
        })?;
    Ok(Migrated {
        key: NamedPublicKey {
            key: read.key,
            name,
        },
        was_legacy: read.was_legacy,
    })
}

impl From<&SigningPublicKey> for v30::SigningPublicKey {
    fn from(key: &SigningPublicKey) -> Self {
        Self {
            format: v30::CryptoKeyFormat::from(KeyFormat::DerX509SubjectPublicKeyInfo).into(),
            public_key: key.spki().to_vec(),
            usage: usage_numbers(key.usages()),
            key_spec: v30::SigningKeySpec::from(key.spec()).into(),
            ..Self::default()
        }
    }
}

impl From<&EncryptionPublicKey> for v30::EncryptionPublicKey {
    fn from(key: &EncryptionPublicKey) -> Self {
        Self {
            format: v30::CryptoKeyFormat::from(KeyFormat::DerX509SubjectPublicKeyInfo).into(),
            public_key: key.spki().to_vec(),
            key_spec: v30::EncryptionKeySpec::from(key.spec()).into(),
            ..Self::default()
        }
    }
}

impl From<&PublicKey> for v30::PublicKey {
    fn from(key: &PublicKey) -> Self {
        use v30::public_key::Key;
        let key = match key {
            PublicKey::Signing(key) => Key::SigningPublicKey(key.into()),
            PublicKey::Encryption(key) => Key::EncryptionPublicKey(key.into()),
        };
        Self { key: Some(key) }
    }
}

impl From<&NamedPublicKey> for v30::PublicKeyWithName {
    fn from(named: &NamedPublicKey) -> Self {
        let name = named
            .name
            .as_ref()
            .map(|name| name.as_str().to_owned())
            .unwrap_or_default();
        Self {
            public_key: Some((&named.key).into()),
            name,
        }
    }
}

/// The bare `PublicKey` message, as `ImportPublicKey` expects it.
#[must_use]
pub fn encode_public_key(key: &PublicKey) -> Vec<u8> {
    v30::PublicKey::from(key).encode_to_vec()
}

/// Reads a bare `PublicKey` message.
///
/// # Errors
/// [`ProtoError::Malformed`]; otherwise what reading the key gives.
pub fn decode_public_key(bytes: &[u8]) -> Result<Migrated<PublicKey>, ProtoError> {
    read_public_key(&decode(PUBLIC_KEY, bytes)?)
}

/// A row of Canton's table of public keys: the wrapped `SigningPublicKey` or `EncryptionPublicKey`. Canton's console
/// downloads public keys in the same form.
#[must_use]
pub fn encode_stored_public_key(key: &PublicKey) -> Vec<u8> {
    versioned::wrap_message(&match key {
        PublicKey::Signing(key) => v30::SigningPublicKey::from(key).encode_to_vec(),
        PublicKey::Encryption(key) => v30::EncryptionPublicKey::from(key).encode_to_vec(),
    })
}

/// Reads a row of Canton's table of public keys; the row's `purpose` column says which message it is.
///
/// # Errors
/// [`ProtoError::Malformed`]; otherwise what reading the key gives.
pub fn decode_stored_public_key(
    purpose: KeyPurpose,
    bytes: &[u8],
) -> Result<Migrated<PublicKey>, ProtoError> {
    match purpose {
        KeyPurpose::Signing => {
            let read = read_signing_public_key(&decode_wrapped(SIGNING_PUBLIC_KEY, bytes)?)?;
            Ok(either(read, PublicKey::Signing))
        }
        KeyPurpose::Encryption => {
            let read = read_encryption_public_key(&decode_wrapped(ENCRYPTION_PUBLIC_KEY, bytes)?)?;
            Ok(either(read, PublicKey::Encryption))
        }
    }
}

/// The wrapped `PublicKeyWithName`.
#[must_use]
pub fn encode_named_public_key(named: &NamedPublicKey) -> Vec<u8> {
    versioned::wrap_message(&v30::PublicKeyWithName::from(named).encode_to_vec())
}

/// Reads a wrapped `PublicKeyWithName`.
///
/// # Errors
/// [`ProtoError::Malformed`]; otherwise what reading the key gives.
pub fn decode_named_public_key(bytes: &[u8]) -> Result<Migrated<NamedPublicKey>, ProtoError> {
    read_named_public_key(&decode_wrapped(PUBLIC_KEY_WITH_NAME, bytes)?)
}

/// Reads a fingerprint that stands in a message.
pub(crate) fn read_fingerprint(
    message: &'static str,
    field: &'static str,
    text: &str,
) -> Result<Fingerprint, ProtoError> {
    text.parse()
        .map_err(|source| ProtoError::InvalidFingerprint {
            message,
            field,
            source,
        })
}
