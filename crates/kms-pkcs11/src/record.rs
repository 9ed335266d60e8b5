//! What the token is told to remember about a key beside the key: PKCS#11 has no tags, states and versions.
//!
//! ```text
//! record = 01 ‖ sequence (4) ‖ id (16) ‖ kind ‖ label? ‖ tags ‖ state ‖ created at (8) ‖ version (4)
//! kind   = 00 | 01 ‖ spec name | 02 ‖ spec name                                      wrapper, signing, encryption
//! state  = 00 | 01 | 02 ‖ deletion at (8)                                            enabled, disabled, pending
//! ```
//! In the canonical encoding of `strongroom-crypto`; times are microseconds since the epoch.

use strongroom_crypto::encoding::{Decoder, Encoder, EncodingError};
use strongroom_crypto::{EncryptionKeySpec, KeyName, KeySpec, SigningKeySpec, Timestamp};
pub use strongroom_kms::KeyKind;
use strongroom_kms::{KeyState, KmsError, KmsKeyId, KmsOperation};

use crate::key_id::KeyId;

const FORMAT: u8 = 1;

const WRAPPER: u8 = 0;
const SIGNING: u8 = 1;
const ENCRYPTION: u8 = 2;

const ENABLED: u8 = 0;
const DISABLED: u8 = 1;
const PENDING_DELETION: u8 = 2;

/// The state of a key as the token keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoredState {
    Enabled,
    Disabled,
    PendingDeletion { at: Timestamp },
}

/// What is remembered about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Grows with every change. When a crash leaves an older record beside a newer one, the larger number counts.
    pub(crate) sequence: i32,
    pub(crate) id: KeyId,
    pub(crate) kind: KeyKind,
    pub(crate) label: Option<KeyName>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) state: StoredState,
    pub(crate) created_at: Timestamp,
    /// The version of a wrapper key that wraps now; counts from 1. Always 1 for external keys.
    pub(crate) version: i32,
}

impl Record {
    pub(crate) fn key_state(&self) -> KeyState {
        match self.state {
            StoredState::Enabled => KeyState::Enabled,
            StoredState::Disabled => KeyState::Disabled,
            StoredState::PendingDeletion { .. } => KeyState::PendingDeletion,
        }
    }

    /// Fails unless the key may be used.
    pub(crate) fn require_usable(&self, id: &KmsKeyId) -> Result<(), KmsError> {
        let id = id.clone();
        match self.state {
            StoredState::Enabled => Ok(()),
            StoredState::Disabled => Err(KmsError::KeyDisabled { id }),
            StoredState::PendingDeletion { .. } => Err(KmsError::KeyPendingDeletion { id }),
        }
    }

    pub(crate) fn require_kind(
        &self,
        kind: KeyKind,
        id: &KmsKeyId,
        operation: KmsOperation,
    ) -> Result<(), KmsError> {
        if self.kind == kind {
            return Ok(());
        }
        Err(KmsError::WrongPurpose {
            id: id.clone(),
            operation,
        })
    }

    /// The spec of an external key; fails for a wrapper key.
    pub(crate) fn require_external(
        &self,
        id: &KmsKeyId,
        operation: KmsOperation,
    ) -> Result<KeySpec, KmsError> {
        self.kind.spec().ok_or_else(|| KmsError::WrongPurpose {
            id: id.clone(),
            operation,
        })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder
            .byte(FORMAT)
            .int(self.sequence)
            .raw(self.id.as_bytes());
        match self.kind {
            KeyKind::Wrapper => encoder.byte(WRAPPER),
            KeyKind::Signing(spec) => encoder.byte(SIGNING).string(spec.name()),
            KeyKind::Encryption(spec) => encoder.byte(ENCRYPTION).string(spec.name()),
        };
        encoder
            .optional(self.label.as_ref(), |encoder, label| {
                encoder.string(label.as_str())
            })
            .list(self.tags.iter(), |encoder, (name, value)| {
                encoder.string(name).string(value)
            });
        match self.state {
            StoredState::Enabled => encoder.byte(ENABLED),
            StoredState::Disabled => encoder.byte(DISABLED),
            StoredState::PendingDeletion { at } => {
                encoder.byte(PENDING_DELETION).long(at.as_micros())
            }
        }
        .long(self.created_at.as_micros())
        .int(self.version);
        encoder.into_vec()
    }

    /// `None`: damaged, or written by a newer program.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut decoder = Decoder::new(bytes);
        let record = Self::decode(&mut decoder).ok()??;
        decoder.finish().ok()?;
        Some(record)
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Option<Self>, EncodingError> {
        if decoder.byte()? != FORMAT {
            return Ok(None);
        }
        let sequence = decoder.int()?;
        let id = KeyId::from_bytes(decoder.array()?);
        let Some(kind) = kind(decoder)? else {
            return Ok(None);
        };
        let label = match decoder
            .optional(|decoder| decoder.string())?
            .map(str::parse)
        {
            None => None,
            Some(Ok(label)) => Some(label),
            Some(Err(_no_name)) => return Ok(None),
        };
        let tags = decoder
            .list(|decoder| Ok((decoder.string()?.to_owned(), decoder.string()?.to_owned())))?;
        let state = match decoder.byte()? {
            ENABLED => StoredState::Enabled,
            DISABLED => StoredState::Disabled,
            PENDING_DELETION => StoredState::PendingDeletion {
                at: Timestamp::from_micros(decoder.long()?),
            },
            _ => return Ok(None),
        };
        Ok(Some(Self {
            sequence,
            id,
            kind,
            label,
            tags,
            state,
            created_at: Timestamp::from_micros(decoder.long()?),
            version: decoder.int()?,
        }))
    }
}

fn kind(decoder: &mut Decoder<'_>) -> Result<Option<KeyKind>, EncodingError> {
    Ok(match decoder.byte()? {
        WRAPPER => Some(KeyKind::Wrapper),
        SIGNING => {
            let name = decoder.string()?;
            let mut specs = SigningKeySpec::ALL.into_iter();
            specs.find(|spec| spec.name() == name).map(KeyKind::Signing)
        }
        ENCRYPTION => {
            let name = decoder.string()?;
            let mut specs = EncryptionKeySpec::ALL.into_iter();
            specs
                .find(|spec| spec.name() == name)
                .map(KeyKind::Encryption)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests;
