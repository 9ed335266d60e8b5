//! Signing: mechanisms, and signatures in the format of their algorithm.

use aws_lc_rs::digest;
use cryptoki::error::Error;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use der::Encode;
use der::asn1::UintRef;
use strongroom_crypto::SigningKeySpec;

/// Curves as PKCS#11 names them: an object identifier, in DER.
const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const P384: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x22";
const SECP256K1: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x0a";
const ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";
/// The other name that PKCS#11 3.0 allows: a PrintableString.
const ED25519_AS_TEXT: &[u8] = b"\x13\x0cedwards25519";

/// How a token signs with keys of one spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Means {
    pub(crate) spec: SigningKeySpec,
    /// CKA_EC_PARAMS.
    pub(crate) curve: &'static [u8],
    hashing: Hashing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hashing {
    /// The mechanism hashes, with SHA-256 or SHA-384.
    InToken,
    /// We hash, and the mechanism takes the hash.
    Here,
    /// The algorithm takes the message itself.
    None,
}

/// The ways to try for a spec, best first.
pub(crate) fn means(spec: SigningKeySpec) -> Vec<Means> {
    let of = |curve, hashing| Means {
        spec,
        curve,
        hashing,
    };
    let ecdsa = |curve| vec![of(curve, Hashing::InToken), of(curve, Hashing::Here)];
    match spec {
        SigningKeySpec::EcP256 => ecdsa(P256),
        SigningKeySpec::EcP384 => ecdsa(P384),
        SigningKeySpec::EcSecp256k1 => ecdsa(SECP256K1),
        SigningKeySpec::EcCurve25519 => vec![
            of(ED25519, Hashing::None),
            of(ED25519_AS_TEXT, Hashing::None),
        ],
        // PKCS#11 3.2 has it, but no token that could be tried.
        SigningKeySpec::MlDsa65 => Vec::new(),
    }
}

impl Means {
    /// The mechanism that makes a pair.
    pub(crate) fn generation(&self) -> Mechanism<'static> {
        match self.hashing {
            Hashing::None => Mechanism::EccEdwardsKeyPairGen,
            Hashing::InToken | Hashing::Here => Mechanism::EccKeyPairGen,
        }
    }

    fn mechanism(&self) -> Mechanism<'static> {
        match (self.hashing, self.spec) {
            (Hashing::None, _) => Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519)),
            (Hashing::Here, _) => Mechanism::Ecdsa,
            (Hashing::InToken, SigningKeySpec::EcP384) => Mechanism::EcdsaSha384,
            (Hashing::InToken, _) => Mechanism::EcdsaSha256,
        }
    }

    /// Whether the token says that it has these mechanisms. That it says so proves nothing; that it does not saves trying.
    pub(crate) fn is_listed(&self, mechanisms: &[MechanismType]) -> bool {
        [self.generation(), self.mechanism()]
            .iter()
            .all(|mechanism| mechanisms.contains(&mechanism.mechanism_type()))
    }

    /// A signature of `message` in the format of the algorithm; `None`: the token answered something that is no signature.
    pub(crate) fn sign(
        &self,
        session: &Session,
        key: ObjectHandle,
        message: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        let mechanism = self.mechanism();
        let hash = match (self.hashing, self.spec) {
            (Hashing::InToken | Hashing::None, _) => None,
            (Hashing::Here, SigningKeySpec::EcP384) => {
                Some(digest::digest(&digest::SHA384, message))
            }
            (Hashing::Here, _) => Some(digest::digest(&digest::SHA256, message)),
        };
        let data = hash.as_ref().map_or(message, |hash| hash.as_ref());
        let signature = session.sign(&mechanism, key, data)?;
        Ok(match self.hashing {
            Hashing::None => Some(signature),
            Hashing::InToken | Hashing::Here => ecdsa_der(&signature),
        })
    }
}

/// PKCS#11 joins both numbers, each as long as the order of the curve; the ledger wants `SEQUENCE { r, s }` in DER.
fn ecdsa_der(joined: &[u8]) -> Option<Vec<u8>> {
    if joined.is_empty() || !joined.len().is_multiple_of(2) {
        return None;
    }
    let (r, s) = joined.split_at_checked(joined.len() / 2)?;
    [UintRef::new(r).ok()?, UintRef::new(s).ok()?].to_der().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_signature_lose_leading_zeros_and_gain_a_sign() {
        let joined = [0, 0, 1, 0xff, 0, 2].to_vec();
        let expected = [0x30, 9, 2, 1, 1, 2, 4, 0, 0xff, 0, 2];
        assert_eq!(ecdsa_der(&joined).unwrap(), expected);
    }

    #[test]
    fn an_answer_that_cannot_be_two_numbers_is_no_signature() {
        assert_eq!(ecdsa_der(&[]), None);
        assert_eq!(ecdsa_der(&[1, 2, 3]), None);
    }
}
