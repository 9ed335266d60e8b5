//! The elliptic curves in Weierstrass form.

use aws_lc_rs::agreement;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{self, EcdsaVerificationAlgorithm, ParsedPublicKey};
use der::asn1::ObjectIdentifier;
use k256::elliptic_curve::sec1::ToSec1Point;

use crate::secp256k1;
use crate::spec::{EncryptionKeySpec, KeySpec, SigningKeySpec};

/// A curve whose points and scalars are encoded as in SEC 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    Secp256k1,
}

impl Curve {
    const ALL: [Self; 3] = [Self::P256, Self::P384, Self::Secp256k1];

    pub(crate) fn of(spec: KeySpec) -> Option<Self> {
        match spec {
            KeySpec::Signing(SigningKeySpec::EcP256)
            | KeySpec::Encryption(EncryptionKeySpec::EcP256) => Some(Self::P256),
            KeySpec::Signing(SigningKeySpec::EcP384) => Some(Self::P384),
            KeySpec::Signing(SigningKeySpec::EcSecp256k1) => Some(Self::Secp256k1),
            KeySpec::Signing(SigningKeySpec::EcCurve25519 | SigningKeySpec::MlDsa65)
            | KeySpec::Encryption(EncryptionKeySpec::Rsa2048) => None,
        }
    }

