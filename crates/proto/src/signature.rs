//! Signatures and ciphertexts as messages.

use std::num::NonZeroU32;
use std::sync::Arc;

use prost::Message;
use strongroom_crypto::{
    AsymmetricEncrypted, DelegationError, Fingerprint, KeyUsage, KeyUsages, ProtocolSignature,
    SessionSignature, Signature, SignatureDelegation, SignatureFormat, SigningAlgorithm,
    SigningPublicKey, Timestamp, ValidityPeriod,
};

use crate::enums::{
    Place, read_encryption_algorithm, read_session_key_spec, read_signing_algorithm,
};
use crate::public_key::{decode_wrapped, read_fingerprint};
use crate::{ProtoError, v30, versioned};

const SIGNATURE: &str = "Signature";
const SIGNATURE_DELEGATION: &str = "SignatureDelegation";
const ASYMMETRIC_ENCRYPTED: &str = "AsymmetricEncrypted";

/// The signature in a message.
///
/// A signature in the legacy format RAW is read as the format that its algorithm writes; without an algorithm, 64
/// bytes are CONCAT and anything else is DER (reference: keys and schemes, section 4.8).
///
/// # Errors
/// [`ProtoError::UnsupportedDelegation`] for a signature made by a session key: `signed_by` then names the key that
/// lent its right, not the key that signed, and checking against that one would be wrong. Otherwise a [`ProtoError`]
/// naming the first field that is missing, unknown or invalid.
pub fn read_signature(message: v30::Signature) -> Result<Signature, ProtoError> {
    if message.signature_delegation.is_some() {
        return Err(ProtoError::UnsupportedDelegation);
    }
    read_plain(message)
}

/// The signature in a message, by a long-term key or by a session key in its place.
///
/// # Errors
/// [`ProtoError::InvalidDelegation`], [`ProtoError::InvalidKey`] for what is no delegation or no session key; otherwise as
/// [`read_signature`].
pub fn read_protocol_signature(
    mut message: v30::Signature,
) -> Result<ProtocolSignature, ProtoError> {
    let delegation = message.signature_delegation.take();
    let signature = read_plain(message)?;
    let Some(delegation) = delegation else {
        return Ok(ProtocolSignature::LongTerm(signature));
    };
    // What the message says signed lent its right.
    let delegation = Arc::new(read_delegation(delegation, signature.signed_by)?);
    let session = SessionSignature::new(signature, delegation);
    Ok(ProtocolSignature::Session(session))
}

/// The signature in a message, without what let its key sign.
fn read_plain(message: v30::Signature) -> Result<Signature, ProtoError> {
    let algorithm = read_signing_algorithm(
        SIGNATURE,
        "signing_algorithm_spec",
        message.signing_algorithm_spec,
    )?;
    let signed_by = read_fingerprint(SIGNATURE, "signed_by", &message.signed_by)?;
    let place = Place::new(SIGNATURE, "format");
    read_bytes(
        place,
        message.format,
        message.signature,
        signed_by,
        algorithm,
    )
}

/// A signature whose format is the number `format` at `place`.
fn read_bytes(
    place: Place,
    format: i32,
    bytes: Vec<u8>,
    signed_by: Fingerprint,
    algorithm: Option<SigningAlgorithm>,
) -> Result<Signature, ProtoError> {
    use v30::SignatureFormat as Format;
    let format = match place.known(format)? {
        Format::Raw => return Ok(Signature::from_legacy(bytes, signed_by, algorithm)),
        Format::Der => SignatureFormat::Der,
        Format::Concat => SignatureFormat::Concat,
        Format::Symbolic => return Err(place.symbolic()),
        Format::Unspecified => return Err(place.not_set()),
    };
    Ok(Signature {
        bytes,
        format,
        signed_by,
        algorithm,
    })
}

/// The delegation by `long_term_key`. The session key travels as bare SubjectPublicKeyInfo; that it is for messages of the
/// protocol goes without saying.
fn read_delegation(
    message: v30::SignatureDelegation,
    long_term_key: Fingerprint,
) -> Result<SignatureDelegation, ProtoError> {
    const NAME: &str = SIGNATURE_DELEGATION;
    let invalid = |source| ProtoError::InvalidDelegation { source };
    let spec = read_session_key_spec(NAME, "session_key_spec", message.session_key_spec)?;
    let usages = KeyUsages::only(KeyUsage::Protocol);
    let session_key = SigningPublicKey::from_spki(spec, &message.session_key, usages);
    let session_key = session_key.map_err(|source| ProtoError::InvalidKey {
        message: NAME,
        source,
    })?;
    let seconds = NonZeroU32::new(message.validity_period_duration_seconds)
        .ok_or(invalid(DelegationError::NoPeriod))?;
    let from = Timestamp::from_micros(message.validity_period_from_inclusive);
    let algorithm = read_signing_algorithm(
        NAME,
        "signing_algorithm_spec",
        message.signing_algorithm_spec,
    )?;
    let signature = read_bytes(
        Place::new(NAME, "format"),
        message.format,
        message.signature,
        long_term_key,
        algorithm,
    )?;
    let validity = ValidityPeriod::new(from, seconds);
    SignatureDelegation::try_new(session_key, validity, signature).map_err(invalid)
}

