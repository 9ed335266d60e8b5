//! Bringing a private key into the token, as the numbers that it consists of.

use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use der::asn1::OctetStringRef;
use der::{Decode, Encode};
use pkcs1::RsaPrivateKeyRef;
use pkcs8::PrivateKeyInfoRef;
use strongroom_crypto::{KeySpec, PrivateKey, SigningKeySpec};
use strongroom_kms::KmsError;
use zeroize::Zeroize;

use super::public_key;
use crate::error::Pkcs11Error;
use crate::fault::Fault;
use crate::templates::{self, Place};

/// Creates both halves and answers their handles, the public one first. `curve`: CKA_EC_PARAMS, for keys that sign.
///
/// The public half comes first, and goes again if the private one is refused: nothing is a key of ours without a private half.
pub(crate) fn create(
    session: &Session,
    place: &Place,
    key: &PrivateKey,
    curve: Option<&[u8]>,
) -> Result<(ObjectHandle, ObjectHandle), Fault> {
    let (mut public, private) = templates::imported_pair(place, key.spec());
    let mut private = Secret(private);
    match (key.spec(), curve) {
        (KeySpec::Signing(spec), Some(curve)) => {
            add_curve(key, spec, curve, &mut public, &mut private)?
        }
        (KeySpec::Encryption(_), None) => add_rsa(key, &mut public, &mut private)?,
        _ => return Err(unreadable()),
    }
    let public = session.create_object(&public)?;
    match session.create_object(&private.0) {
        Ok(private) => Ok((public, private)),
        Err(refused) => {
            // The refusal is what the caller must know.
            let _stays = session.destroy_object(public);
            Err(refused.into())
        }
    }
}

/// A template with secret values, which are wiped when it goes.
struct Secret(Vec<Attribute>);

impl Drop for Secret {
    fn drop(&mut self) {
        for attribute in &mut self.0 {
            match attribute {
                Attribute::Value(bytes)
                | Attribute::PrivateExponent(bytes)
                | Attribute::Prime1(bytes)
                | Attribute::Prime2(bytes)
                | Attribute::Exponent1(bytes)
                | Attribute::Exponent2(bytes)
                | Attribute::Coefficient(bytes) => bytes.zeroize(),
                _ => {}
            }
        }
    }
}

fn add_curve(
    key: &PrivateKey,
    spec: SigningKeySpec,
    curve: &[u8],
    public: &mut Vec<Attribute>,
    private: &mut Secret,
) -> Result<(), Fault> {
    let kind = match spec {
        SigningKeySpec::EcCurve25519 => KeyType::EC_EDWARDS,
        _ => KeyType::EC,
    };
    let spki = key.public_spki().map_err(Pkcs11Error::from)?;
    let point = public_key::bare_point_in(key.spec(), &spki).ok_or_else(unreadable)?;
    let point = OctetStringRef::new(point).and_then(|point| point.to_der());
    public.extend([
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::KeyType(kind),
        Attribute::EcParams(curve.to_vec()),
        Attribute::EcPoint(point.map_err(|_too_long| unreadable())?),
    ]);
    private.0.extend([
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::KeyType(kind),
        Attribute::EcParams(curve.to_vec()),
        // EXPOSE: the library of the token takes seed or scalar as it is; wiped with the template.
        Attribute::Value(key.stored().expose().to_vec()),
    ]);
    Ok(())
}

fn add_rsa(
    key: &PrivateKey,
    public: &mut Vec<Attribute>,
    private: &mut Secret,
) -> Result<(), Fault> {
    // EXPOSE: the library of the token takes the numbers as they are; those of the template are wiped with it.
    let info = PrivateKeyInfoRef::from_der(key.stored().expose());
    let info = info.map_err(|_malformed| unreadable())?;
    let numbers = RsaPrivateKeyRef::from_der(info.private_key.as_bytes());
    let numbers = numbers.map_err(|_malformed| unreadable())?;
    let bytes = |number: der::asn1::UintRef<'_>| number.as_bytes().to_vec();
    let (modulus, exponent) = (bytes(numbers.modulus), bytes(numbers.public_exponent));
    public.extend([
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::KeyType(KeyType::RSA),
        Attribute::Modulus(modulus.clone()),
        Attribute::PublicExponent(exponent.clone()),
    ]);
    private.0.extend([
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::KeyType(KeyType::RSA),
        Attribute::Modulus(modulus),
        Attribute::PublicExponent(exponent),
        Attribute::PrivateExponent(bytes(numbers.private_exponent)),
        Attribute::Prime1(bytes(numbers.prime1)),
        Attribute::Prime2(bytes(numbers.prime2)),
        Attribute::Exponent1(bytes(numbers.exponent1)),
        Attribute::Exponent2(bytes(numbers.exponent2)),
        Attribute::Coefficient(bytes(numbers.coefficient)),
    ]);
    Ok(())
}

/// Cannot be: the key was checked before.
fn unreadable() -> Fault {
    let source = "its numbers cannot be read".into();
    KmsError::InvalidPrivateKey { source }.into()
}
