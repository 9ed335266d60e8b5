//! Reading a public key that somebody imports.

use strongroom_crypto::{KeyPurpose, Migrated, PublicKey};

use crate::public_key::{decode_public_key, decode_stored_public_key};
use crate::wire::{self, Value};
use crate::{ProtoError, versioned};

/// A public key as `ImportPublicKey` was given it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImportedPublicKey {
    /// The key.
    pub key: PublicKey,
    /// Whether the key came in a legacy format.
    pub was_legacy: bool,
    /// Whether the key came wrapped although a bare message is asked for.
    pub was_wrapped: bool,
}

/// Reads the bytes of an `ImportPublicKey` request: a bare `PublicKey` message, or a wrapped public key.
///
/// The request is defined to hold a bare `PublicKey`. Clients of Canton nevertheless send what its console
/// downloads, the *wrapped* key, and there it works by accident: field 1 of the wrapper (the key's bytes) falls on
/// `PublicKey.signing_public_key`, and its version, an integer in field 2, is skipped since
/// `PublicKey.encryption_public_key` is no integer (reference: topology, last section). So the wrapped form is
/// accepted here, on purpose and recognised by that integer, with one difference: Canton's accident reads a wrapped
/// encryption key as a signing key. Where such a key names only the legacy scheme 2, that would turn a P-256
/// encryption key into a signing key with every usage. Here a wrapped key is read both ways, and accepted when
/// exactly one of them makes sense; a wrapped encryption key is accepted as what it is.
///
/// # Errors
/// [`ProtoError::AmbiguousPublicKey`] for a wrapped key that makes sense both ways: a P-256 key that names nothing
/// but the legacy scheme. Otherwise what is wrong with the message or the key in it.
pub fn decode_public_key_for_import(bytes: &[u8]) -> Result<ImportedPublicKey, ProtoError> {
    if !is_wrapped(bytes) {
        return decode_public_key(bytes).map(|read| imported(read, false));
    }
    let signing = decode_stored_public_key(KeyPurpose::Signing, bytes);
    let encryption = decode_stored_public_key(KeyPurpose::Encryption, bytes);
    match (signing, encryption) {
        (Ok(_), Ok(_)) => Err(ProtoError::AmbiguousPublicKey),
        (Ok(read), Err(_)) | (Err(_), Ok(read)) => Ok(imported(read, true)),
        // Only one reading got as far as the key itself: that is the one that was meant.
        (Err(signing), Err(encryption)) => match (&signing, &encryption) {
            (ProtoError::InvalidKey { .. }, _) => Err(signing),
            (_, ProtoError::InvalidKey { .. }) => Err(encryption),
            // Clients wrap signing keys.
            _ => Err(signing),
        },
    }
}

/// Whether `bytes` have the shape of a versioned wrapper: bytes in field 1 and an integer in field 2. In a
/// `PublicKey`, field 2 is a message.
fn is_wrapped(bytes: &[u8]) -> bool {
    let version = wire::fields(bytes)
        .flatten()
        .any(|f| f.number == 2 && matches!(f.value, Value::Integer(_)));
    version && versioned::unwrap_message(bytes).is_ok()
}

fn imported(read: Migrated<PublicKey>, was_wrapped: bool) -> ImportedPublicKey {
    ImportedPublicKey {
        key: read.key,
        was_legacy: read.was_legacy,
        was_wrapped,
    }
}
