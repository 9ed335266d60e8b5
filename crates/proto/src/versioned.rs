//! The envelope around every stored and exported message: its bytes and the version of its definition.
//!
//! Written by hand and without copying, because the inside may be a private key. Byte form: `0a`, length, message,
//! `10 1e`. Source: reference, keys and schemes, section 4.4; contract `untyped_versioned_message.proto`.

use std::fmt;

use strongroom_memory::{SecretBytes, SecretWriter};

use crate::ProtoError;
use crate::wire::{self, Sink};

/// The version that every message of package `com.digitalasset.canton.crypto.v30` is written with.
pub const VERSION: i32 = 30;

const NAME: &str = "UntypedVersionedMessage";
const DATA: u32 = 1;
const VERSION_FIELD: u32 = 2;

/// Room for the tags, the version and the longest possible length.
const OVERHEAD: usize = 16;

/// What stands in the envelope.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Versioned<'a> {
    /// The serialised message; it may be a private key.
    pub data: &'a [u8],
    /// The version written next to it, 0 when there was none. Informative: as in Canton, a version without a
    /// decoder of its own is read by the highest decoder there is, which today is always that of [`VERSION`].
    pub version: i32,
}

impl fmt::Debug for Versioned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The data may be secret.
        write!(
            f,
            "Versioned {{ data: {} bytes, version: {} }}",
            self.data.len(),
            self.version
        )
    }
}

/// Wraps a message that holds no secret.
#[must_use]
pub fn wrap_message(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len().saturating_add(OVERHEAD));
    put(&mut bytes, message);
    bytes
}

/// Wraps a message that holds a secret; the result is in wiped memory too.
#[must_use]
pub fn wrap_secret_message(message: &SecretBytes) -> SecretBytes {
    let mut writer = SecretWriter::with_capacity(message.len().saturating_add(OVERHEAD));
    // EXPOSE: copied from one secret container into another.
    put(&mut writer, message.expose());
    writer.finish()
}

fn put(sink: &mut impl Sink, message: &[u8]) {
    wire::put_message(sink, DATA, message);
    wire::put_integer(sink, VERSION_FIELD, VERSION);
}

/// Opens the envelope; the message inside is borrowed, not copied. Unknown fields are skipped.
///
/// # Errors
/// [`ProtoError::FieldNotSet`] without `data`; [`ProtoError::MalformedSecret`] for bytes that are no message.
pub fn unwrap_message(bytes: &[u8]) -> Result<Versioned<'_>, ProtoError> {
    let (mut data, mut version) = (None, 0);
    for field in wire::fields(bytes) {
        let field = field.map_err(|source| ProtoError::MalformedSecret {
            message: NAME,
            source,
        })?;
        match field.number {
            DATA => data = field.value.bytes().or(data),
            VERSION_FIELD => version = field.value.int32().unwrap_or(version),
            _ => {}
        }
    }
    let data = data.ok_or(ProtoError::FieldNotSet {
        message: NAME,
        field: "data",
    })?;
    Ok(Versioned { data, version })
}
