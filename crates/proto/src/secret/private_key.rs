//! `SigningPrivateKey` and `EncryptionPrivateKey`.

use strongroom_crypto::{
    Fingerprint, KeyError, KeyFormat, KeyPurpose, KeySpec, PrivateKey, PublicKey,
};
use strongroom_memory::{SecretBytes, SecretWriter};

use crate::usage::{read_key_usages, usage_numbers};
use crate::wire::{self, Field, Value, WireError};
use crate::{ProtoError, enums, v30, versioned};

/// A private key with the public half that was derived from it.
#[derive(Debug)]
#[non_exhaustive]
pub struct KeyPair {
    /// The private half.
    pub private: PrivateKey,
    /// The public half, derived from the private one; a signing key has its usages here.
    pub public: PublicKey,
    /// Whether the key came in a legacy format.
    pub was_legacy: bool,
}

// Field numbers. The two messages differ only in the last ones.
const ID: u32 = 1;
const FORMAT: u32 = 2;
const PRIVATE_KEY: u32 = 3;
const SCHEME: u32 = 4;
const SIGNING_USAGE: u32 = 5;
const SIGNING_KEY_SPEC: u32 = 6;
const ENCRYPTION_KEY_SPEC: u32 = 5;

/// Room for everything but the key: the fingerprint and a few numbers.
const OVERHEAD: usize = 128;

/// The fields of one of the two messages, as they come in.
///
/// The `id` is not among them: readers compute the fingerprint from the key.
pub(super) struct PrivateKeyFields<'a> {
    purpose: KeyPurpose,
    format: i32,
    private_key: &'a [u8],
    scheme: i32,
    usage: Vec<i32>,
    key_spec: i32,
}

impl<'a> PrivateKeyFields<'a> {
    pub(super) const fn new(purpose: KeyPurpose) -> Self {
        Self {
            purpose,
            format: 0,
            private_key: &[],
            scheme: 0,
            usage: Vec::new(),
            key_spec: 0,
        }
    }

