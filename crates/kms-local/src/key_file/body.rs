//! The sealed part of a key file: all keys in the canonical encoding.
//!
//! ```text
//! keys    = count ‖ key*
//! key     = id ‖ kind ‖ label? ‖ tags ‖ state ‖ created at ‖ count ‖ version*        oldest version first
//! kind    = 00 | 01 ‖ spec name | 02 ‖ spec name                                     wrapper, signing, encryption
//! state   = 00 | 01 | 02 ‖ deletion at                                               enabled, disabled, pending
//! version = number ‖ created at ‖ length ‖ secret
//! ```
//! Times are microseconds since the epoch (8 bytes), counts and numbers 4 bytes.

use std::sync::Arc;

use strongroom_crypto::encoding::{Decoder, Encoder, EncodingError};
use strongroom_crypto::{EncryptionKeySpec, KeyName, SigningKeySpec, Timestamp};
use strongroom_kms::KmsKeyId;
use strongroom_memory::SecretBytes;

use super::secret_encoder::SecretEncoder;
use crate::error::Damage;
use crate::keyring::{Key, KeyKind, Keyring, Material, StoredState, Version};

const WRAPPER: u8 = 0;
const SIGNING: u8 = 1;
const ENCRYPTION: u8 = 2;

const ENABLED: u8 = 0;
const DISABLED: u8 = 1;
const PENDING_DELETION: u8 = 2;

pub(super) fn encode(keyring: &Keyring) -> SecretBytes {
    let mut body = SecretEncoder::default();
    body.count(keyring.iter().len());
    for key in keyring.iter() {
        body.plain(|encoder| describe(encoder, key))
            .count(key.versions().len());
        for version in key.versions() {
            body.plain(|encoder| {
                encoder
                    .int(version.number)
                    .long(version.created_at.as_micros())
            })
            .secret(version.material.secret());
        }
    }
    body.finish()
}

/// Everything of a key but its secrets.
fn describe<'a>(encoder: &'a mut Encoder, key: &Key) -> &'a mut Encoder {
    encoder.string(key.id.as_str());
    match key.kind {
        KeyKind::Wrapper => encoder.byte(WRAPPER),
        KeyKind::Signing(spec) => encoder.byte(SIGNING).string(spec.name()),
        KeyKind::Encryption(spec) => encoder.byte(ENCRYPTION).string(spec.name()),
    };
    encoder
        .optional(key.label.as_ref(), |encoder, label| {
            encoder.string(label.as_str())
        })
        .list(key.tags.iter(), |encoder, (name, value)| {
            encoder.string(name).string(value)
        });
    match key.state {
        StoredState::Enabled => encoder.byte(ENABLED),
        StoredState::Disabled => encoder.byte(DISABLED),
        StoredState::PendingDeletion { at } => encoder.byte(PENDING_DELETION).long(at.as_micros()),
    }
    .long(key.created_at.as_micros())
}

pub(super) fn decode(body: &SecretBytes) -> Result<Keyring, Damage> {
    // EXPOSE: parsed in place; each secret is copied into memory of its own.
    let mut decoder = Decoder::new(body.expose());
    let mut keyring = Keyring::default();
    for _ in 0..count(&mut decoder)? {
        keyring.insert(key(&mut decoder)?);
    }
    decoder.finish()?;
    Ok(keyring)
}

fn key(decoder: &mut Decoder<'_>) -> Result<Key, Damage> {
    let id = KmsKeyId::try_new(decoder.string()?)
        .ok()
        .ok_or(Damage::Value { what: "key id" })?;
    let kind = kind(decoder)?;
    let label = decoder
        .optional(|decoder| decoder.string())?
        .map(label)
        .transpose()?;
    let tags =
        decoder.list(|decoder| Ok((decoder.string()?.to_owned(), decoder.string()?.to_owned())))?;
    let state = state(decoder)?;
    let created_at = time(decoder)?;
    let mut versions = Vec::new();
    for _ in 0..count(decoder)? {
        versions.push(Arc::new(version(decoder, kind)?));
    }
    let current = versions.pop().ok_or(Damage::Value {
        what: "number of versions",
    })?;
    Ok(Key {
        id,
        kind,
        label,
        tags,
        state,
        created_at,
        current,
        former: versions,
    })
}

fn kind(decoder: &mut Decoder<'_>) -> Result<KeyKind, Damage> {
    let (tag, unknown) = (
        decoder.byte()?,
        Damage::Value {
            what: "kind of key",
        },
    );
    match tag {
        WRAPPER => Some(KeyKind::Wrapper),
        SIGNING => named(SigningKeySpec::ALL, SigningKeySpec::name, decoder.string()?)
            .map(KeyKind::Signing),
        ENCRYPTION => named(
            EncryptionKeySpec::ALL,
            EncryptionKeySpec::name,
            decoder.string()?,
        )
        .map(KeyKind::Encryption),
        _ => None,
    }
    .ok_or(unknown)
}

/// By its one name; parsing texts of people takes others too.
fn named<S: Copy, const N: usize>(
    all: [S; N],
    name_of: fn(S) -> &'static str,
    name: &str,
) -> Option<S> {
    all.into_iter().find(|spec| name_of(*spec) == name)
}

fn label(text: &str) -> Result<KeyName, Damage> {
    KeyName::try_new(text)
        .ok()
        .ok_or(Damage::Value { what: "label" })
}

fn state(decoder: &mut Decoder<'_>) -> Result<StoredState, Damage> {
    match decoder.byte()? {
        ENABLED => Ok(StoredState::Enabled),
        DISABLED => Ok(StoredState::Disabled),
        PENDING_DELETION => Ok(StoredState::PendingDeletion { at: time(decoder)? }),
        _ => Err(Damage::Value { what: "state" }),
    }
}

fn version(decoder: &mut Decoder<'_>, kind: KeyKind) -> Result<Version, Damage> {
    let number = decoder.int()?;
    let created_at = time(decoder)?;
    let material = Material::from_secret(kind, SecretBytes::from_slice(decoder.bytes()?))?;
    Ok(Version {
        number,
        created_at,
        material,
    })
}

fn time(decoder: &mut Decoder<'_>) -> Result<Timestamp, EncodingError> {
    decoder.long().map(Timestamp::from_micros)
}

/// How many elements follow. Authentic, so it need not be bounded; a negative one was never written.
fn count(decoder: &mut Decoder<'_>) -> Result<i32, Damage> {
    let count = decoder.int()?;
    if count < 0 {
        Err(Damage::Value { what: "count" })
    } else {
        Ok(count)
    }
}
