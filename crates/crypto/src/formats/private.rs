//! Private keys: PKCS#8 (RFC 5958), SEC 1 (RFC 5915) and PKCS#1 (RFC 8017).

use aws_lc_rs::encoding::{AsDer, AsRawBytes, Pkcs8V1Der};
use aws_lc_rs::rsa::PrivateDecryptingKey;
use aws_lc_rs::signature::{ML_DSA_65_SIGNING, PqdsaKeyPair};
use der::asn1::{ContextSpecific, OctetStringRef, SequenceRef};
use der::{Encode, Reader};
use pkcs1::RsaPrivateKeyRef;
use pkcs8::PrivateKeyInfoRef;
use sec1::{EcParameters, EcPrivateKey};
use strongroom_memory::{SecretBytes, SecretWriter};
use subtle::ConstantTimeEq;

use super::spki::check_rsa_numbers;
use super::{Curve, KeyKind, der_error, from_der};
use crate::key_error::KeyError;

/// Length in bytes of an Ed25519 or ML-DSA seed.
pub(crate) const SEED_LENGTH: usize = 32;

/// Length in bytes of an expanded ML-DSA-65 private key (FIPS 204, table 2).
pub(crate) const EXPANDED_LENGTH: usize = 4032;

const PRIVATE_KEY_INFO: &str = "PrivateKeyInfo";

/// A private key as read, not yet checked against its spec.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) kind: KeyKind,
    /// In the form that `PrivateKey` stores.
    pub(crate) secret: SecretBytes,
    /// The public keys that came with it, in the form that an SPKI holds: up to one of the outer and one of the
    /// inner structure.
    pub(crate) embedded: Vec<Vec<u8>>,
}

impl Parsed {
    fn bare(kind: KeyKind, secret: SecretBytes) -> Self {
        Self {
            kind,
            secret,
            embedded: Vec::new(),
        }
    }
}

/// Reads PKCS#8 of either version.
pub(crate) fn parse_pkcs8(der: &[u8]) -> Result<Parsed, KeyError> {
    let info: PrivateKeyInfoRef<'_> = from_der(PRIVATE_KEY_INFO, der)?;
    let inner = info.private_key.as_bytes();
    let kind = KeyKind::identify(&info.algorithm)?;
    let mut parsed = match kind {
        KeyKind::Ed25519 => Parsed::bare(kind, octets("Ed25519 seed", SEED_LENGTH, inner)?),
        KeyKind::Ec(curve) => parse_ec(inner, Some(curve))?,
        KeyKind::Rsa => Parsed::bare(kind, canonical_rsa(der)?),
        KeyKind::MlDsa65 => Parsed::bare(kind, parse_ml_dsa(inner)?),
    };
    if let Some(public) = info.public_key {
        let bits = public.as_bytes().ok_or_else(|| KeyError::Malformed {
            structure: PRIVATE_KEY_INFO,
            source: der::Tag::BitString.value_error().into(),
        })?;
        parsed.embedded.push(bits.to_vec());
    }
    Ok(parsed)
}

/// Reads `ECPrivateKey`, which must name its curve.
pub(crate) fn parse_sec1(der: &[u8]) -> Result<Parsed, KeyError> {
    parse_ec(der, None)
}

/// Reads `RSAPrivateKey`.
pub(crate) fn parse_pkcs1(der: &[u8]) -> Result<Parsed, KeyError> {
    let wrapped = encode_info(KeyKind::Rsa, der)?;
    // EXPOSE: parsed and checked by AWS-LC.
    Ok(Parsed::bare(KeyKind::Rsa, canonical_rsa(wrapped.expose())?))
}

/// PKCS#8 around a stored private key, as BouncyCastle lays it out: version 0; EC keys with their curve and public
/// point; ML-DSA keys with seed and expanded key, or with what is there.
pub(crate) fn encode_pkcs8(kind: KeyKind, stored: &SecretBytes) -> Result<SecretBytes, KeyError> {
    // EXPOSE: laid out for export, in locked memory.
    let secret = stored.expose();
    let inner = match kind {
        KeyKind::Rsa => return Ok(SecretBytes::from_slice(secret)),
        KeyKind::Ed25519 => encode_octets(secret)?,
        KeyKind::Ec(curve) => encode_ec(curve, secret)?,
        KeyKind::MlDsa65 => encode_ml_dsa(secret)?,
    };
    // EXPOSE: framed, from locked memory into locked memory.
    encode_info(kind, inner.expose())
}