impl From<&SignatureDelegation> for v30::SignatureDelegation {
    fn from(delegation: &SignatureDelegation) -> Self {
        let (key, validity) = (delegation.session_key(), delegation.validity());
        let signature = v30::Signature::from(delegation.signature());
        Self {
            session_key: key.spki().to_vec(),
            session_key_spec: key.spec().number(),
            validity_period_from_inclusive: validity.from().as_micros(),
            validity_period_duration_seconds: validity.seconds().get(),
            format: signature.format,
            signature: signature.signature,
            signing_algorithm_spec: signature.signing_algorithm_spec,
        }
    }
}

impl From<&ProtocolSignature> for v30::Signature {
    /// With a delegation, `signed_by` is the long-term key.
    fn from(signature: &ProtocolSignature) -> Self {
        Self {
            signed_by: signature.long_term_key().to_string(),
            signature_delegation: signature.delegation().map(|it| it.as_ref().into()),
            ..signature.signature().into()
        }
    }
}

/// The wrapped `Signature`, with the delegation if there is one.
#[must_use]
pub fn encode_protocol_signature(signature: &ProtocolSignature) -> Vec<u8> {
    versioned::wrap_message(&v30::Signature::from(signature).encode_to_vec())
}

/// Reads a wrapped `Signature`, by a long-term key or a session key.
///
/// # Errors
/// [`ProtoError::Malformed`]; otherwise as [`read_protocol_signature`].
pub fn decode_protocol_signature(bytes: &[u8]) -> Result<ProtocolSignature, ProtoError> {
    read_protocol_signature(decode_wrapped(SIGNATURE, bytes)?)
}

impl From<&Signature> for v30::Signature {
    fn from(signature: &Signature) -> Self {
        signature.clone().into()
    }
}

impl From<Signature> for v30::Signature {
    fn from(signature: Signature) -> Self {
        use v30::SigningAlgorithmSpec as Algorithm;
        Self {
            format: v30::SignatureFormat::from(signature.format).into(),
            signature: signature.bytes,
            signed_by: signature.signed_by.to_string(),
            signing_algorithm_spec: signature
                .algorithm
                .map_or(Algorithm::Unspecified, Algorithm::from)
                .into(),
            signature_delegation: None,
        }
    }
}

/// The wrapped `Signature`.
#[must_use]
pub fn encode_signature(signature: &Signature) -> Vec<u8> {
    versioned::wrap_message(&v30::Signature::from(signature).encode_to_vec())
}

/// Reads a wrapped `Signature`.
///
/// # Errors
/// [`ProtoError::Malformed`]; otherwise as [`read_signature`].
pub fn decode_signature(bytes: &[u8]) -> Result<Signature, ProtoError> {
    read_signature(decode_wrapped(SIGNATURE, bytes)?)
}

/// The ciphertext in a message.
///
/// # Errors
/// A [`ProtoError`] naming the first field that is missing, unknown or invalid.
pub fn read_asymmetric_encrypted(
    message: &v30::AsymmetricEncrypted,
) -> Result<AsymmetricEncrypted, ProtoError> {
    const NAME: &str = ASYMMETRIC_ENCRYPTED;
    Ok(AsymmetricEncrypted {
        algorithm: read_encryption_algorithm(
            NAME,
            "encryption_algorithm_spec",
            message.encryption_algorithm_spec,
        )?,
        encrypted_for: read_fingerprint(NAME, "fingerprint", &message.fingerprint)?,
        ciphertext: message.ciphertext.clone(),
    })
}

impl From<&AsymmetricEncrypted> for v30::AsymmetricEncrypted {
    fn from(encrypted: &AsymmetricEncrypted) -> Self {
        Self {
            ciphertext: encrypted.ciphertext.clone(),
            encryption_algorithm_spec: v30::EncryptionAlgorithmSpec::from(encrypted.algorithm)
                .into(),
            fingerprint: encrypted.encrypted_for.to_string(),
        }
    }
}

/// The wrapped `AsymmetricEncrypted`.
#[must_use]
pub fn encode_asymmetric_encrypted(encrypted: &AsymmetricEncrypted) -> Vec<u8> {
    versioned::wrap_message(&v30::AsymmetricEncrypted::from(encrypted).encode_to_vec())
}

/// Reads a wrapped `AsymmetricEncrypted`.
///
/// # Errors
/// [`ProtoError::Malformed`]; otherwise as [`read_asymmetric_encrypted`].
pub fn decode_asymmetric_encrypted(bytes: &[u8]) -> Result<AsymmetricEncrypted, ProtoError> {
    read_asymmetric_encrypted(&decode_wrapped(ASYMMETRIC_ENCRYPTED, bytes)?)
}
