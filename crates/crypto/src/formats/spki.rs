//! Public keys: X.509 `SubjectPublicKeyInfo` (RFC 5280).

use aws_lc_rs::rsa::PublicEncryptingKey;
use curve25519_dalek::{
    edwards::{CompressedEdwardsY, EdwardsPoint},
    scalar::Scalar,
};
use der::{Encode, asn1::BitStringRef};
use pkcs1::RsaPublicKeyRef;
use spki::SubjectPublicKeyInfoRef;

use super::{Curve, Half, KeyFile, KeyKind, Shape, der_error, expect_length, from_der};
use crate::key_error::KeyError;
use crate::spec::{EncryptionKeySpec, KeyFormat, KeyPurpose, KeySpec, SigningKeySpec};

const ED25519_PREFIX: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
const P256_PREFIX: &[u8] =
    b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
const P384_PREFIX: &[u8] =
    b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00";
const SECP256K1_PREFIX: &[u8] =
    b"\x30\x56\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x0a\x03\x42\x00";
const ML_DSA_65_PREFIX: &[u8] =
    b"\x30\x82\x07\xb2\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12\x03\x82\x07\xa1\x00";
const RSA_2048_PREFIX: &[u8] =
    b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82\
                                 \x01\x0f\x00";

/// Length in bytes of an ML-DSA-65 public key (FIPS 204, table 2).
const ML_DSA_65_LENGTH: usize = 1952;

/// All that stands before the key in the SPKI of a spec. Every supported key has a fixed length (RSA because its
/// modulus has exactly 2048 bits and its exponent is 65537), so the header does not vary.
const fn prefix(kind: KeyKind) -> &'static [u8] {
    match kind {
        KeyKind::Ed25519 => ED25519_PREFIX,
        KeyKind::Ec(Curve::P256) => P256_PREFIX,
        KeyKind::Ec(Curve::P384) => P384_PREFIX,
        KeyKind::Ec(Curve::Secp256k1) => SECP256K1_PREFIX,
        KeyKind::MlDsa65 => ML_DSA_65_PREFIX,
        KeyKind::Rsa => RSA_2048_PREFIX,
    }
}

/// The SPKI around `bits`, which must be the checked key of that spec.
pub(crate) fn spki_of_bits(spec: KeySpec, bits: &[u8]) -> Box<[u8]> {
    [prefix(KeyKind::of(spec)), bits].concat().into()
}

/// The key in an SPKI that [`validate_spki`] returned: 32 bytes of Ed25519, an uncompressed point, the PKCS#1 form
/// of RSA, the bytes of ML-DSA.
pub(crate) fn key_bits(spec: KeySpec, spki: &[u8]) -> &[u8] {
    spki.get(prefix(KeyKind::of(spec)).len()..)
        .unwrap_or_default()
}

/// The 65 bytes of the uncompressed point in a P-256 SPKI that [`validate_spki`] returned.
pub(crate) fn ec_point(spki: &[u8]) -> &[u8] {
    key_bits(KeySpec::Encryption(EncryptionKeySpec::EcP256), spki)
}

/// Checks everything about a public key (section 6.1) and returns its SPKI with an uncompressed point.
///
/// The result has one encoding per key, so that its fingerprint identifies the key.
pub(crate) fn validate_spki(spec: KeySpec, spki: &[u8]) -> Result<Box<[u8]>, KeyError> {
    let (kind, bits) = split(spki)?;
    kind.expect(spec)?;
    validate_bits(spec, bits)
}

/// The SPKI around a bare public key, after everything about the key was checked: the same one that
/// [`SigningPublicKey::from_spki`](crate::SigningPublicKey::from_spki) and
/// [`EncryptionPublicKey::from_spki`](crate::EncryptionPublicKey::from_spki) keep, with an uncompressed point.
///
/// `bits` are the 32 bytes of an Ed25519 key, a point in its SEC 1 form, an `RSAPublicKey` in DER (RFC 8017), or the bytes
/// of an ML-DSA key: what a KMS without SPKI shows.
///
/// # Errors
/// [`KeyError`] if they are no valid key of this spec.
pub fn spki_of_key_bits(spec: KeySpec, bits: &[u8]) -> Result<Box<[u8]>, KeyError> {
    validate_bits(spec, bits)
}