/// Checks an RSA private key in PKCS#8 and encodes it anew, without attributes and embedded public key.
pub(crate) fn canonical_rsa(pkcs8: &[u8]) -> Result<SecretBytes, KeyError> {
    let info: PrivateKeyInfoRef<'_> = from_der(PRIVATE_KEY_INFO, pkcs8)?;
    let numbers: RsaPrivateKeyRef<'_> = from_der("RSAPrivateKey", info.private_key.as_bytes())?;
    check_rsa_numbers(
        numbers.modulus.as_bytes(),
        numbers.public_exponent.as_bytes(),
    )?;
    let key = PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(KeyError::RsaInconsistent)?;
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).map_err(|_unspecified| KeyError::Library {
        operation: "encode an RSA key",
    })?;
    Ok(SecretBytes::from_slice(der.as_ref()))
}

fn parse_ec(der: &[u8], outer: Option<Curve>) -> Result<Parsed, KeyError> {
    let key: EcPrivateKey<'_> = from_der("ECPrivateKey", der)?;
    let inner = key
        .parameters
        .and_then(EcParameters::named_curve)
        .map(|oid| {
            Curve::from_oid(oid).ok_or_else(|| KeyError::UnsupportedAlgorithm {
                oid: oid.to_string(),
            })
        });
    let curve = match (outer, inner.transpose()?) {
        (Some(outer), Some(inner)) if outer != inner => return Err(KeyError::HalvesDiffer),
        (Some(curve), _) | (None, Some(curve)) => curve,
        (None, None) => {
            return Err(KeyError::AlgorithmParameters {
                algorithm: "elliptic curve",
            });
        }
    };
    let kind = KeyKind::Ec(curve);
    let secret = pad_scalar(curve, key.private_key)?;
    Ok(Parsed {
        kind,
        secret,
        embedded: key.public_key.map(<[u8]>::to_vec).into_iter().collect(),
    })
}

/// Some writers leave out the leading zero bytes of a scalar, which RFC 5915 forbids and BouncyCastle reads.
fn pad_scalar(curve: Curve, scalar: &[u8]) -> Result<SecretBytes, KeyError> {
    let expected = curve.field_length();
    let found = scalar.len();
    let padding = expected.checked_sub(found).filter(|_| found > 0);
    let padding = padding.ok_or(KeyError::Length {
        part: "private scalar",
        expected,
        found,
    })?;
    let mut padded = SecretBytes::zeroed(expected);
    // EXPOSE: the scalar moves to its place in locked memory.
    if let Some(place) = padded.expose_mut().get_mut(padding..) {
        place.copy_from_slice(scalar);
    }
    Ok(padded)
}

fn encode_ec(curve: Curve, scalar: &[u8]) -> Result<SecretBytes, KeyError> {
    let point = curve.public_point(scalar).ok_or(KeyError::Library {
        operation: "derive a public point",
    })?;
    encode(&EcPrivateKey {
        private_key: scalar,
        parameters: Some(EcParameters::NamedCurve(curve.oid())),
        public_key: Some(&point),
    })
}

/// `ML-DSA-65-PrivateKey` (RFC 9881): a seed, an expanded key, or both.
fn parse_ml_dsa(inner: &[u8]) -> Result<SecretBytes, KeyError> {
    const SEED_TAG: u8 = 0x80;
    const SEQUENCE_TAG: u8 = 0x30;
    match inner.first() {
        Some(&SEED_TAG) => exactly(
            "ML-DSA-65 seed",
            SEED_LENGTH,
            decode_seed(inner)?.value.as_bytes(),
        ),
        Some(&SEQUENCE_TAG) => parse_ml_dsa_both(inner),
        _ => octets("expanded ML-DSA-65 private key", EXPANDED_LENGTH, inner),
    }
}

