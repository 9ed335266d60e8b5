//! Enumerations: numbers on the wire, types inside.
//!
//! To write, convert with `From` into the generated enumeration. To read, use the functions: value 0 means that the
//! field is not set and is an error wherever nothing else is said; a number that the contract does not have is one
//! too. `message` and `field` are the contract's names, for the error. Writers never set the legacy `scheme`.

use strongroom_crypto::{
    EncryptionAlgorithm, EncryptionKeySpec, KeyFormat, KeyPurpose, SignatureFormat,
    SigningAlgorithm, SigningKeySpec,
};

use crate::{ProtoError, v30};

/// A field of a message, by the names of the contract, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) message: &'static str,
    pub(crate) field: &'static str,
}

impl Place {
    pub(crate) const fn new(message: &'static str, field: &'static str) -> Self {
        Self { message, field }
    }

    pub(crate) const fn not_set(self) -> ProtoError {
        ProtoError::FieldNotSet {
            message: self.message,
            field: self.field,
        }
    }

    pub(crate) const fn symbolic(self) -> ProtoError {
        ProtoError::Symbolic {
            message: self.message,
            field: self.field,
        }
    }

    /// The generated enumeration value of a number.
    pub(crate) fn known<E: TryFrom<i32>>(self, value: i32) -> Result<E, ProtoError> {
        E::try_from(value).ok().ok_or(ProtoError::UnrecognizedEnum {
            message: self.message,
            field: self.field,
            value,
        })
    }
}

/// The field that errors name when neither the spec nor the legacy scheme is set.
const SPEC_OR_SCHEME: &str = "key_spec and scheme";

/// The spec of a signing key in `message`; `scheme` counts only when `key_spec` is not set.
///
/// # Errors
/// [`ProtoError::FieldNotSet`], [`ProtoError::UnrecognizedEnum`]; with both at 0 the field is `key_spec and scheme`.
pub fn read_signing_key_spec(
    message: &'static str,
    key_spec: i32,
    scheme: i32,
) -> Result<SigningKeySpec, ProtoError> {
    use v30::SigningKeyScheme as Scheme;
    if let Some(spec) = known_signing_spec(Place::new(message, "key_spec"), key_spec)? {
        return Ok(spec);
    }
    match Place::new(message, "scheme").known(scheme)? {
        Scheme::Ed25519 => Ok(SigningKeySpec::EcCurve25519),
        Scheme::EcDsaP256 => Ok(SigningKeySpec::EcP256),
        Scheme::EcDsaP384 => Ok(SigningKeySpec::EcP384),
        Scheme::Unspecified => Err(Place::new(message, SPEC_OR_SCHEME).not_set()),
    }
}

/// The spec of a session key, which has no legacy scheme.
///
/// # Errors
/// [`ProtoError::FieldNotSet`], [`ProtoError::UnrecognizedEnum`].
pub(crate) fn read_session_key_spec(
    message: &'static str,
    field: &'static str,
    value: i32,
) -> Result<SigningKeySpec, ProtoError> {
    let place = Place::new(message, field);
    known_signing_spec(place, value)?.ok_or_else(|| place.not_set())
}

fn known_signing_spec(place: Place, value: i32) -> Result<Option<SigningKeySpec>, ProtoError> {
    use v30::SigningKeySpec as Spec;
    Ok(match place.known(value)? {
        Spec::EcCurve25519 => Some(SigningKeySpec::EcCurve25519),
        Spec::EcP256 => Some(SigningKeySpec::EcP256),
        Spec::EcP384 => Some(SigningKeySpec::EcP384),
        Spec::EcSecp256k1 => Some(SigningKeySpec::EcSecp256k1),
        Spec::MlDsa65 => Some(SigningKeySpec::MlDsa65),
        Spec::Unspecified => None,
    })
}

/// The spec of an encryption key in `message`; `scheme` counts only when `key_spec` is not set.
///
/// # Errors
/// [`ProtoError::FieldNotSet`], [`ProtoError::UnrecognizedEnum`]; with both at 0 the field is `key_spec and scheme`.
pub fn read_encryption_key_spec(
    message: &'static str,
    key_spec: i32,
    scheme: i32,
) -> Result<EncryptionKeySpec, ProtoError> {
    use v30::{EncryptionKeyScheme as Scheme, EncryptionKeySpec as Spec};
    match Place::new(message, "key_spec").known(key_spec)? {
        Spec::EcP256 => Ok(EncryptionKeySpec::EcP256),
        Spec::Rsa2048 => Ok(EncryptionKeySpec::Rsa2048),
        Spec::Unspecified => match Place::new(message, "scheme").known(scheme)? {
            Scheme::EciesP256HkdfHmacSha256Aes128gcm | Scheme::EciesP256HmacSha256aEs128cbc => {
                Ok(EncryptionKeySpec::EcP256)
            }
            Scheme::Rsa2048OaepSha256 => Ok(EncryptionKeySpec::Rsa2048),
            Scheme::Unspecified => Err(Place::new(message, SPEC_OR_SCHEME).not_set()),
        },
    }
}