/// Finds the spec of a public key in PEM or DER, or of the bare 32 bytes of an Ed25519 key, and checks it.
pub(crate) fn detect_public(
    bytes: &[u8],
    purpose: KeyPurpose,
) -> Result<(KeySpec, Box<[u8]>), KeyError> {
    if bytes.len() == 32 {
        let spec = KeyKind::Ed25519.spec_for(purpose)?;
        return Ok((spec, validate_bits(spec, bytes)?));
    }
    let file = KeyFile::read(bytes, Half::Public)?;
    // EXPOSE: a public key is not secret; the container is shared with private keys.
    let der = file.der();
    let (kind, bits) = match file.shape() {
        Shape::Pkcs1Public => (KeyKind::Rsa, der),
        _ => split(der)?,
    };
    let spec = kind.spec_for(purpose)?;
    Ok((spec, validate_bits(spec, bits)?))
}

/// The SPKI in a PEM or DER file that holds an RSA public key of any size; its numbers are not checked.
pub(crate) fn detect_rsa(bytes: &[u8]) -> Result<Vec<u8>, KeyError> {
    let file = KeyFile::read(bytes, Half::Public)?;
    // EXPOSE: a public key is not secret; the container is shared with private keys.
    let der = file.der();
    if file.shape() == Shape::Pkcs1Public {
        let encoded = KeyKind::Rsa.with_identifier(|algorithm| {
            let subject_public_key = BitStringRef::from_bytes(der)?;
            SubjectPublicKeyInfoRef {
                algorithm,
                subject_public_key,
            }
            .to_der()
        });
        return encoded.map_err(|source| der_error("RSAPublicKey", source));
    }
    match split(der)?.0 {
        KeyKind::Rsa => Ok(der.to_vec()),
        other => Err(KeyError::NotAWrappingKey {
            found: other.name(),
        }),
    }
}

/// Checks a public key of declared spec and format; also tells whether the format is a legacy one (section 4.8).
pub(crate) fn public_from_encoded(
    spec: KeySpec,
    format: KeyFormat,
    bytes: &[u8],
) -> Result<(Box<[u8]>, bool), KeyError> {
    const ED25519: KeySpec = KeySpec::Signing(SigningKeySpec::EcCurve25519);
    const SECP256K1: KeySpec = KeySpec::Signing(SigningKeySpec::EcSecp256k1);
    match (format, spec) {
        (KeyFormat::DerX509SubjectPublicKeyInfo, _) => Ok((validate_spki(spec, bytes)?, false)),
        (KeyFormat::Raw, ED25519) => Ok((validate_bits(spec, bytes)?, true)),
        (KeyFormat::LegacyDer, spec) if spec != ED25519 && spec != SECP256K1 => {
            Ok((validate_spki(spec, bytes)?, true))
        }
        _ => Err(KeyError::UnexpectedFormat { spec, format }),
    }
}

/// An SPKI in PEM armour.
pub(crate) fn public_pem(spki: &[u8]) -> String {
    use data_encoding::BASE64;
    let text = BASE64.encode(spki);
    let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at_checked(64).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = tail;
    }
    pem.push_str("-----END PUBLIC KEY-----\n");
    pem
}

fn split(spki: &[u8]) -> Result<(KeyKind, &[u8]), KeyError> {
    let parsed: SubjectPublicKeyInfoRef<'_> = from_der("SubjectPublicKeyInfo", spki)?;
    let kind = KeyKind::identify(&parsed.algorithm)?;
    let bits = parsed
        .subject_public_key
        .as_bytes()
        .ok_or_else(|| KeyError::Malformed {
            structure: "SubjectPublicKeyInfo",
            source: der::Tag::BitString.value_error().into(),
        })?;
    Ok((kind, bits))
}

