//! `SymmetricKey`.

use strongroom_crypto::{KeyFormat, SymmetricKey};
use strongroom_memory::{SecretBytes, SecretWriter};

use crate::enums::{self, Place};
use crate::{ProtoError, v30, versioned, wire};

const NAME: &str = "SymmetricKey";
const FORMAT: u32 = 1;
const KEY: u32 = 2;
const SCHEME: u32 = 3;

/// Room for the key and a few numbers, so that the writer never moves.
const CAPACITY: usize = 64;

/// The wrapped `SymmetricKey`.
#[must_use]
pub fn encode_symmetric_key(key: &SymmetricKey) -> SecretBytes {
    let mut writer = SecretWriter::with_capacity(CAPACITY);
    wire::put_integer(
        &mut writer,
        FORMAT,
        v30::CryptoKeyFormat::from(KeyFormat::Raw).into(),
    );
    // EXPOSE: copied into the message, which is in wiped memory as well.
    wire::put_bytes(&mut writer, KEY, key.secret().expose());
    wire::put_integer(
        &mut writer,
        SCHEME,
        v30::SymmetricKeyScheme::Aes128gcm.into(),
    );
    versioned::wrap_secret_message(&writer.finish())
}

/// Reads a wrapped `SymmetricKey`.
///
/// # Errors
/// [`ProtoError::InvalidSymmetricKey`] unless the key has 16 bytes; [`ProtoError::UnrecognizedEnum`] for any format
/// but bare bytes; otherwise what is wrong with the first broken field.
pub fn decode_symmetric_key(bytes: &[u8]) -> Result<SymmetricKey, ProtoError> {
    let (mut format, mut key, mut scheme) = (0, [].as_slice(), 0);
    for field in wire::fields(versioned::unwrap_message(bytes)?.data) {
        let field = field.map_err(|source| ProtoError::MalformedSecret {
            message: NAME,
            source,
        })?;
        match field.number {
            FORMAT => format = field.value.int32().unwrap_or(format),
            KEY => key = field.value.bytes().unwrap_or(key),
            SCHEME => scheme = field.value.int32().unwrap_or(scheme),
            _ => {}
        }
    }
    match enums::read_key_format(NAME, "format", format)? {
        KeyFormat::Raw => {}
        KeyFormat::LegacyDer
        | KeyFormat::DerX509SubjectPublicKeyInfo
        | KeyFormat::DerPkcs8PrivateKeyInfo => {
            return Err(ProtoError::UnrecognizedEnum {
                message: NAME,
                field: "format",
                value: format,
            });
        }
    }
    let place = Place::new(NAME, "scheme");
    match place.known(scheme)? {
        v30::SymmetricKeyScheme::Aes128gcm => {}
        v30::SymmetricKeyScheme::Unspecified => return Err(place.not_set()),
    }
    SymmetricKey::try_new(SecretBytes::from_slice(key)).map_err(|source| {
        ProtoError::InvalidSymmetricKey {
            message: NAME,
            source,
        }
    })
}
