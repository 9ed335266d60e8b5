//! Public halves, from the attributes of PKCS#11 to SPKI.

use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::Session;
use der::asn1::{OctetStringRef, UintRef};
use der::{Decode, Encode};
use strongroom_crypto::{EncryptionKeySpec, KeySpec, SigningKeySpec, spki_of_key_bits};

use crate::error::Pkcs11Error;
use crate::fault::Fault;

/// The SPKI of a public key object; checked, with an uncompressed point. `None`: the token does not show the key.
pub(crate) fn spki(
    session: &Session,
    object: ObjectHandle,
    spec: KeySpec,
) -> Result<Option<Box<[u8]>>, Fault> {
    let wanted: &[AttributeType] = match spec {
        KeySpec::Signing(_) | KeySpec::Encryption(EncryptionKeySpec::EcP256) => {
            &[AttributeType::EcPoint]
        }
        KeySpec::Encryption(EncryptionKeySpec::Rsa2048) => {
            &[AttributeType::Modulus, AttributeType::PublicExponent]
        }
    };
    let attributes = session.get_attributes(object, wanted)?;
    let bits = match attributes.as_slice() {
        [Attribute::EcPoint(point)] => bare_point(spec, point).map(<[u8]>::to_vec),
        [
            Attribute::Modulus(modulus),
            Attribute::PublicExponent(exponent),
        ] => rsa_public_key(modulus, exponent),
        _ => None,
    };
    bits.map(|bits| spki_of_key_bits(spec, &bits))
        .transpose()
        .map_err(|error| Pkcs11Error::PublicKey(error).into())
}

/// The point in the SPKI of a key on a curve: the last bytes of it.
pub(crate) fn bare_point_in(spec: KeySpec, spki: &[u8]) -> Option<&[u8]> {
    spki.get(spki.len().checked_sub(bare_length(spec))?..)
}

/// The point without the OCTET STRING that PKCS#11 wants around it, and that some tokens leave away.
///
/// Both begin with 04, so the length decides: a bare point is exactly as long as points of the curve are.
fn bare_point(spec: KeySpec, point: &[u8]) -> Option<&[u8]> {
    if point.len() == bare_length(spec) {
        return Some(point);
    }
    let string = <&OctetStringRef>::from_der(point).ok()?;
    Some(string.as_bytes())
}

const fn bare_length(spec: KeySpec) -> usize {
    match spec {
        KeySpec::Signing(SigningKeySpec::EcCurve25519) => 32,
        KeySpec::Signing(SigningKeySpec::EcP384) => 97,
        _ => 65,
    }
}

/// `RSAPublicKey ::= SEQUENCE { modulus, publicExponent }` (RFC 8017, appendix A.1.1).
fn rsa_public_key(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    [UintRef::new(modulus).ok()?, UintRef::new(exponent).ok()?]
        .to_der()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: KeySpec = KeySpec::Signing(SigningKeySpec::EcP256);

    /// A bare point whose second byte looks like the length of what follows it.
    #[test]
    fn a_point_that_looks_like_an_octet_string_is_kept_whole() {
        let bare = [[4, 63].as_slice(), &[7; 63]].concat();
        assert_eq!(bare_point(SPEC, &bare), Some(bare.as_slice()));
        let wrapped = [[4, 65].as_slice(), &bare].concat();
        assert_eq!(bare_point(SPEC, &wrapped), Some(bare.as_slice()));
    }

    #[test]
    fn what_is_neither_a_point_nor_an_octet_string_is_refused() {
        assert_eq!(bare_point(SPEC, &[4, 65, 4, 1]), None);
        assert_eq!(bare_point(SPEC, &[]), None);
    }

    #[test]
    fn an_rsa_key_is_a_sequence_of_modulus_and_exponent() {
        let expected = [0x30, 9, 2, 2, 0, 0x80, 2, 3, 1, 0, 1];
        assert_eq!(rsa_public_key(&[0x80], &[1, 0, 1]).unwrap(), expected);
    }
}