    pub(super) const fn message(purpose: KeyPurpose) -> &'static str {
        match purpose {
            KeyPurpose::Signing => "SigningPrivateKey",
            KeyPurpose::Encryption => "EncryptionPrivateKey",
        }
    }

    /// Adds the fields of `bytes`, as protobuf merges a message that occurs twice: the last number holds, lists
    /// are joined.
    pub(super) fn merge(&mut self, bytes: &'a [u8]) -> Result<(), ProtoError> {
        let message = Self::message(self.purpose);
        wire::fields(bytes)
            .try_for_each(|field| self.merge_field(field?))
            .map_err(|source| ProtoError::MalformedSecret { message, source })
    }

    fn merge_field(&mut self, Field { number, value }: Field<'a>) -> Result<(), WireError> {
        match (self.purpose, number) {
            (_, FORMAT) => set(&mut self.format, value.int32()),
            (_, PRIVATE_KEY) => set(&mut self.private_key, value.bytes()),
            (_, SCHEME) => set(&mut self.scheme, value.int32()),
            (KeyPurpose::Signing, SIGNING_USAGE) => self.add_usages(value)?,
            (KeyPurpose::Signing, SIGNING_KEY_SPEC)
            | (KeyPurpose::Encryption, ENCRYPTION_KEY_SPEC) => {
                set(&mut self.key_spec, value.int32());
            }
            _ => {}
        }
        Ok(())
    }

    /// Usages come packed, or one per field from writers that do not pack.
    fn add_usages(&mut self, value: Value<'a>) -> Result<(), WireError> {
        self.usage.extend(value.int32());
        let mut packed = value.bytes().unwrap_or_default();
        while !packed.is_empty() {
            self.usage
                .extend(Value::Integer(wire::integer(&mut packed)?).int32());
        }
        Ok(())
    }

    /// The key, and the public half derived from it.
    pub(super) fn into_key_pair(self) -> Result<KeyPair, ProtoError> {
        let message = Self::message(self.purpose);
        let invalid = |source: KeyError| ProtoError::InvalidKey { message, source };
        let format = enums::read_key_format(message, "format", self.format)?;
        let (spec, usages) = match self.purpose {
            KeyPurpose::Signing => (
                KeySpec::Signing(enums::read_signing_key_spec(
                    message,
                    self.key_spec,
                    self.scheme,
                )?),
                Some(read_key_usages(message, &self.usage)?),
            ),
            KeyPurpose::Encryption => (
                KeySpec::Encryption(enums::read_encryption_key_spec(
                    message,
                    self.key_spec,
                    self.scheme,
                )?),
                None,
            ),
        };
        let encoded = SecretBytes::from_slice(self.private_key);
        let read = PrivateKey::from_encoded(spec, format, &encoded).map_err(invalid)?;
        let public = read.key.public_key(usages).map_err(invalid)?;
        Ok(KeyPair {
            private: read.key,
            public,
            was_legacy: read.was_legacy,
        })
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// The bare message of a private key; usages are those of its public half.
pub(super) fn encode_private_key(
    private: &PrivateKey,
    public: &PublicKey,
) -> Result<SecretBytes, ProtoError> {
    let message = PrivateKeyFields::message(private.spec().purpose());
    let invalid = |source: KeyError| ProtoError::InvalidKey { message, source };
    let differ = || ProtoError::HalvesDiffer {
        private: private.spec(),
        public: public.spec(),
    };
    let spki = private.public_spki().map_err(invalid)?;
    // A pair that contradicts itself would be imported as another key than the one it is named after.
    if Fingerprint::of(private.spec(), &spki) != public.fingerprint() {
        return Err(differ());
    }
    let pkcs8 = private.to_pkcs8().map_err(invalid)?;

    let mut writer = SecretWriter::with_capacity(pkcs8.len().saturating_add(OVERHEAD));
    wire::put_bytes(&mut writer, ID, public.fingerprint().to_string().as_bytes());
    wire::put_integer(
        &mut writer,
        FORMAT,
        v30::CryptoKeyFormat::from(KeyFormat::DerPkcs8PrivateKeyInfo).into(),
    );
    // EXPOSE: copied into the message, which is in wiped memory as well.
    wire::put_bytes(&mut writer, PRIVATE_KEY, pkcs8.expose());
    match (private.spec(), public) {
        (KeySpec::Signing(spec), PublicKey::Signing(public)) => {
            wire::put_bytes(
                &mut writer,
                SIGNING_USAGE,
                &packed(&usage_numbers(public.usages())),
            );
            wire::put_integer(
                &mut writer,
                SIGNING_KEY_SPEC,
                v30::SigningKeySpec::from(spec).into(),
            );
        }
        (KeySpec::Encryption(spec), PublicKey::Encryption(_)) => {
            wire::put_integer(
                &mut writer,
                ENCRYPTION_KEY_SPEC,
                v30::EncryptionKeySpec::from(spec).into(),
            );
        }
        // The fingerprint binds the curve, but not the purpose: P-256 serves both.
        _ => return Err(differ()),
    }
    Ok(writer.finish())
}

/// Small numbers as one field, the way proto3 writes lists.
fn packed(numbers: &[i32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in numbers {
        wire::put_varint(&mut bytes, i64::from(*number).cast_unsigned());
    }
    bytes
}

/// A clear row of Canton's table of private keys: the wrapped `SigningPrivateKey` or `EncryptionPrivateKey`.
///
/// An encrypted row of Canton is the KMS's ciphertext of these same bytes, with nothing added.
///
/// # Errors
/// [`ProtoError::HalvesDiffer`] when the halves are not those of one key; [`ProtoError::InvalidKey`].
pub fn encode_stored_private_key(
    private: &PrivateKey,
    public: &PublicKey,
) -> Result<SecretBytes, ProtoError> {
    encode_private_key(private, public).map(|message| versioned::wrap_secret_message(&message))
}

/// Reads a clear row of Canton's table of private keys; the row's `purpose` column says which message it is.
///
/// The public half is derived from the private one and the `id` in the message is ignored, so a caller who knows the
/// row's key compares it with the fingerprint of [`KeyPair::public`].
///
/// # Errors
/// [`ProtoError::MalformedSecret`] for bytes that are no such message, among them rows that are encrypted; otherwise
/// what is wrong with the first broken field.
pub fn decode_stored_private_key(purpose: KeyPurpose, bytes: &[u8]) -> Result<KeyPair, ProtoError> {
    let mut fields = PrivateKeyFields::new(purpose);
    fields.merge(versioned::unwrap_message(bytes)?.data)?;
    fields.into_key_pair()
}