/// Checks a key without its header, and puts the header before it.
fn validate_bits(spec: KeySpec, bits: &[u8]) -> Result<Box<[u8]>, KeyError> {
    match spec {
        KeySpec::Signing(SigningKeySpec::EcCurve25519) => validate_ed25519(bits)?,
        KeySpec::Signing(SigningKeySpec::MlDsa65) => {
            expect_length("ML-DSA-65 public key", ML_DSA_65_LENGTH, bits)?
        }
        KeySpec::Encryption(EncryptionKeySpec::Rsa2048) => return validate_rsa(spec, bits),
        KeySpec::Signing(_) | KeySpec::Encryption(EncryptionKeySpec::EcP256) => {
            let point = Curve::of(spec).and_then(|curve| curve.normalise_point(bits));
            return Ok(spki_of_bits(
                spec,
                &point.ok_or(KeyError::InvalidPoint { spec })?,
            ));
        }
    }
    Ok(spki_of_bits(spec, bits))
}

/// Full validation of an Ed25519 point, as BouncyCastle's `validatePublicKeyFull` does it: canonical, on the
/// curve, and in the subgroup of prime order without being its neutral element.
///
/// Decompression reduces a y coordinate that is not below the prime 2^255 - 19, which would give a key two encodings. It
/// gives none: such coordinates reduce to 0 to 18, and no point with one of those is in the subgroup (a test tries all).
///
/// Under a key of small order one signature verifies for many messages; under a key with a small component two
/// verifiers may disagree about one signature.
fn validate_ed25519(bits: &[u8]) -> Result<(), KeyError> {
    let invalid = KeyError::InvalidPoint {
        spec: KeySpec::Signing(SigningKeySpec::EcCurve25519),
    };
    expect_length("Ed25519 public key", 32, bits)?;
    let Some(encoded) = bits.first_chunk::<32>() else {
        return Err(invalid);
    };
    let Some(point) = CompressedEdwardsY(*encoded).decompress() else {
        return Err(invalid);
    };
    if point.is_small_order() {
        Err(KeyError::SmallOrderPoint)
    } else if !is_torsion_free(&point) {
        Err(KeyError::MixedOrderPoint)
    } else {
        Ok(())
    }
}

/// Whether the point is in the subgroup of prime order ℓ: whether (ℓ - 1)·A = -A.
///
/// Public keys are public, so the multiplication need not take the same time for each: the check of the library does, and
/// takes half as long again, which counts where a hundred thousand keys are read.
fn is_torsion_free(point: &EdwardsPoint) -> bool {
    let minus_one = -Scalar::ONE;
    EdwardsPoint::vartime_double_scalar_mul_basepoint(&minus_one, point, &Scalar::ZERO) == -point
}

fn validate_rsa(spec: KeySpec, bits: &[u8]) -> Result<Box<[u8]>, KeyError> {
    let key: RsaPublicKeyRef<'_> = from_der("RSAPublicKey", bits)?;
    check_rsa_numbers(key.modulus.as_bytes(), key.public_exponent.as_bytes())?;
    let spki = spki_of_bits(spec, bits);
    PublicEncryptingKey::from_der(&spki).map_err(KeyError::RsaInconsistent)?;
    Ok(spki)
}

/// Both numbers big endian, without leading zeros.
pub(super) fn check_rsa_numbers(modulus: &[u8], public_exponent: &[u8]) -> Result<(), KeyError> {
    let leading_zeros = modulus.first().map_or(0, |byte| byte.leading_zeros());
    let bits = u32::try_from(modulus.len())
        .unwrap_or(u32::MAX)
        .saturating_mul(8)
        .saturating_sub(leading_zeros);
    if bits != 2048 {
        return Err(KeyError::RsaModulus { bits });
    }
    if public_exponent == [1, 0, 1] {
        Ok(())
    } else {
        Err(KeyError::RsaExponent)
    }
}