    /// The name of the curve (RFC 5480, SEC 2).
    pub(crate) const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::P256 => ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
            Self::P384 => ObjectIdentifier::new_unwrap("1.3.132.0.34"),
            Self::Secp256k1 => ObjectIdentifier::new_unwrap("1.3.132.0.10"),
        }
    }

    pub(crate) fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.oid() == oid)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::Secp256k1 => "secp256k1",
        }
    }

    /// The length in bytes of a coordinate and of a scalar.
    pub(crate) const fn field_length(self) -> usize {
        match self {
            Self::P256 | Self::Secp256k1 => 32,
            Self::P384 => 48,
        }
    }

    /// The length in bytes of an uncompressed point.
    pub(crate) const fn point_length(self) -> usize {
        1 + 2 * self.field_length()
    }

    /// The uncompressed form of a point in compressed or uncompressed form; `None` unless it is a point of this
    /// curve other than infinity. The hybrid form of X9.62 is refused: a key has two encodings, not four.
    pub(crate) fn normalise_point(self, point: &[u8]) -> Option<Vec<u8>> {
        let well_formed = match point.first() {
            Some(0x02 | 0x03) => point.len() == 1 + self.field_length(),
            Some(0x04) => point.len() == self.point_length(),
            _ => false,
        };
        if !well_formed {
            return None;
        }
        match self.aws_lc() {
            Some((verification, _)) => {
                // AWS-LC checks the equation of the curve when it parses, and writes SPKI with the full point.
                let spki = ParsedPublicKey::new(verification, point)
                    .ok()?
                    .as_der()
                    .ok()?;
                let start = spki.as_ref().len().checked_sub(self.point_length())?;
                spki.as_ref().get(start..).map(<[u8]>::to_vec)
            }
            None => {
                let key = k256::PublicKey::from_sec1_bytes(point).ok()?;
                Some(key.to_sec1_point(false).as_bytes().to_vec())
            }
        }
    }

    /// The uncompressed public point of a private scalar; `None` unless the scalar has the exact length and lies
    /// in `1..n`.
    pub(crate) fn public_point(self, scalar: &[u8]) -> Option<Vec<u8>> {
        if scalar.len() != self.field_length() {
            return None;
        }
        match self.aws_lc() {
            Some((_, agreement)) => {
                let key = agreement::PrivateKey::from_private_key(agreement, scalar).ok()?;
                Some(key.compute_public_key().ok()?.as_ref().to_vec())
            }
            None => secp256k1::leaving_no_stack(|| secp256k1::public_point(scalar)),
        }
    }

    /// The algorithms through which AWS-LC parses points and scalars; `None` for the curve of `k256`.
    fn aws_lc(
        self,
    ) -> Option<(
        &'static EcdsaVerificationAlgorithm,
        &'static agreement::Algorithm,
    )> {
        match self {
            Self::P256 => Some((&signature::ECDSA_P256_SHA256_ASN1, &agreement::ECDH_P256)),
            Self::P384 => Some((&signature::ECDSA_P384_SHA384_ASN1, &agreement::ECDH_P384)),
            Self::Secp256k1 => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// The order of each curve (SEC 2), big endian.
    fn order(curve: Curve) -> Vec<u8> {
        let hex = match curve {
            Curve::P256 => "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
            Curve::P384 => {
                "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"
            }
            Curve::Secp256k1 => "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        };
        HEXLOWER.decode(hex.as_bytes()).unwrap()
    }

    fn compressed(point: &[u8], curve: Curve) -> Vec<u8> {
        let parity = 2 + (point[point.len() - 1] & 1);
        [&[parity], &point[1..=curve.field_length()]].concat()
    }

    #[test]
    fn scalars_from_one_to_the_order_less_one_are_accepted_and_no_others() {
        for curve in Curve::ALL {
            let length = curve.field_length();
            let mut one = vec![0; length];
            one[length - 1] = 1;
            let order = order(curve);
            let mut last = order.clone();
            last[length - 1] -= 1;
            assert!(curve.public_point(&one).is_some(), "{curve:?}");
            assert!(curve.public_point(&last).is_some(), "{curve:?}");
            assert_eq!(curve.public_point(&vec![0; length]), None, "{curve:?}");
            assert_eq!(curve.public_point(&order), None, "{curve:?}");
            assert_eq!(curve.public_point(&vec![0xff; length]), None, "{curve:?}");
            assert_eq!(curve.public_point(&one[1..]), None, "{curve:?}");
        }
    }

    #[test]
    fn a_compressed_point_becomes_the_uncompressed_one() {
        for curve in Curve::ALL {
            for last in 1..=8 {
                let mut scalar = vec![0; curve.field_length()];
                scalar[curve.field_length() - 1] = last;
                let point = curve.public_point(&scalar).unwrap();
                assert_eq!(point.len(), curve.point_length());
                assert_eq!(
                    curve.normalise_point(&point).as_ref(),
                    Some(&point),
                    "{curve:?}"
                );
                assert_eq!(
                    curve.normalise_point(&compressed(&point, curve)),
                    Some(point),
                    "{curve:?}"
                );
            }
        }
    }

    #[test]
    fn points_off_the_curve_at_infinity_or_in_hybrid_form_are_refused() {
        for curve in Curve::ALL {
            let mut scalar = vec![0; curve.field_length()];
            scalar[3] = 9;
            let point = curve.public_point(&scalar).unwrap();
            let mut off_curve = point.clone();
            *off_curve.last_mut().unwrap() ^= 1;
            let mut hybrid = point.clone();
            hybrid[0] = 6 + (point[point.len() - 1] & 1);
            let mut zeros = vec![0; curve.point_length()];
            zeros[0] = 4;
            for bad in [
                vec![],
                vec![0],
                zeros,
                off_curve,
                hybrid,
                point[..point.len() - 1].to_vec(),
            ] {
                assert_eq!(curve.normalise_point(&bad), None, "{curve:?} {bad:02x?}");
            }
        }
    }

    #[test]
    fn a_point_of_another_curve_of_the_same_size_is_refused() {
        let scalar = [7; 32];
        let p256 = Curve::P256.public_point(&scalar).unwrap();
        let secp256k1 = Curve::Secp256k1.public_point(&scalar).unwrap();
        assert_eq!(Curve::Secp256k1.normalise_point(&p256), None);
        assert_eq!(Curve::P256.normalise_point(&secp256k1), None);
    }
}