fn decode_seed(inner: &[u8]) -> Result<ContextSpecific<&OctetStringRef>, KeyError> {
    let malformed = |source| der_error("ML-DSA-65 private key", source);
    let mut reader = der::SliceReader::new(inner).map_err(malformed)?;
    let seed =
        ContextSpecific::decode_implicit(&mut reader, der::TagNumber(0)).map_err(malformed)?;
    reader.finish().map_err(malformed)?;
    seed.ok_or(KeyError::Length {
        part: "ML-DSA-65 seed",
        expected: SEED_LENGTH,
        found: 0,
    })
}

fn parse_ml_dsa_both(inner: &[u8]) -> Result<SecretBytes, KeyError> {
    let malformed = |source| der_error("ML-DSA-65 private key", source);
    let sequence: &SequenceRef = from_der("ML-DSA-65 private key", inner)?;
    let mut reader = der::SliceReader::new(sequence.as_bytes()).map_err(malformed)?;
    let seed: &OctetStringRef = reader.decode().map_err(malformed)?;
    let expanded: &OctetStringRef = reader.decode().map_err(malformed)?;
    reader.finish().map_err(malformed)?;
    let seed = exactly("ML-DSA-65 seed", SEED_LENGTH, seed.as_bytes())?;
    // EXPOSE: expanded to compare it with the other form.
    let ours = expand(seed.expose())?;
    if bool::from(ours.expose().ct_eq(expanded.as_bytes())) {
        Ok(seed)
    } else {
        Err(KeyError::HalvesDiffer)
    }
}

/// The expanded form of an ML-DSA-65 seed (FIPS 204, algorithm 6).
fn expand(seed: &[u8]) -> Result<SecretBytes, KeyError> {
    let library = KeyError::Library {
        operation: "expand an ML-DSA seed",
    };
    let key =
        PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, seed).map_err(KeyError::MlDsaInconsistent)?;
    let expanded = key
        .private_key()
        .as_raw_bytes()
        .map_err(|_unspecified| library)?;
    Ok(SecretBytes::from_slice(expanded.as_ref()))
}

fn encode_ml_dsa(stored: &[u8]) -> Result<SecretBytes, KeyError> {
    if stored.len() != SEED_LENGTH {
        return encode_octets(stored);
    }
    // EXPOSE: laid out for export.
    let expanded = expand(stored)?;
    let mut both = SecretWriter::with_capacity(4 + 2 + SEED_LENGTH + 4 + EXPANDED_LENGTH);
    both.push(b"\x30\x82\x0f\xe6");
    // EXPOSE: both forms go into the export, which is a secret itself.
    both.push(encode_octets(stored)?.expose());
    both.push(encode_octets(expanded.expose())?.expose());
    Ok(both.finish())
}

/// The contents of an OCTET STRING that must have `expected` bytes.
fn octets(part: &'static str, expected: usize, der: &[u8]) -> Result<SecretBytes, KeyError> {
    let string: &OctetStringRef = from_der(part, der)?;
    exactly(part, expected, string.as_bytes())
}

fn exactly(part: &'static str, expected: usize, bytes: &[u8]) -> Result<SecretBytes, KeyError> {
    if bytes.len() == expected {
        Ok(SecretBytes::from_slice(bytes))
    } else {
        Err(KeyError::Length {
            part,
            expected,
            found: bytes.len(),
        })
    }
}

fn encode_octets(bytes: &[u8]) -> Result<SecretBytes, KeyError> {
    encode(&OctetStringRef::new(bytes).map_err(too_long)?)
}

fn encode_info(kind: KeyKind, inner: &[u8]) -> Result<SecretBytes, KeyError> {
    let private_key = OctetStringRef::new(inner).map_err(too_long)?;
    kind.with_identifier(|algorithm| encode(&PrivateKeyInfoRef::new(algorithm, private_key)))
}

/// DER straight into locked memory.
fn encode(value: &impl Encode) -> Result<SecretBytes, KeyError> {
    let length = value
        .encoded_len()
        .and_then(usize::try_from)
        .map_err(too_long)?;
    SecretBytes::fill_with(length, |buffer| value.encode_to_slice(buffer).map(|_| ()))
        .map_err(too_long)
}

/// Only lengths beyond the limits of the encoder make it fail.
fn too_long(source: der::Error) -> KeyError {
    KeyError::Malformed {
        structure: PRIVATE_KEY_INFO,
        source,
    }
}
