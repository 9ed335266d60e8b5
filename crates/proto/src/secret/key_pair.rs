//! `CryptoKeyPair`: a key as it is exported.

use strongroom_crypto::{KeyPurpose, PrivateKey, PublicKey};
use strongroom_memory::{SecretBytes, SecretWriter};

use super::password::is_encrypted_key_pair;
use super::private_key::{KeyPair, PrivateKeyFields, encode_private_key};
use crate::wire::{self, WireError};
use crate::{ProtoError, versioned};

const CRYPTO_KEY_PAIR: &str = "CryptoKeyPair";
const SIGNING_KEY_PAIR: u32 = 1;
const ENCRYPTION_KEY_PAIR: u32 = 2;
/// In `SigningKeyPair` and `EncryptionKeyPair` alike. Old exports have the public half in field 1.
const PRIVATE_KEY: u32 = 2;

/// Room for the tags and lengths of the two messages around the key.
const OVERHEAD: usize = 16;

/// A key pair as Canton exports it: the wrapped `CryptoKeyPair`, without the public half.
///
/// # Errors
/// [`ProtoError::HalvesDiffer`] when the halves are not those of one key; [`ProtoError::InvalidKey`].
pub fn encode_key_pair(
    private: &PrivateKey,
    public: &PublicKey,
) -> Result<SecretBytes, ProtoError> {
    let key = encode_private_key(private, public)?;
    let pair = in_message(PRIVATE_KEY, &key);
    let family = match private.spec().purpose() {
        KeyPurpose::Signing => SIGNING_KEY_PAIR,
        KeyPurpose::Encryption => ENCRYPTION_KEY_PAIR,
    };
    Ok(versioned::wrap_secret_message(&in_message(family, &pair)))
}

/// A message with `inner` as its only field.
fn in_message(number: u32, inner: &SecretBytes) -> SecretBytes {
    let mut writer = SecretWriter::with_capacity(inner.len().saturating_add(OVERHEAD));
    // EXPOSE: copied from one secret container into another.
    wire::put_message(&mut writer, number, inner.expose());
    writer.finish()
}

/// Reads an exported key pair: wrapped as exports are today, or bare as the oldest were.
///
/// An `id` and a public half that came along are ignored: the public half is derived from the private one, so that
/// nobody can slip in a public key that does not belong to it. Proof of ownership joins the usages where the rules
/// allow it. Source: reference, keys and schemes, section 4.5.
///
/// # Errors
/// [`ProtoError::KeyPairEncrypted`] when a password is needed; otherwise [`ProtoError::NotAKeyPair`]. The texts of
/// both start with "Failed to parse crypto key pair:", as Canton's do.
pub fn decode_key_pair(bytes: &[u8]) -> Result<KeyPair, ProtoError> {
    let wrapped = versioned::unwrap_message(bytes);
    // A bare signing key pair has the shape of a wrapper too, but what is then taken for its inside holds no key.
    let has_version = wrapped.as_ref().is_ok_and(|wrapper| wrapper.version != 0);
    let from_wrapped = wrapped.and_then(|wrapper| decode_bare_key_pair(wrapper.data));
    let in_wrapped = match from_wrapped {
        Ok(pair) => return Ok(pair),
        Err(error) => error,
    };
    let in_bare = match decode_bare_key_pair(bytes) {
        Ok(pair) => return Ok(pair),
        Err(error) => error,
    };
    if is_encrypted_key_pair(bytes) {
        return Err(ProtoError::KeyPairEncrypted);
    }
    Err(ProtoError::NotAKeyPair {
        source: Box::new(if has_version { in_wrapped } else { in_bare }),
    })
}

fn decode_bare_key_pair(bytes: &[u8]) -> Result<KeyPair, ProtoError> {
    let mut pair: Option<PairFields<'_>> = None;
    for field in wire::fields(bytes) {
        let field = field.map_err(|source| malformed(CRYPTO_KEY_PAIR, source))?;
        let purpose = match field.number {
            SIGNING_KEY_PAIR => KeyPurpose::Signing,
            ENCRYPTION_KEY_PAIR => KeyPurpose::Encryption,
            _ => continue,
        };
        let Some(bytes) = field.value.bytes() else {
            continue;
        };
        // One of a choice: the same one twice is merged, the other one replaces it.
        let mut fields = pair
            .take()
            .filter(|p| p.purpose == purpose)
            .unwrap_or_else(|| PairFields::new(purpose));
        fields.merge(bytes)?;
        pair = Some(fields);
    }
    let pair = pair.ok_or(ProtoError::FieldNotSet {
        message: CRYPTO_KEY_PAIR,
        field: "pair",
    })?;
    let message = PairFields::message(pair.purpose);
    pair.private_key
        .ok_or(ProtoError::FieldNotSet {
            message,
            field: "private_key",
        })?
        .into_key_pair()
}

const fn malformed(message: &'static str, source: WireError) -> ProtoError {
    ProtoError::MalformedSecret { message, source }
}

/// A `SigningKeyPair` or `EncryptionKeyPair` as it comes in.
struct PairFields<'a> {
    purpose: KeyPurpose,
    private_key: Option<PrivateKeyFields<'a>>,
}

impl<'a> PairFields<'a> {
    const fn new(purpose: KeyPurpose) -> Self {
        Self {
            purpose,
            private_key: None,
        }
    }

    const fn message(purpose: KeyPurpose) -> &'static str {
        match purpose {
            KeyPurpose::Signing => "SigningKeyPair",
            KeyPurpose::Encryption => "EncryptionKeyPair",
        }
    }

    fn merge(&mut self, bytes: &'a [u8]) -> Result<(), ProtoError> {
        for field in wire::fields(bytes) {
            let field = field.map_err(|source| malformed(Self::message(self.purpose), source))?;
            if let (PRIVATE_KEY, Some(key)) = (field.number, field.value.bytes()) {
                self.private_key
                    .get_or_insert_with(|| PrivateKeyFields::new(self.purpose))
                    .merge(key)?;
            }
        }
        Ok(())
    }
}
