//! Signatures and ciphertexts as messages.

use prost::Message;
use strongroom_crypto::{AsymmetricEncrypted, Signature, SignatureFormat};

use crate::enums::{Place, read_encryption_algorithm, read_signing_algorithm};
use crate::public_key::{decode_wrapped, read_fingerprint};
use crate::{ProtoError, v30, versioned};

const SIGNATURE: &str = "Signature";
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
    use v30::SignatureFormat as Format;
    if message.signature_delegation.is_some() {
        return Err(ProtoError::UnsupportedDelegation);
    }
    let place = Place::new(SIGNATURE, "format");
    let algorithm = read_signing_algorithm(
        SIGNATURE,
        "signing_algorithm_spec",
        message.signing_algorithm_spec,
    )?;
    let signed_by = read_fingerprint(SIGNATURE, "signed_by", &message.signed_by)?;
    let bytes = message.signature;
    let format = match place.known(message.format)? {
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

impl From<&Signature> for v30::Signature {
    fn from(signature: &Signature) -> Self {
        use v30::SigningAlgorithmSpec as Algorithm;
        Self {
            format: v30::SignatureFormat::from(signature.format).into(),
            signature: signature.bytes.clone(),
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