/// The format of a key.
///
/// # Errors
/// [`ProtoError::FieldNotSet`], [`ProtoError::UnrecognizedEnum`], [`ProtoError::Symbolic`].
pub fn read_key_format(
    message: &'static str,
    field: &'static str,
    value: i32,
) -> Result<KeyFormat, ProtoError> {
    let place = Place::new(message, field);
    use v30::CryptoKeyFormat as Format;
    match place.known(value)? {
        Format::Der => Ok(KeyFormat::LegacyDer),
        Format::Raw => Ok(KeyFormat::Raw),
        Format::DerX509SubjectPublicKeyInfo => Ok(KeyFormat::DerX509SubjectPublicKeyInfo),
        Format::DerPkcs8PrivateKeyInfo => Ok(KeyFormat::DerPkcs8PrivateKeyInfo),
        Format::Symbolic => Err(place.symbolic()),
        Format::Unspecified => Err(place.not_set()),
    }
}

/// The algorithm of a signature; old signatures do not say it.
///
/// # Errors
/// [`ProtoError::UnrecognizedEnum`].
pub fn read_signing_algorithm(
    message: &'static str,
    field: &'static str,
    value: i32,
) -> Result<Option<SigningAlgorithm>, ProtoError> {
    let place = Place::new(message, field);
    use v30::SigningAlgorithmSpec as Algorithm;
    Ok(match place.known(value)? {
        Algorithm::Ed25519 => Some(SigningAlgorithm::Ed25519),
        Algorithm::EcDsaSha256 => Some(SigningAlgorithm::EcDsaSha256),
        Algorithm::EcDsaSha384 => Some(SigningAlgorithm::EcDsaSha384),
        Algorithm::MlDsa65 => Some(SigningAlgorithm::MlDsa65),
        Algorithm::Unspecified => None,
    })
}

/// The algorithm of a ciphertext.
///
/// # Errors
/// [`ProtoError::FieldNotSet`], [`ProtoError::UnrecognizedEnum`].
pub fn read_encryption_algorithm(
    message: &'static str,
    field: &'static str,
    value: i32,
) -> Result<EncryptionAlgorithm, ProtoError> {
    let place = Place::new(message, field);
    use v30::EncryptionAlgorithmSpec as Algorithm;
    match place.known(value)? {
        Algorithm::EciesHkdfHmacSha256Aes128cbc => {
            Ok(EncryptionAlgorithm::EciesHkdfHmacSha256Aes128Cbc)
        }
        Algorithm::RsaOaepSha256 => Ok(EncryptionAlgorithm::RsaOaepSha256),
        Algorithm::Unspecified => Err(place.not_set()),
    }
}

/// What a key is for.
///
/// # Errors
/// [`ProtoError::FieldNotSet`], [`ProtoError::UnrecognizedEnum`].
pub fn read_key_purpose(
    message: &'static str,
    field: &'static str,
    value: i32,
) -> Result<KeyPurpose, ProtoError> {
    let place = Place::new(message, field);
    match place.known(value)? {
        v30::KeyPurpose::Signing => Ok(KeyPurpose::Signing),
        v30::KeyPurpose::Encryption => Ok(KeyPurpose::Encryption),
        v30::KeyPurpose::Unspecified => Err(place.not_set()),
    }
}

/// Makes each variant of an inner enumeration a variant of the generated one.
macro_rules! write_as {
    ($($name:ident { $($inner:ident => $wire:ident,)+ })+) => {
        $(impl From<$name> for v30::$name {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$inner => Self::$wire,)+
                }
            }
        })+
    };
}

write_as! {
    SigningKeySpec {
        EcCurve25519 => EcCurve25519,
        EcP256 => EcP256,
        EcP384 => EcP384,
        EcSecp256k1 => EcSecp256k1,
        MlDsa65 => MlDsa65,
    }
    EncryptionKeySpec {
        EcP256 => EcP256,
        Rsa2048 => Rsa2048,
    }
    SignatureFormat {
        Der => Der,
        Concat => Concat,
    }
    KeyPurpose {
        Signing => Signing,
        Encryption => Encryption,
    }
}

impl From<SigningAlgorithm> for v30::SigningAlgorithmSpec {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Ed25519 => Self::Ed25519,
            SigningAlgorithm::EcDsaSha256 => Self::EcDsaSha256,
            SigningAlgorithm::EcDsaSha384 => Self::EcDsaSha384,
            SigningAlgorithm::MlDsa65 => Self::MlDsa65,
        }
    }
}

impl From<EncryptionAlgorithm> for v30::EncryptionAlgorithmSpec {
    fn from(algorithm: EncryptionAlgorithm) -> Self {
        match algorithm {
            EncryptionAlgorithm::EciesHkdfHmacSha256Aes128Cbc => Self::EciesHkdfHmacSha256Aes128cbc,
            EncryptionAlgorithm::RsaOaepSha256 => Self::RsaOaepSha256,
        }
    }
}

impl From<KeyFormat> for v30::CryptoKeyFormat {
    fn from(format: KeyFormat) -> Self {
        match format {
            KeyFormat::Raw => Self::Raw,
            KeyFormat::LegacyDer => Self::Der,
            KeyFormat::DerX509SubjectPublicKeyInfo => Self::DerX509SubjectPublicKeyInfo,
            KeyFormat::DerPkcs8PrivateKeyInfo => Self::DerPkcs8PrivateKeyInfo,
        }
    }
}
